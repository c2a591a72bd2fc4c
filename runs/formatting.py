"""How values are written on pages: one place for units. Unknown is shown as a dash, never as 0."""

from __future__ import annotations

import math
from datetime import datetime

from profiler.units import MIB

UNKNOWN = "–"  # noqa: RUF001 (an en dash)


def cpu_parts(millicores: float) -> tuple[str, str]:
    """(number, unit): 500m under a core, 1 core, 1.5 cores."""
    if abs(round(millicores)) < 1000:
        return f"{millicores:.0f}", "m"
    cores = f"{millicores / 1000:.2f}".rstrip("0").rstrip(".")
    return cores, "core" if cores == "1" else "cores"


def cpu(millicores: float | None) -> str:
    if millicores is None:
        return UNKNOWN
    number, unit = cpu_parts(millicores)
    return number + unit if unit == "m" else f"{number} {unit}"


def mebibytes(value_bytes: float | None) -> str:
    """The number alone, in MiB; one decimal under 10."""
    if value_bytes is None:
        return UNKNOWN
    mib = value_bytes / MIB
    return f"{mib:,.0f}" if mib >= 10 or mib == int(mib) else f"{mib:.1f}"


def memory(value_bytes: float | None) -> str:
    return UNKNOWN if value_bytes is None else f"{mebibytes(value_bytes)} MiB"


def size(size: dict) -> str:
    """{cpu_millicores, memory_bytes}: 400m and 128 MiB."""
    return f"{cpu(size['cpu_millicores'])} and {memory(size['memory_bytes'])}"


def file_size(value_bytes: float | None) -> str:
    """Of files and bodies, in the unit that suits."""
    if value_bytes is None:
        return UNKNOWN
    size = float(value_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"


def milliseconds(value_ms: float | None) -> str:
    """The number alone, three figures: 1.63, 21.1, 847, 1,240."""
    if value_ms is None:
        return UNKNOWN
    if value_ms >= 100:
        return f"{value_ms:,.0f}"
    return f"{value_ms:.1f}" if value_ms >= 10 else f"{value_ms:.2f}"


def bound(value_ms: float | None) -> str:
    """A bound as a person would write it: 50, 2.5, 6.25, without spurious zeros."""
    if value_ms is None:
        return UNKNOWN
    return f"{value_ms:,.0f}" if value_ms >= 100 else f"{value_ms:.3g}"


def latency(value_ms: float | None) -> str:
    return UNKNOWN if value_ms is None else f"{milliseconds(value_ms)} ms"


def interval_ms(low: float | None, high: float | None) -> str:
    """Both ends, or the one that is known; empty where neither is."""
    if low is None and high is None:
        return ""
    if high is None:
        return f"over {milliseconds(low)}"
    if low is None:
        return f"under {milliseconds(high)}"
    return f"{milliseconds(low)}–{milliseconds(high)}"  # noqa: RUF001


def duration(seconds: float | None) -> str:
    """320 ms, 1.9 s, 42 s, 6 min 16 s, 2 h 5 min."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def percent(fraction: float | None) -> str:
    """2.5 %, 23 %: one decimal under ten, and never 0 for what is not nothing."""
    if fraction is None:
        return UNKNOWN
    value = fraction * 100
    if 0 < value < 0.05:
        return "< 0.1 %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"


def count(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.0f}"


def rate(per_second: float | None) -> str:
    """Requests a second, the number alone."""
    if per_second is None:
        return UNKNOWN
    return f"{per_second:,.0f}" if per_second >= 1000 else f"{per_second:.1f}".removesuffix(".0")


def power(watts: float | None) -> str:
    return UNKNOWN if watts is None else f"{watts:,.0f} W"


def energy(joules: float | None) -> str:
    """3.2 J, 320 mJ: in the unit that suits."""
    if joules is None:
        return UNKNOWN
    return f"{joules:.3g} J" if joules >= 1 else f"{joules * 1000:.3g} mJ"


def money(amount: float | None, currency: str) -> str:
    """1,240.00 EUR, 0.0123 EUR: cents from 1 on, below three figures; less than 0 is saved."""
    if amount is None:
        return UNKNOWN
    size = abs(amount)
    decimals = 2 if size >= 1 or size == 0 else 2 - math.floor(math.log10(size))
    return f"{amount:,.{decimals}f} {currency}"


def percentile_name(percentile: float) -> str:
    """99 -> p99, 99.9 -> p99.9."""
    return f"p{percentile:g}"


def ago(moment: datetime, now: datetime) -> str:
    """Relative, coarse: just now, 5 min ago, 2 h ago, 3 days ago; a date after a month."""
    seconds = (now - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 3600:
        return f"{max(round(seconds / 60), 1)} min ago"
    if seconds < 86_400:
        return f"{round(seconds / 3600)} h ago"
    days = round(seconds / 86_400)
    if days < 30:
        return f"{days} day{'' if days == 1 else 's'} ago"
    return f"{moment.astimezone(now.tzinfo):%-d %b %Y}"


def initials(name: str) -> str:
    """ML of Mara Lindqvist, AD of admin."""
    words = name.replace(".", " ").replace("_", " ").split() or ["?"]
    letters = words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]
    return letters.upper()
