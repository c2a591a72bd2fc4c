"""Where every page lives. RQ's dashboard sits inside the admin, under Django-RQ."""

from django.contrib import admin
from django.urls import include, path

admin.site.site_header = admin.site.site_title = "Model Profiler"
admin.site.index_title = "Administration"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("runs.api.urls")),
    path("", include("runs.urls")),
]
