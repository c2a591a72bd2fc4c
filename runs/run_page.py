"""What a run's page shows, gathered from its rows."""

from __future__ import annotations

from profiler import errors
from profiler.raw.formats import can_write_parquet
from runs import raw_data
from runs.charts.size_points import kinds_shown
from runs.circumstance_facts import circumstance_facts
from runs.diagnoses import advised_change, mends_of
from runs.driver_facts import driver_facts
from runs.memory_card import growth_word, memory_card
from runs.models import Measurement, ProfileRun
from runs.payload_card import payload_card
from runs.percentile_rows import percentile_rows
from runs.policy_facts import policy_facts
from runs.remedies import remedy
from runs.run_curves import curve_finding, curve_of, neighbours, rates_of
from runs.run_progress import live_context, phase_strip
from runs.shown_measurement import gpu_shown, scene_of, shown_measurement
from runs.size_table import size_table
from runs.startup_card import startup_card
from runs.usage_facts import cpu_pressure, usage_facts
from runs.verdict import objective_words, verdict

#: As much of a log as a page carries; the whole of it is one link away.
LOG_CHUNKS_ON_PAGE = 60


def log_tail(run: ProfileRun) -> tuple[str, int]:
    """The end of the run's log, and the index from which more will come."""
    newest = run.log_chunks.order_by("-index").values_list("index", "text")
    chunks = list(newest[:LOG_CHUNKS_ON_PAGE])
    if not chunks:
        return "", 0
    return "".join(text for _, text in reversed(chunks)), chunks[0][0] + 1


def _cpu_ms_per_request(row: Measurement | None) -> float | None:
    seconds = row.data["cpu_seconds_per_request"] if row else None
    return None if seconds is None else seconds * 1000


def _code(run: ProfileRun) -> str:
    """What a run's remedy goes by; one that was stopped for its time may bear no code."""
    timed_out = run.state == ProfileRun.State.TIMED_OUT
    return errors.TIMED_OUT if timed_out else run.error_code


def page_context(run: ProfileRun, wanted: str | None) -> dict:
    """Everything runs/run_detail.html needs; `wanted` is the ordinal of a measurement to show."""
    measurements, models = list(run.measurements.all()), list(run.models.all())
    shown = shown_measurement(run, measurements, wanted)
    curve = curve_of(run, measurements, models)
    log, log_next = log_tail(run)
    return {
        **live_context(run),
        "models": models,
        "measurements": measurements,
        "verdict": verdict(run, measurements, models) if run.is_finished else None,
        "curve": curve,
        "curve_finding": curve_finding(curve) if curve else "",
        "rates": rates_of(run, measurements),
        "neighbours": neighbours(curve) if curve else [],
        "curve_kinds": kinds_shown(curve) if curve else [],
        "size_table": size_table(run, curve) if curve else None,
        "shown": shown,
        "objective": objective_words(shown.data["bound"] or {}) if shown else "",
        "scene": scene_of(run, shown),
        "gpu": gpu_shown(run, shown),
        "usage_facts": usage_facts(shown.data) if shown else [],
        "cpu_pressure": cpu_pressure(shown.data) if shown else None,
        "percentiles": percentile_rows(shown) if shown else [],
        "is_open_loop": bool(shown and shown.data["offered_rps"] is not None),
        "cpu_ms_per_request": _cpu_ms_per_request(shown),
        "mends": mends_of(run),
        "advised_change": advised_change(run),
        "payload": payload_card(run, shown),
        "memory_use": memory_card(run),
        "growth_word": growth_word(shown.data) if shown else "",
        "startup": startup_card(run),
        "phase_strip": phase_strip(run),
        "circumstances": circumstance_facts(run.circumstances or {}),
        "policy_facts": policy_facts(run.followed_policy),
        "driver_facts": driver_facts(shown) if shown else [],
        "remedy": remedy(_code(run)),
        "raw": raw_data.kept(run, measurements),
        "raw_dropped": raw_data.dropped_words(run),
        "raw_until": raw_data.kept_until(run),
        "has_parquet": can_write_parquet(),
        "log": log,
        "log_next": log_next,
    }
