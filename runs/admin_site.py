"""The administration: what it shows, in the order of who asks for it, and its own pages."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator

#: Headings of the index, each with the kinds of row under it: `app.model` in lower case.
SECTIONS = {
    "People": [
        "auth.user", "auth.group", "runs.apitoken", "runs.savedfilter", "runs.chosencolumns",
    ],
    "Registry": ["runs.registeredmodel", "runs.dataset", "runs.inferenceconfig"],
    "Runs": ["runs.profilerun", "runs.proposal"],
    "Where runs execute": ["runs.target", "runs.workerheartbeat"],
    "How sizes are found and priced": ["runs.sizingpolicy", "runs.pricelist"],
    "Kept for the record": [
        "runs.measurement", "runs.samplechunk", "runs.logchunk", "runs.storedfiles",
        "runs.stagedupload",
        "runs.tagevent", "runs.proposalevent", "runs.keyedanswer", "admin.logentry",
    ],
}  # fmt: skip
REST = "Signing in"


class ProfilerAdminSite(admin.AdminSite):
    site_header = site_title = "Model Profiler"
    index_title = "Administration"
    # The index is one click away, and a page of rows needs the width.
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern]:
        # Here, because what is in runs.admin registers itself with this site.
        from runs.admin import queues, samples

        own = [
            path("queues/", self.admin_view(queues.show), name="queues"),
            path("queues/sweep/", self.admin_view(queues.sweep), name="sweep"),
            path("samples/", self.admin_view(samples.show), name="samples"),
            path("samples/drop/", self.admin_view(samples.drop), name="samples_drop"),
        ]
        return own + super().get_urls()

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The site's own page for it; another account would not help who is signed in."""
        place = request.GET.get("next") or reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(place)
        if self.has_permission(request):
            return redirect("admin:index")
        raise PermissionDenied(
            "The administration is for staff, and your account is none. An administrator can "
            "make it so, under Administration, Users."
        )

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict]:
        """The index by `SECTIONS`; an app's own page as Django has it."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        rows = {
            f"{app['app_label']}.{row['object_name'].lower()}": row
            for app in apps
            for row in app["models"]
        }
        sections = [
            _section(title, [rows.pop(name) for name in names if name in rows])
            for title, names in SECTIONS.items()
        ]
        for section in sections:
            section["models"] += OWN_PAGES.get(section["name"], list)()
        sections.append(_section(REST, list(rows.values())))
        return [section for section in sections if section["models"]]


def _section(title: str, rows: list[dict]) -> dict:
    label = title.lower().replace(" ", "-")
    return {"name": title, "app_label": label, "app_url": "", "models": rows}


def _page(title: str, name: str) -> dict:
    """A page that is about no kind of row, as the index lists those that are."""
    return {
        "name": title, "object_name": name, "admin_url": reverse(f"admin:{name}"), "add_url": None,
        "view_only": True,
    }  # fmt: skip


OWN_PAGES = {
    "Where runs execute": lambda: [_page("Queues", "queues")],
    "Kept for the record": lambda: [_page("Raw samples and their retention", "samples")],
}
