"""The what-if card of a run's page: a form, and in words what the model of latency answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import QueryDict

from profiler.sizing import search
from profiler.sizing.latency_model import LatencyModel, Prediction
from profiler.sizing.what_if import HighestLoad, Size, capacity, smallest_size
from runs import formatting
from runs.charts.sizes import Curve
from runs.forms.what_if import WhatIfForm
from runs.models import ProfileRun

#: From this on an error is told as a range: a percentage would be taken for symmetric.
WIDE_ERROR = 0.3


@dataclass(frozen=True)
class Line:
    """One answer: to what, in words, by what right, and how far it may be off."""

    question: str
    answer: str
    mark: str
    error: str = ""


@dataclass(frozen=True)
class WhatIfCard:
    """`why_not` says why there is no form; `lines` are empty while the form has errors."""

    why_not: str = ""
    form: WhatIfForm | None = None
    lines: list[Line] = field(default_factory=list)
    model_error: str = ""


def model_of(run: ProfileRun) -> LatencyModel | None:
    return LatencyModel.from_json((run.result or {}).get("latency_model"))


def what_if_card(run: ProfileRun, curve: Curve | None, data: QueryDict) -> WhatIfCard | None:
    """None for runs that have no model, nor a reason for that: those of earlier versions."""
    stored = (run.result or {}).get("latency_model")
    if not stored or curve is None:
        return None
    model = LatencyModel.from_json(stored)
    if model is None:
        return WhatIfCard(why_not=stored.get("why_not") or "Another version wrote this model.")
    form = WhatIfForm(data, model, _defaults(model, curve))
    lines = _lines(run, model, form) if form.is_valid() else []
    return WhatIfCard(form=form, lines=lines, model_error=_model_error(model))


def _defaults(model: LatencyModel, curve: Curve) -> dict:
    """The run's own load and objective, at the advised size."""
    percentile = f"{curve.percentile:g}"
    judged = percentile if percentile in model.percentiles else "95"
    load = model.points[0].load
    cpu = curve.advised_millicores or curve.largest_millicores
    bound_ms = curve.bound_ms or model.points[0].latency_ms[judged]
    return {
        "load": f"{load:g}",
        "cpu_millicores": f"{cpu}",
        "percentile": judged,
        "latency_ms": f"{bound_ms:.4g}",
    }


def _lines(run: ProfileRun, model: LatencyModel, form: WhatIfForm) -> list[Line]:
    asked = form.cleaned_data
    load, cpu = asked["load"], asked["cpu_millicores"]
    percentile, bound_ms = asked["percentile"], asked["latency_ms"]
    at = f"{load_words(model, load)} at {formatting.cpu(cpu)}"
    kept = f"{formatting.percentile_name(float(percentile))} ≤ {formatting.bound(bound_ms)} ms"
    points = search.grid(model.cpu_millicores[-1], run.followed_policy)
    return [
        *(_latency_line(model, at, name, cpu, load) for name in _percentiles(model, percentile)),
        _size_line(
            f"The smallest CPU for {load_words(model, load)} with {kept}",
            smallest_size(model, points, load, percentile, bound_ms),
        ),
        _capacity_line(
            f"The highest {'rate' if form.is_open else 'concurrency'} at {formatting.cpu(cpu)} "
            f"with {kept}",
            model,
            capacity(model, cpu, percentile, bound_ms),
        ),
    ]


def _percentiles(model: LatencyModel, asked: str) -> list[str]:
    return sorted({*("50", "95", "99"), asked} & set(model.percentiles), key=float)


def _latency_line(
    model: LatencyModel, at: str, percentile: str, cpu_millicores: float, load: float
) -> Line:
    found = model.predict(cpu_millicores, load, percentile)
    question = f"{formatting.percentile_name(float(percentile))} of {at}"
    if found.latency_ms is None:
        most = formatting.rate(_rounded(model.highest_rate(cpu_millicores)))
        error = f"±{formatting.percent(model.rate_factor(cpu_millicores) - 1)}"
        return Line(
            question, f"overloaded: about {most} requests/s are answered", found.mark, error
        )
    about = "" if found.mark == "measured" else "about "
    said = "overloaded while measured: " if found.overloaded else ""
    return Line(
        question, f"{said}{about}{formatting.latency(found.latency_ms)}", found.mark, _error(found)
    )


def _error(found: Prediction) -> str:
    if found.error is None:
        return ""
    if found.error > WIDE_ERROR:
        return formatting.milliseconds(found.low_ms) + " to " + formatting.latency(found.high_ms)
    return f"±{formatting.percent(found.error)}"


def _size_line(question: str, found: Size) -> Line:
    if found.cpu_millicores is None:
        return Line(question, "no size of this run is enough", found.mark)
    about = "" if found.mark == "measured" else "about "
    return Line(question, f"{about}{formatting.cpu(found.cpu_millicores)}", found.mark)


def _capacity_line(question: str, model: LatencyModel, found: HighestLoad) -> Line:
    if found.load is None:
        return Line(question, "none keeps it", found.mark)
    load, low, high = (_rounded(end or 0.0) for end in (found.load, found.low, found.high))
    error = f"{formatting.rate(low)} to {formatting.rate(high)}"
    return Line(question, f"about {load_words(model, load)}", found.mark, error)


def _rounded(load: float) -> float:
    """No more digits than a prediction bears: 1.2, 23, 116."""
    return round(load) if load >= 10 else round(load, 1)


def load_words(model: LatencyModel, load: float) -> str:
    if model.mode == "open":
        return f"{formatting.rate(load)} requests/s"
    return f"{load:g} request{'' if load == 1 else 's'} under way"


def _off(error: float) -> str:
    """Near the limit a percentile may be off by more than itself."""
    return formatting.percent(error) if error <= 1 else f"a factor of {1 + error:.2g}"


def _model_error(model: LatencyModel) -> str:
    """What the model was off by where it could be checked."""
    errors = ", ".join(
        f"{_off(model.error[name])} for {formatting.percentile_name(float(name))}"
        for name in ("50", "95", "99")
    )
    return (
        f"Predicted from the others, each of the {model.error_points} measurements is off, at the "
        f"median, by {errors}."
    )
