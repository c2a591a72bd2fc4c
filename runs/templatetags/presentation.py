"""Template tags and filters: units, relative times, icons, badges, the main navigation."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django import template
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import Storage
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs import documentation, formatting
from runs.findings import findings_of
from runs.models import Measurement, ProfileRun, Proposal
from runs.points import SERIES_OF
from runs.roles import WORDS, may, why_not

register = template.Library()

ICON_SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"

for name in (
    "cpu",
    "mebibytes",
    "memory",
    "file_size",
    "milliseconds",
    "bound",
    "latency",
    "duration",
    "percent",
    "count",
    "rate",
    "power",
    "energy",
    "money",
    "percentile_name",
):
    register.filter(name, getattr(formatting, name))

register.filter("findings", findings_of)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite; decoration only, so screen readers skip it."""
    return _icon(staticfiles_storage, name)


@cache
def _icon(storage: Storage, name: str) -> SafeString:
    """A list has a hundred of them, and the sprite's address takes time to look up."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        storage.url(ICON_SPRITE),
        name,
    )


#: What a browser's tab says of a run.
FAVICONS = {
    "queued": "running",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "failed",
}


@register.simple_tag
def favicon(state: str) -> str:
    """The site's icon with a dot in the colour of the state; without one for a cancelled run."""
    found = FAVICONS.get(state)
    return static(f"img/icon-{found}.svg" if found else "img/icon.svg")


#: Tone and icon of each word that is shown as a badge.
STATE_BADGES = {
    "queued": {"tone": "", "icon": "clock"},
    "running": {"tone": "accent", "icon": "player-play"},
    "succeeded": {"tone": "quiet", "icon": "check"},
    "failed": {"tone": "fail", "icon": "x"},
    "cancelled": {"tone": "", "icon": "ban"},
    "timed_out": {"tone": "warn", "icon": "hourglass"},
}
STANDING_BADGES = {
    "verified": {"tone": "pass", "icon": "rosette-discount-check"},
    "provisional": {"tone": "warn", "icon": "alert-triangle"},
    "measured": {"tone": "warn", "icon": "alert-triangle"},
    "declined": {"tone": "fail", "icon": "ban"},
}
PROPOSAL_BADGES = {
    "open": {"tone": "accent", "icon": "git-pull-request"},
    "changes_requested": {"tone": "warn", "icon": "message-report"},
    "approved": {"tone": "pass", "icon": "check"},
    "applied": {"tone": "pass", "icon": "tag"},
    "reverted": {"tone": "", "icon": "arrow-back-up"},
    "withdrawn": {"tone": "", "icon": "ban"},
}
MESSAGE_ICONS = {
    "success": {"icon": "circle-check"},
    "warning": {"icon": "alert-triangle"},
    "error": {"icon": "alert-circle"},
    "info": {"icon": "info-circle"},
}


def _badge(looks: dict, word: str) -> SafeString:
    text = word.replace("_", " ").capitalize()
    tone = f" badge-{looks['tone']}" if looks["tone"] else ""
    return format_html('<span class="badge{}">{}{}</span>', tone, icon(looks["icon"]), text)


@register.simple_tag
def state_badge(state: str) -> SafeString:
    return _badge(STATE_BADGES[state], state)


@register.simple_tag
def standing_badge(standing: str) -> SafeString:
    return _badge(STANDING_BADGES[standing], standing)


@register.simple_tag
def proposal_badge(state: str) -> SafeString:
    return _badge(PROPOSAL_BADGES[state], state)


@register.simple_tag
def message_icon(level: str) -> SafeString:
    return icon(MESSAGE_ICONS.get(level, MESSAGE_ICONS["info"])["icon"])


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A relative time, its absolute one in the title; the page's script keeps it current."""
    if moment is None:
        return formatting.UNKNOWN
    absolute = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{absolute:%-d %B %Y, %H:%M:%S %Z}",
        formatting.ago(moment, timezone.localtime()),
    )


@register.simple_tag(takes_context=True)
def may_not(context: Context, role: str) -> str | None:
    """Why the visitor may not do what takes a role; None where they may."""
    return why_not(context["request"].user, WORDS[role])


@register.filter("may")
def may_(user: AbstractBaseUser | str, role: str) -> bool:
    """Whether a visitor may do what takes a role; nobody who is not signed in may."""
    return getattr(user, "is_authenticated", False) and may(user, WORDS[role])


@register.filter
def initials(user: AbstractBaseUser) -> str:
    return formatting.initials(user.get_full_name() or user.get_username())


#: Main navigation: text, the list it leads to, and the start of the url names that belong to it.
NAVIGATION = (
    ("Runs", "run_list", ("run_", "home")),
    ("Models", "model_list", ("model_",)),
    ("Review", "proposal_list", ("proposal_", "run_propose")),
    ("Datasets", "dataset_list", ("dataset_",)),
    ("Configs", "config_list", ("config_",)),
    ("Targets", "target_list", ("target_",)),
    ("Docs", "docs_index", ("docs_",)),
)


@register.simple_tag(takes_context=True)
def nav_links(context: Context) -> list[dict]:
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = (match.url_name or "") if match else ""
    current = max(
        (prefix for *_, prefixes in NAVIGATION for prefix in prefixes if here.startswith(prefix)),
        key=len,
        default=None,
    )
    return [
        {
            "text": text,
            "url": reverse(url_name),
            "current": current in prefixes,
            "count": _waiting(request) if url_name == "proposal_list" else 0,
        }
        for text, url_name, prefixes in NAVIGATION
    ]


def _waiting(request: HttpRequest) -> int:
    """How many proposals wait for the visitor's review."""
    return Proposal.objects.waiting_for(request.user).values("pk").count()


@register.simple_tag
def points_link(run: ProfileRun, chart: str, shown: Measurement | None) -> str:
    """The page of the exact points behind a chart; empty for a chart that is drawn from results."""
    if chart not in SERIES_OF or run.raw_dropped_at:
        return ""
    url = reverse("run_points", args=[run.name, chart])
    return f"{url}?m={shown.ordinal}" if shown else url


@register.simple_tag
def docs_link(page: str, anchor: str = "") -> str:
    """The address of a page of the documentation: `{% docs_link "validity" "driver-late" %}`."""
    return documentation.address(page, anchor)
