"""The addresses of the API's first version."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from runs.api import views

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
    path("compare/", views.Compare.as_view(), name="api_compare"),
    path("schema/", SpectacularJSONAPIView.as_view(), name="api_schema"),
    re_path(r"", views.Nothing.as_view()),
]
