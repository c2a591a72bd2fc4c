"""What a run asks for, in words: on its form, and beside the run that it repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiler.spec import Budget, Objective
from profiler.spec_reader.policy import policy_of
from runs import formatting

if TYPE_CHECKING:
    from runs.models import ProfileRun

ARRIVALS = {"poisson": "Poisson", "constant": "evenly spaced"}


def sentence(run: ProfileRun) -> str:
    """20 requests/s, Poisson; p99 under 80 ms at 95 % confidence; smallest size up to 2 cores."""
    parts = (load_words(run.load), objective_words(run), question_words(run))
    return "; ".join(part for part in parts if part)


def load_words(load: dict | list) -> str:
    if isinstance(load, list):
        return f"a load in {len(load)} stage{'' if len(load) == 1 else 's'}"
    if load.get("arrivals") == "recorded":
        times, speed = load.get("times_s"), load.get("speed") or 1
        faster = f", {speed:g} times as fast" if speed != 1 else ""
        return f"{formatting.count(len(times)) + ' ' if times else ''}recorded arrivals{faster}"
    if load.get("mode") == "open":
        if load.get("rate_rps") is None:
            return "a rate that is still to be said"
        arrivals = ARRIVALS.get(load.get("arrivals") or "poisson", load.get("arrivals"))
        return f"{formatting.rate(load['rate_rps'])} requests/s, {arrivals}"
    at_a_time = load.get("concurrency") or 1
    return "one request at a time" if at_a_time == 1 else f"{at_a_time} requests at a time"


def objective_of(run: ProfileRun) -> Objective:
    """What is good enough: the run's own numbers, and its policy's where it has none."""
    known = Objective.__dataclass_fields__
    base = policy_of(run.policy).objective
    own = {key: value for key, value in run.objective.items() if key in known}
    return Objective(**{**{key: getattr(base, key) for key in known}, **own})


def objective_words(run: ProfileRun) -> str:
    wanted = objective_of(run)
    name = formatting.percentile_name(wanted.percentile)
    if wanted.latency_ms is not None:
        good = f"{name} under {formatting.bound(wanted.latency_ms)} ms"
    else:
        good = f"{name} at most {wanted.latency_ratio:g} times the largest size's"
        if isinstance(run.load, dict) and run.load.get("mode", "closed") == "closed":
            good += f" and at least {formatting.percent(wanted.throughput_share)} of its throughput"
    errors = wanted.max_error_rate
    allowed = f", errors up to {formatting.percent(errors)}" if errors else ""
    return f"{good} at {formatting.percent(wanted.confidence)} confidence{allowed}"


def question_words(run: ProfileRun) -> str:
    size = size_words(run)
    if run.question == run.Question.RATE:
        return f"highest rate of {size}" if size else "highest rate of a size"
    what = "every size" if run.question == run.Question.CURVE else "smallest size"
    return f"{what} up to {size}" if size else what


def size_words(run: ProfileRun) -> str:
    """The largest size a run may use; empty where neither it nor a target says one."""
    target = run.target if run.target_id else None
    cpu = run.limits.get("cpu_millicores") or (target and target.max_cpu_millicores)
    memory = run.limits.get("memory_bytes") or (target and target.max_memory_bytes)
    sizes = [formatting.cpu(cpu)] if cpu else []
    return " and ".join([*sizes, formatting.memory(memory)] if memory else sizes)


def budget_words(budget: dict) -> str:
    default = Budget()
    measuring = formatting.duration(budget.get("duration_s", default.duration_s))
    building = formatting.duration(budget.get("build_s", default.build_s))
    return f"{measuring} of measuring, {building} of building"


def asked_for(run: ProfileRun, models: list) -> dict[str, str]:
    """Everything a run asks for, each part in words, by its label."""
    counts = {key: ", ".join(map(str, value)) for key, value in run.concurrency.items()}
    return {
        "Models": ", ".join(sorted(model.ref for model in models)) or "none",
        "Config": run.config.ref if run.config_id else "none",
        "Dataset": run.dataset.ref if run.dataset_id else "none",
        "Target": run.target.name if run.target_id else "none",
        "Question": question_words(run),
        "Peak": f"{formatting.rate(run.peak_rps)} requests/s" if run.peak_rps else "none",
        "Load": load_words(run.load) + _sending_words(run.load),
        "Objective": objective_words(run),
        "Answers": ", ".join(f"{key} {value}" for key, value in run.answers.items()) or "not read",
        "Workers and threads": ", ".join(f"{key} {value}" for key, value in counts.items())
        or "as the config says",
        "Budget": budget_words(run.budget),
        "Policy": run.policy.get("name", "standard"),
        "Memory limit": "lowered until it hurts" if run.memory_probe else "one look at most",
    }


def _sending_words(load: dict | list) -> str:
    if isinstance(load, list):
        return ""
    order = ", shuffled" if load.get("order") == "shuffled" else ""
    timeout = load.get("timeout_s")
    return f"{order}, time-out {formatting.duration(timeout)}" if timeout else order


def differences(run: ProfileRun, models: list, original: ProfileRun) -> list[tuple[str, str, str]]:
    """(label, as the original asked, as this one does), where they are not the same."""
    before, now = asked_for(original, list(original.models.all())), asked_for(run, models)
    return [(label, before[label], now[label]) for label in now if before[label] != now[label]]
