"""Any measured size as the one to use: what may be chosen, and what is not known of it.

Works on measurements as RESULT has them, so that pages, the API and programs need nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from profiler.sizing.evidence import REFERENCE, VERIFYING
from profiler.sizing.explanation import cpu_text, memory_text
from profiler.sizing.memory import memory_advice, with_margin
from profiler.spec import Policy

Standing = Literal["verified", "provisional", "measured"]
MEASURED: Standing = "measured"


class CannotChoose(Exception):
    """Why a measurement's size is not one to use, in words."""


@dataclass(frozen=True)
class Choice:
    """A size that somebody chose instead of looking for it.

    `doubts` are what speaks against it: whoever uses it has to say that they know. They are empty
    for a verified size alone. `measurement` is the ordinal of the measurement it was chosen by;
    `gpu_memory_bytes` is for each GPU, None where there is none.
    """

    measurement: int
    cpu_millicores: int
    memory_bytes: int
    gpu_memory_bytes: int | None
    standing: Standing
    doubts: tuple[str, ...]
    memory_reason: str

    def to_json(self) -> dict:
        return {**asdict(self), "doubts": list(self.doubts)}


def choose(
    measurements: Sequence[dict], ordinal: int, advice: dict | None, policy: Policy
) -> Choice:
    """The size of the measurement of that ordinal; at the advised cpu it is the advice itself.

    Raises CannotChoose where it may not be believed, where the service did not start or answer, and
    where memory leaks, so that no size is enough for long.
    """
    row = next((one for one in measurements if one["ordinal"] == ordinal), None)
    if row is None:
        raise CannotChoose(f"This run has no measurement {ordinal}.")
    alike = [one for one in measurements if _variant(one) == _variant(row)]
    if reason := why_not(row, alike):
        raise CannotChoose(reason)
    if _is_advised(row, advice):
        return _the_advice(row, advice)
    here = [one for one in alike if _is_believed_at(one, row["cpu_millicores"])]
    memory_bytes, why = _memory(alike, here, policy)
    if memory_bytes is None:
        raise CannotChoose("The memory in use could not be measured.")
    return Choice(
        ordinal, row["cpu_millicores"], memory_bytes, _gpu_memory(here, policy), MEASURED,
        _doubts(row, here), why,
    )  # fmt: skip


def why_not(row: dict, measurements: Sequence[dict]) -> str | None:
    """Why this measurement's size cannot be chosen at all; None where it can."""
    at = cpu_text(row["cpu_millicores"])
    if not row["validity"]["valid"]:
        reasons = " ".join(row["validity"]["reasons"]) or "no reason was given."
        return f"The measurement at {at} cannot be believed: {reasons}"
    if row.get("latency_at_percentile_ms") is None:
        return f"Nothing was answered at {at}{_because(row)}, so it is no size to use."
    if any(one.get("memory_leaks") and one["outcome"] != "failed" for one in measurements
           if one["validity"]["valid"]):  # fmt: skip
        return "Memory leaks, so no size is enough for long."
    return None


def _variant(data: dict) -> dict:
    """How the service differed from its config; {} where it did not."""
    return data.get("variant") or {}


def _is_advised(row: dict, advice: dict | None) -> bool:
    if not advice or advice.get("cpu_millicores") != row["cpu_millicores"]:
        return False
    return row["outcome"] == "passed" and _variant(advice) == _variant(row)


def _the_advice(row: dict, advice: dict) -> Choice:
    return Choice(
        row["ordinal"], advice["cpu_millicores"], advice["memory_bytes"],
        advice.get("gpu_memory_bytes"), advice["standing"], tuple(advice["reasons"]),
        "Memory is the advised one.",
    )  # fmt: skip


def _is_believed_at(data: dict, cpu_millicores: int) -> bool:
    return data["validity"]["valid"] and data["cpu_millicores"] == cpu_millicores


def _memory(alike: Sequence[dict], here: Sequence[dict], policy: Policy) -> tuple[int | None, str]:
    """The advice's rule, of the peaks at this cpu; and how, in a sentence.

    Starting and the first request of every row come but once or twice in a run, at whatever cpu the
    service then had; their peaks count for every size. Unlike in the advice a size that failed
    counts with what it used: its queue is part of using that size.
    """
    starting = _most([one for one in alike if one["validity"]["valid"]],
                     "memory_startup_peak_bytes")  # fmt: skip
    before = _most([one for one in alike if one["phase"] == REFERENCE], "memory_warmup_peak_bytes")
    load = _most(here, "memory_steady_peak_bytes")
    under_load = max((peak for peak in (before, load) if peak is not None), default=None)
    ceiling = max(one["memory_bytes"] for one in alike)
    wanted = memory_advice(starting, under_load, ceiling_bytes=ceiling, policy=policy)
    why = (
        f"Memory: the larger of {memory_text(starting)} at the peak of starting and "
        f"{memory_text(under_load)} under load at this cpu, plus {policy.memory_margin:.0%}, "
        f"rounded up to {memory_text(policy.memory_step_bytes)}, is {memory_text(wanted)}."
    )
    return wanted, why


def _most(rows: Sequence[dict], name: str) -> int | None:
    return max((row[name] for row in rows if row.get(name) is not None), default=None)


def _gpu_memory(here: Sequence[dict], policy: Policy) -> int | None:
    """The same rule of the GPU's peak at this cpu, at most what the GPU has."""
    used = [row["gpu"] for row in here if row.get("gpu")]
    if not used:
        return None
    has = min(gpu["memory_total_bytes"] for gpu in used)
    peak = _most(used, "memory_peak_bytes")
    # The policy's floor is for the host's memory.
    return None if peak is None else min(with_margin(peak, policy), has)


def _doubts(row: dict, here: Sequence[dict]) -> tuple[str, ...]:
    """What speaks against the size, the worst first."""
    at = cpu_text(row["cpu_millicores"])
    doubts = []
    if row["outcome"] == "failed":
        doubts.append(f"At {at} the objective was not kept{_because(row)}.")
    elif row["outcome"] == "undecided":
        doubts.append(f"At {at} it was not shown that the objective is kept{_because(row)}.")
    doubts += [_contradiction(one) for one in here if one["outcome"] != row["outcome"]]
    doubts.append(_unproven(row))
    if _variant(row):
        doubts.append("It was measured with another number of workers or other variables than "
                      "the config has.")  # fmt: skip
    return tuple(doubts)


def _because(row: dict) -> str:
    reasons = "; ".join(row.get("outcome_reasons") or [])
    return f" ({reasons})" if reasons else ""


def _contradiction(other: dict) -> str:
    """Another believed measurement at this cpu, which came out otherwise."""
    what = "The verification" if other["phase"] == VERIFYING else "Another measurement"
    size = f"{cpu_text(other['cpu_millicores'])} and {memory_text(other['memory_bytes'])}"
    came = {
        "passed": "kept the objective", "failed": "did not keep it", "undecided": "decided nothing",
    }[other["outcome"]]  # fmt: skip
    return f"{what} at {size} {came}{_because(other)}."


def _unproven(row: dict) -> str:
    if not row.get("limits_enforced"):
        return "Limits could not be enforced on this target: the service was never held to a size."
    return (
        f"Not verified: measured for {row['requests']:,} requests in a running service with "
        f"{memory_text(row['memory_bytes'])} of memory, not in a fresh one of exactly this size."
    )
