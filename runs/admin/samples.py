"""Raw samples: the room they take, what the retention drops, and dropping older ones by hand."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Sum
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from runs import retention
from runs.admin.access import check
from runs.admin.shell import shell_line
from runs.journal import note
from runs.models import ProfileRun, SampleChunk, StoredFiles

RUNS_LISTED = 20
DEFAULT_DAYS = 90


class DaysForm(forms.Form):
    days = forms.IntegerField(label="Older than, in days", min_value=1, max_value=36_500)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    check(request, "change")
    samples = SampleChunk.objects.aggregate(
        bytes=Sum(Length("blob")), runs=Count("run", distinct=True)
    )
    context = {
        **admin.site.each_context(request),
        "title": "Raw samples and their retention",
        "bytes": samples["bytes"] or 0,
        "runs": samples["runs"],
        "kept": ProfileRun.objects.filter(keep_raw=True).count(),
        "dropped": ProfileRun.objects.exclude(raw_dropped_at=None).count(),
        "files": StoredFiles.objects.aggregate(bytes=Sum("total_bytes"))["bytes"] or 0,
        "days": settings.RAW_RETENTION_DAYS,
        "form": DaysForm(initial={"days": settings.RAW_RETENTION_DAYS or DEFAULT_DAYS}),
    }
    return render(request, "admin/samples.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def drop(request: HttpRequest) -> HttpResponse:
    """`?days=90` says what would be dropped; posted, it is."""
    check(request, "change")
    form = DaysForm(request.POST or request.GET)
    if not form.is_valid():
        messages.error(request, "Say a number of days, 1 or more.")
        return redirect("admin:samples")
    days = form.cleaned_data["days"]
    if request.method == "POST":
        dropped = retention.drop_older_than(days)
        words = f"Dropped the raw samples of {dropped.runs} run(s)."
        note(request.user, f"Raw samples older than {days} days", words)
        messages.success(request, words)
        return redirect("admin:samples")
    outdated = retention.outdated(days)
    context = {
        **admin.site.each_context(request),
        "title": f"Drop raw samples older than {days} days?",
        "days": days,
        "command": shell_line("prune_raw", "--older-than-days", str(days)),
        "outdated": outdated,
        "listed": outdated.sizes[:RUNS_LISTED],
        "more": max(0, len(outdated.sizes) - RUNS_LISTED),
    }
    return render(request, "admin/samples_drop.html", context)
