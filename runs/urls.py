"""Every page of the site. Lists and details by name, verbs last."""

from django.urls import path
from django.views.generic import RedirectView

from runs.views import (
    apply,
    compare,
    configs,
    datasets,
    docs,
    health,
    models,
    raw_data,
    run_new,
    runs,
    session,
    targets,
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="run_list"), name="home"),
    path("healthz", health.health, name="health"),
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-out/", session.sign_out, name="sign_out"),
    path("models/", models.model_list, name="model_list"),
    path("models/register/", models.model_register, name="model_register"),
    path("models/<str:name>/<int:version>/", models.model_detail, name="model_detail"),
    path("models/<str:name>/<int:version>/tags/", models.model_set_tag, name="model_set_tag"),
    path(
        "models/<str:name>/<int:version>/tags/remove/",
        models.model_remove_tag,
        name="model_remove_tag",
    ),
    path(
        "models/<str:name>/<int:version>/properties/",
        models.model_add_property,
        name="model_add_property",
    ),
    path("datasets/", datasets.dataset_list, name="dataset_list"),
    path("datasets/register/", datasets.dataset_register, name="dataset_register"),
    path("datasets/<str:name>/<int:version>/", datasets.dataset_detail, name="dataset_detail"),
    path("configs/", configs.config_list, name="config_list"),
    path("configs/register/", configs.config_register, name="config_register"),
    path("configs/<str:name>/<int:version>/", configs.config_detail, name="config_detail"),
    path("docs/", docs.docs_index, name="docs_index"),
    path("docs/images/<str:name>", docs.docs_image, name="docs_image"),
    path("docs/<slug:name>/", docs.docs_page, name="docs_page"),
    path("targets/", targets.target_list, name="target_list"),
    path("runs/", runs.run_list, name="run_list"),
    path("runs/compare/", compare.run_compare, name="run_compare"),
    path("runs/new/", run_new.run_new, name="run_new"),
    path("runs/<str:name>/", runs.run_detail, name="run_detail"),
    path("runs/<str:name>/live/", runs.run_live, name="run_live"),
    path("runs/<str:name>/series/<str:chart>/", runs.run_series, name="run_series"),
    path("runs/<str:name>/points/<str:chart>/", raw_data.run_points, name="run_points"),
    path("runs/<str:name>/points/<str:chart>/csv/", raw_data.run_points_csv, name="run_points_csv"),
    path("runs/<str:name>/raw/<str:form>/", raw_data.run_raw, name="run_raw"),
    path(
        "runs/<str:name>/raw/<str:form>/<int:ordinal>/<str:series>/",
        raw_data.run_raw_series,
        name="run_raw_series",
    ),
    path("runs/<str:name>/log/", runs.run_log, name="run_log"),
    path("runs/<str:name>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<str:name>/apply/", apply.run_apply, name="run_apply"),
]
