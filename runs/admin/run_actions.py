"""What an administrator does to the chosen runs: a page says first what will happen to each."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from runs.admin.shell import shell_line
from runs.models import ProfileRun
from runs.run_rescue import CANCEL, Rescue


def ask_or_act(
    rescue: Rescue, model_admin: admin.ModelAdmin, request: HttpRequest, chosen: QuerySet
) -> HttpResponse | None:
    """The page that asks; None, back to the list, once it was answered and done."""
    runs = list(chosen.select_related("target"))
    why = request.POST.get("why", "").strip()
    if "confirmed" in request.POST and (why or not rescue.asks_why):
        done = rescue.carry_out(runs, request.user, why)
        model_admin.message_user(request, f"{len(done)} of {len(runs)} run(s) {rescue.done}.")
        return None
    context = {
        **admin.site.each_context(request),
        "title": rescue.title,
        "action": rescue,
        "plans": [rescue.plan(run) for run in runs],
        "why_missing": "confirmed" in request.POST,
        "opts": model_admin.opts,
        "names": [run.name for run in runs],
        "command": "" if rescue is CANCEL else _command(rescue, runs, request.user.get_username()),
    }
    return TemplateResponse(request, "admin/run_action.html", context)


def _command(rescue: Rescue, runs: list[ProfileRun], who: str) -> str:
    """The same on the server's command line. Cancelling is of the client, as of the runs' list."""
    why = ["--why", "Why"] if rescue.asks_why else []
    names = [run.name for run in runs]
    return shell_line(rescue.name, *names, "--by", who, *why)
