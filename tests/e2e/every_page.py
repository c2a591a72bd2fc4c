"""Every page of the site, each with real rows behind it: what the tests of pages walk through.

A new URL is either given an address here or named among those that show no page; a test fails for
one that is neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import URLPattern, URLResolver, get_resolver

from runs import applying, reviewing
from runs.models import ApiToken, ProfileRun, Proposal
from tests.gpu_rows import gpu_run
from tests.measured_runs import failed_run, sized_run
from tests.rows import Rows

PASSWORD = "correct horse battery"
#: Answered with data, a file or a redirect; or only posted to, and seen on the page they lead to.
NO_PAGE = {
    "home",
    "health",
    "sign_out",
    "form_by_command",
    "model_set_tag",
    "model_remove_tag",
    "model_add_property",
    "docs_image",
    "compare_report",
    "compare_series",
    "model_sizes",
    "run_live",
    "run_what_if",
    "run_series",
    "run_points_csv",
    "run_report",
    "run_raw",
    "run_raw_series",
    "run_log",
    "run_mend",
    "run_told",
    "run_again",
    "proposal_act",
    "filter_save",
    "filter_delete",
    "columns_choose",
    "bulk_act",
    "upload_stage",
    "upload_discard",
}
#: The administration's pages that are about no kind of row.
ADMIN_PATHS = [
    "/admin/", "/admin/runs/", "/admin/auth/", "/admin/password_change/", "/admin/queues/",
    "/admin/queues/sweep/", "/admin/samples/", "/admin/samples/drop/?days=1",
]  # fmt: skip


@dataclass(frozen=True)
class Address:
    """`page` is the URL pattern's name; `what` tells apart several looks of it."""

    page: str
    path: str
    what: str = ""

    @property
    def id(self) -> str:
        return f"{self.page}-{self.what}" if self.what else self.page


#: What is shown, by the name of its URL pattern; {braces} name a row that `make_rows` made.
PATHS = {
    "sign_in": ["/sign-in/"],
    "model_list": ["/models/", "/models/?q=nothing-like-it"],
    "model_portfolio": ["/models/portfolio/"],
    "model_register": ["/models/register/"],
    "model_detail": ["/models/ridge/1/", "/models/bare/1/"],
    "dataset_list": ["/datasets/"],
    "dataset_register": ["/datasets/register/"],
    "dataset_detail": ["/datasets/requests/1/"],
    "config_list": ["/configs/"],
    "config_register": ["/configs/register/"],
    "config_detail": ["/configs/score/1/"],
    "docs_index": ["/docs/"],
    "docs_page": ["/docs/sizing/", "/docs/spec/", "/docs/settings/"],
    "target_list": ["/targets/"],
    "search": ["/search/?q=ridge", "/search/?q=nothing-like-it", "/search/"],
    "run_list": ["/runs/", "/runs/?state=failed&columns=state,objective,finished_at"],
    "run_compare": ["/runs/compare/?runs={sized},{again}&base={sized}", "/runs/compare/"],
    "run_new": ["/runs/new/", "/runs/new/?clone={sized}"],
    "run_cancel": ["/runs/{queued}/cancel/", "/runs/{running}/cancel/", "/runs/{stopping}/cancel/"],
    "run_detail": [
        "/runs/{sized}/", "/runs/{gpu}/", "/runs/{failed}/", "/runs/{queued}/",
        "/runs/{running}/", "/runs/{stopping}/", "/runs/{cancelled}/",
    ],
    "run_points": ["/runs/{sized}/points/latency/"],
    "run_apply": ["/runs/{sized}/apply/"],
    "run_propose": ["/runs/{sized}/propose/"],
    "proposal_list": ["/review/"],
    "proposal_detail": ["/review/{open}/", "/review/{applied}/"],
}  # fmt: skip


def make_rows() -> dict[str, object]:
    """Rows in every state that a page has a look for; by the names that `PATHS` uses."""
    owner = User.objects.create_superuser("root", password=PASSWORD)
    reviewer = User.objects.create_user("carol", password=PASSWORD)
    reviewer.groups.add(Group.objects.get_or_create(name="reviewer")[0])
    make = Rows(owner)
    model = make.model(
        tags={"requestedCpu": "1", "requestedMemoryInGb": "1"}, properties={"trained": "2026"}
    )
    make.model("bare")
    config, dataset, target = make.config(), make.dataset(), make.target()
    common = {"models": [model], "config": config, "dataset": dataset, "target": target}
    runs = {
        "again": sized_run(make, **common),
        "sized": sized_run(make, **common),
        "gpu": gpu_run(make, models=[model]),
        "failed": failed_run(
            make, "ScriptFailed", "score.py has no run().", "Traceback: ...", **common
        ),
        "queued": make.run(**common),
        "running": make.run(**common),
        "stopping": make.run(**common),
        "cancelled": make.run(**common),
    }
    token = runs["running"].begin(1)
    runs["running"].progress(token, "warming", 0.3, "Warming up.")
    runs["stopping"].begin(1)
    for name in ("stopping", "cancelled"):
        runs[name].request_cancel(owner)
    ApiToken.objects.make(user=owner, name="pipeline")
    return {name: run.name for name, run in runs.items()} | _proposals(runs, owner, reviewer)


def _proposals(runs: dict[str, ProfileRun], owner: User, reviewer: User) -> dict[str, int]:
    """One that waits for a reviewer, with something said; and one that was applied."""
    run = runs["sized"]
    size = applying.advised_size(run)
    proposals = [
        Proposal.objects.propose(
            run, run.models.all(), size, owner, reviewers=[reviewer], baseline=runs["again"],
            text="Fits, **@carol**. See `cpu`.",
        )
        for _ in range(2)
    ]  # fmt: skip
    waiting, applied = proposals
    waiting.comment(reviewer, "What about the *peak*?")
    applied.approve(reviewer, "Good.")
    reviewing.apply(applied, owner, confirmed=True)
    return {"open": waiting.pk, "applied": applied.pk}


def site_pages() -> list[Address]:
    return [
        Address(page, path, path if len(paths) > 1 else "")
        for page, paths in PATHS.items()
        for path in paths
    ]


def url_names() -> set[str]:
    """The names of all URL patterns of the site itself: not the administration's or the API's."""
    return {
        pattern.name
        for pattern in _patterns(get_resolver("runs.urls").url_patterns)
        if pattern.name
    }


def _patterns(patterns: list) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def admin_kinds() -> list[str]:
    """`app/model` of every kind of row that the administration shows."""
    return sorted(
        f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry
    )


def admin_paths(kind: str) -> list[str]:
    """A kind's list, its empty form, and the page of one of its rows where there is one; of one
    kind also those that are the same for all.
    """
    app, name = kind.split("/")
    row = apps.get_model(app, name)._default_manager.first()
    place = f"/admin/{kind}/"
    pages = ("change", "history", "delete") if kind == "auth/user" else ("change",)
    of_row = [f"{place}{row.pk}/{page}/" for page in pages] if row else []
    return [place, f"{place}add/", *of_row]
