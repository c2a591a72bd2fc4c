"""Where every page lives."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("runs.api.urls")),
    path("", include("runs.urls")),
]

handler400 = "runs.views.errors.bad_request"
handler404 = "runs.views.errors.not_found"
