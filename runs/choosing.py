"""Using a measured size instead of the advised one: what it is, what it costs and brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profiler.sizing.chosen import MEASURED, CannotChoose, Choice, choose
from profiler.sizing.tradeoff import Difference, Option, differences
from runs import applying, formatting
from runs.applying import ApplyRefused, ConfirmationNeeded
from runs.charts.sizes import one_per_size
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.run_costs import RunCosts
from runs.tagged_sizes import tagged_sizes
from runs.variants import of_the_advised

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: What was wrong with a size, in the few words that stay in the tags' history.
CONFIRMED = {
    "passed": "not verified",
    "failed": "objective not kept",
    "undecided": "objective not shown to be kept",
}


def why_none(run: ProfileRun) -> str | None:
    """Why no measured size of this run can be applied directly; None when one can."""
    return why_no_sizes(run) or applying.why_review_first()


def why_no_sizes(run: ProfileRun) -> str | None:
    """Why no measured size of this run can be applied or proposed; None when one can."""
    if run.state != ProfileRun.State.SUCCEEDED:
        return "Only a run that succeeded has sizes to use."
    if run.question == ProfileRun.Question.RATE:
        return "This run tried rates, all at the one size that it advises."
    return None


def size_to_use(run: ProfileRun, ordinal: str) -> dict:
    """The advised size, or with an ordinal that of a measurement.

    Raises ApplyRefused where it cannot be used.
    """
    if not ordinal:
        return applying.advised_size(run)
    if reason := why_no_sizes(run):
        raise ApplyRefused(reason)
    number = next((n for n in _ordinals(run) if str(n) == ordinal), None)
    if number is None:
        raise ApplyRefused(f"This run has no measurement {ordinal!r}.")
    return chosen_size(choice_of(run, number))


def _ordinals(run: ProfileRun) -> list[int]:
    return [row.ordinal for row in run.measurements.all()]


def choice_of(run: ProfileRun, ordinal: int) -> Choice:
    """Raises ApplyRefused with the reason why it is no size to use."""
    return choice_among(run, list(run.measurements.all()), ordinal)


def choice_among(run: ProfileRun, measurements: Sequence[Measurement], ordinal: int) -> Choice:
    """The same, of measurements that were fetched before."""
    data = [_engine(row) for row in measurements]
    try:
        choice = choose(data, ordinal, run.advice, run.followed_policy)
    except CannotChoose as refusal:
        raise ApplyRefused(str(refusal)) from refusal
    if choice.standing != MEASURED and (reason := applying.why_no_size(run)):
        raise ApplyRefused(reason)
    return choice


def _engine(row: Measurement) -> dict:
    """A measurement as the engine wrote it; what the row says of it holds."""
    validity = {**row.data["validity"], "valid": row.valid}
    return {**row.data, "ordinal": row.ordinal, "outcome": row.outcome, "validity": validity}


def chosen_size(choice: Choice) -> dict:
    """As `applying.advised_size`; the measurement is named unless it is the advice."""
    return {
        "cpu_millicores": choice.cpu_millicores,
        "memory_bytes": choice.memory_bytes,
        "gpu_memory_bytes": choice.gpu_memory_bytes,
        "standing": choice.standing,
        "measurement": choice.measurement if choice.standing == MEASURED else None,
        "doubts": list(choice.doubts),
    }


def apply_point(
    run: ProfileRun,
    ordinal: int,
    models: Iterable[RegisteredModel],
    actor: User,
    *,
    confirmed: bool = False,
    as_properties: bool = False,
) -> dict[str, str]:
    """Write a measured size to the given models of the run; the tags written.

    Raises ApplyRefused with the reason, ConfirmationNeeded where it is not proven and `confirmed`
    is not set, ValidationError where a property is there already with another value.
    """
    if reason := why_none(run):
        raise ApplyRefused(reason)
    choice = choice_of(run, ordinal)
    if choice.standing != MEASURED:
        return applying.apply_size(
            run, models, actor, confirmed=confirmed, as_properties=as_properties
        )
    if not confirmed:
        raise ConfirmationNeeded(f"This size is not proven: {' '.join(choice.doubts)}")
    size, outcome = chosen_size(choice), run.measurements.get(ordinal=ordinal).outcome
    confirmation = f"{CONFIRMED[outcome]}, confirmed by {actor.get_username()}"
    source = f"{applying.origin(run, size)} ({confirmation})"
    written, _ = applying.write(run, models, size, actor, source, as_properties=as_properties)
    return written


# --- What is gained and lost ----------------------------------------------------------------------
@dataclass(frozen=True)
class Tradeoff:
    """A chosen size against another one; `other` says which, with its size."""

    other: str
    differences: list[Difference]


def tradeoffs(run: ProfileRun, choice: Choice, models: Sequence[RegisteredModel]) -> list[Tradeoff]:
    """Against the advised size, and against each size that the models' tags ask for now."""
    rows = one_per_size(of_the_advised(run, list(run.measurements.all())))
    at = {row.cpu_millicores: row.data for row in rows if row.valid}
    chosen = next(row for row in run.measurements.all() if row.ordinal == choice.measurement)
    new = Option(choice.cpu_millicores, choice.memory_bytes, chosen.data)
    found, costs = [], RunCosts.of(run)
    for other, cpu_millicores, memory_bytes in _others(run, choice, models):
        old = Option(cpu_millicores, memory_bytes, at.get(cpu_millicores))
        found.append(Tradeoff(other, differences(new, old) + _cost(new, old, costs)))
    return found


def _others(
    run: ProfileRun, choice: Choice, models: Sequence[RegisteredModel]
) -> list[tuple[str, int, int | None]]:
    others = []
    advice = run.advice or {}
    if choice.standing == MEASURED and advice.get("cpu_millicores"):
        size = (advice["cpu_millicores"], advice["memory_bytes"])
        others.append((f"the advised {_size(*size)}", *size))
    for tagged in tagged_sizes(models):
        whose = " and ".join(tagged.models)
        size = (tagged.cpu_millicores, tagged.memory_bytes)
        others.append((f"the current tags of {whose}, {_size(*size)}", *size))
    return others


def _size(cpu_millicores: int, memory_bytes: int | None) -> str:
    memory = "" if memory_bytes is None else f", {formatting.memory(memory_bytes)}"
    return f"{formatting.cpu(cpu_millicores)}{memory}"


def _cost(new: Option, old: Option, costs: RunCosts) -> list[Difference]:
    """By the hour, where prices are set and both sizes are known in full."""
    now, then = (costs.per_hour(one.cpu_millicores, one.memory_bytes) for one in (new, old))
    if now is None or not then or now == then:
        return []
    share = formatting.percent(abs(now - then) / then)
    text = f"costs {costs.written(now)} an hour instead of {costs.written(then)} ({share})"
    return [Difference("cost", "gained" if now < then else "lost", text, then, now)]
