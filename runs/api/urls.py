"""The addresses of the API's first version."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from runs.api import acting, bulk, lists, proposals, registry, reports, targets, views

urlpatterns = [
    path("runs/", views.RunList.as_view(), name="api_run_list"),
    path("runs/<str:name>/", views.RunDetail.as_view(), name="api_run_detail"),
    path(
        "runs/<str:name>/measurements/",
        views.MeasurementList.as_view(),
        name="api_measurement_list",
    ),
    path(
        "runs/<str:name>/measurements/<int:ordinal>/",
        views.MeasurementDetail.as_view(),
        name="api_measurement_detail",
    ),
    path("runs/<str:name>/sizes/", views.SizeList.as_view(), name="api_size_list"),
    path("runs/<str:name>/status/", acting.RunStatus.as_view(), name="api_run_status"),
    path("runs/<str:name>/cancel/", acting.RunCancel.as_view(), name="api_run_cancel"),
    path("runs/<str:name>/again/", acting.RunAgain.as_view(), name="api_run_again"),
    path("runs/<str:name>/apply/", acting.RunApply.as_view(), name="api_run_apply"),
    path("runs/<str:name>/mend/", acting.RunMend.as_view(), name="api_run_mend"),
    path("runs/<str:name>/log/", acting.RunLog.as_view(), name="api_run_log"),
    path("runs/<str:name>/result/", acting.RunResult.as_view(), name="api_run_result"),
    path("runs/<str:name>/report/", reports.RunReport.as_view(), name="api_run_report"),
    path("runs/<str:name>/raw/<str:form>/", acting.RunRaw.as_view(), name="api_run_raw"),
    path(
        "runs/<str:name>/raw/<str:form>/<int:ordinal>/<str:series>/",
        acting.RunRawSeries.as_view(),
        name="api_run_raw_series",
    ),
    path("models/", registry.ModelList.as_view(), name="api_model_list"),
    path("models/<str:ref>/", registry.ModelDetail.as_view(), name="api_model_detail"),
    path("datasets/", registry.DatasetList.as_view(), name="api_dataset_list"),
    path("datasets/<str:ref>/", registry.DatasetDetail.as_view(), name="api_dataset_detail"),
    path("configs/", registry.ConfigList.as_view(), name="api_config_list"),
    path("configs/<str:ref>/", registry.ConfigDetail.as_view(), name="api_config_detail"),
    path("targets/", targets.TargetList.as_view(), name="api_target_list"),
    path("proposals/", proposals.ProposalList.as_view(), name="api_proposal_list"),
    path("proposals/<int:number>/", proposals.ProposalDetail.as_view(), name="api_proposal_detail"),
    path(
        "proposals/<int:number>/<slug:action>/",
        proposals.ProposalAct.as_view(),
        name="api_proposal_act",
    ),
    path("bulk/<slug:listing>/<slug:action>/", bulk.BulkAct.as_view(), name="api_bulk_act"),
    path("lists/<slug:listing>/<slug:form>/", lists.ListFile.as_view(), name="api_list_file"),
    path("compare/report/", reports.ComparisonReport.as_view(), name="api_compare_report"),
    path("compare/", views.Compare.as_view(), name="api_compare"),
    path("schema/", SpectacularJSONAPIView.as_view(), name="api_schema"),
    re_path(r"", views.Nothing.as_view()),
]
