"""System checks: settings that make no sense together fail loudly at start."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, register

from runs.roles import WORDS


@register()
def check_settings(app_configs: object, **kwargs: object) -> list[Error]:
    """Each wrong setting with what to do about it."""
    problems = []
    if settings.SIZING_REVIEW not in ("optional", "required"):
        problems.append(
            Error(
                f"SIZING_REVIEW is {settings.SIZING_REVIEW!r}.",
                hint="Set it to optional or required.",
                id="runs.E001",
            )
        )
    if settings.PROFILER_CA_BUNDLE and not Path(settings.PROFILER_CA_BUNDLE).is_file():
        problems.append(
            Error(
                f"PROFILER_CA_BUNDLE names {settings.PROFILER_CA_BUNDLE}, which is not a file.",
                hint="Give the path of a PEM file with the certificates that builds must trust.",
                id="runs.E002",
            )
        )
    if settings.PROFILER_TARGET not in settings.PROFILER_QUEUES:
        problems.append(
            Error(
                f"PROFILER_TARGET {settings.PROFILER_TARGET!r} has no queue.",
                hint="Name it in PROFILER_QUEUES, so that the dashboard shows its queue.",
                id="runs.E003",
            )
        )
    if settings.DEFAULT_ROLE not in WORDS:
        problems.append(
            Error(
                f"DEFAULT_ROLE is {settings.DEFAULT_ROLE!r}.",
                hint=f"Set it to one of {', '.join(WORDS)}.",
                id="runs.E005",
            )
        )
    if settings.RAW_RETENTION_DAYS < 0:
        problems.append(
            Error(
                f"RAW_RETENTION_DAYS is {settings.RAW_RETENTION_DAYS}.",
                hint="Set it to a number of days, or to 0 to keep raw samples for ever.",
                id="runs.E004",
            )
        )
    return problems + _wrong_prices()


def _wrong_prices() -> list[Error]:
    """Prices are 0 or more; a core's and a GiB's go together."""
    prices = {
        name: getattr(settings, name)
        for name in (
            "PROFILER_PRICE_CORE_HOUR",
            "PROFILER_PRICE_GIB_HOUR",
            "PROFILER_PRICE_GPU_HOUR",
        )
    }
    given = {name: price for name, price in prices.items() if price is not None}
    problems = [
        Error(f"{name} is {price:g}.", hint="Set it to a price, 0 or more.", id="runs.E005")
        for name, price in given.items()
        if price < 0
    ]
    core, gib, _ = prices
    if given and not {core, gib} <= set(given):
        problems.append(
            Error(
                f"Only {' and '.join(given)} is set, so no cost can be computed.",
                hint=f"Set both {core} and {gib}, or no price at all.",
                id="runs.E006",
            )
        )
    if not re.fullmatch(r"[A-Z]{3}", settings.PROFILER_CURRENCY):
        problems.append(
            Error(
                f"PROFILER_CURRENCY is {settings.PROFILER_CURRENCY!r}.",
                hint="Write three capital letters, such as EUR.",
                id="runs.E007",
            )
        )
    return problems
