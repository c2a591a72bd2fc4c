"""Django's administration, with the site of ours in place of its own."""

from django.contrib.admin.apps import AdminConfig


class ProfilerAdminConfig(AdminConfig):
    default_site = "runs.admin_site.ProfilerAdminSite"
