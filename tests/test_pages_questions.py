"""Runs that ask for a rate or a curve: asking, the live estimate, the answer, applying it."""

from __future__ import annotations

import pytest

from profiler import events
from profiler.sizing.capacity import advise_capacity
from profiler.sizing.rate_search import rates
from profiler.spec import Limits, Objective, Policy
from runs.applying import ApplyRefused, apply_size
from runs.choosing import size_to_use, why_none
from runs.models import ProfileRun
from runs.recording import Recorder
from tests.measured_runs import GIB, SLOW, closed, record
from tests.raw_samples import OPEN
from tests.test_charts import labels, validated
from tests.test_pages_new_run import NEW, parts  # noqa: F401

pytestmark = pytest.mark.django_db

RATES = rates(100.0)
START = RATES.index(100.0)
RATE = {"question": "rate", "load_mode": "open", "rate_rps": "20", "objective_kind": "bound",
        "latency_ms": "50"}  # fmt: skip


def rate_run(make, verifies: bool = True, **fields: object) -> ProfileRun:
    """100 requests a second are kept, two steps up not, one step up is; a core with 1 GiB."""
    run = make.run(objective={"percentile": 95, "latency_ms": 50}, question="rate", **fields)
    token = run.begin(run.attempt)
    probes = [("measuring", 0, 5.0), ("sizing", 2, SLOW), ("sizing", 1, 6.0)]
    probes += [("verifying", 1, 6.0)] if verifies else []
    found = [
        record(run, ordinal=number, phase=phase, latency_ms=latency_ms,
               load=OPEN.at_rate(RATES[START + step]))
        for number, (phase, step, latency_ms) in enumerate(probes)
    ]  # fmt: skip
    advice = advise_capacity(
        found, points=RATES, limits=Limits(1000, GIB),
        objective=Objective(percentile=95, latency_ms=50), load=OPEN, peak_rps=run.peak_rps,
        limits_enforced=True, budget_ended=not verifies, policy=Policy(),
    )  # fmt: skip
    run.complete(token, closed("succeeded", advice=advice.to_json()))
    run.refresh_from_db()
    return run


# ---- asking ----


def test_a_rate_reaches_the_spec(signed_in, parts) -> None:  # noqa: F811
    signed_in.post(NEW, {**parts, **RATE, "peak_rps": "900", "cpu_millicores": "500"})
    run = ProfileRun.objects.get()
    assert (run.question, run.peak_rps) == ("rate", 900.0)
    assert (run.spec["question"], run.spec["peak_rps"]) == ("rate", 900.0)
    assert run.spec["load"]["rate_rps"] == 20.0
    again = signed_in.get(f"{NEW}?clone={run.name}").content.decode()
    assert 'value="rate" class="form-check-input" id="id_question_1" checked' in again or (
        'value="rate" id="id_question_1" class="form-check-input" checked' in again
    )


def test_a_peak_left_in_a_field_that_is_not_shown_is_not_asked_for(signed_in, parts) -> None:  # noqa: F811
    signed_in.post(NEW, {**parts, "question": "size", "peak_rps": "900"})
    run = ProfileRun.objects.get()
    assert (run.question, run.peak_rps) == ("size", None)
    assert "question" not in run.spec


def test_what_a_rate_needs_is_said_where_it_is_chosen(signed_in, parts) -> None:  # noqa: F811
    answer = signed_in.post(NEW, {**parts, "question": "rate"})
    form = answer.context["form"]
    assert form.errors["load_mode"] == ["A rate is searched by sending at one: choose At a rate."]
    assert form.errors["objective_kind"] == ["A rate needs a bound: choose A latency bound."]
    assert not ProfileRun.objects.exists()


def test_a_curve_on_processes_is_refused_at_the_question(signed_in, parts, make) -> None:  # noqa: F811
    process = make.target(name="bare", kind="process")
    answer = signed_in.post(NEW, {**parts, "question": "curve", "target": process.pk})
    assert "use a docker target" in answer.context["form"].errors["question"][0]


# ---- the estimate ----


def test_a_live_run_shows_its_estimate_until_the_answer_is_there(signed_in, make) -> None:
    run = make.run()
    token = run.begin(run.attempt)
    data = {"phase": "warming", "seconds": 5.0, "requests": 120, "cpu_millicores": 300,
            "latency_ms": 12.0, "rps": 20.0}  # fmt: skip
    Recorder(run, token)(events.Event(events.ESTIMATE, data))
    page = signed_in.get(f"/runs/{run.name}/live/").content.decode()
    assert "about 300m of CPU, by a replay of 120 requests of the warm-up" in page
    Recorder(run, token)(events.Event(events.ESTIMATE, {**data, "cpu_millicores": None}))
    page = signed_in.get(f"/runs/{run.name}/live/").content.decode()
    assert "no size up to the largest keeps the objective, by a replay of 120 requests" in page
    run.refresh_from_db()
    run.complete(token, closed("succeeded"))
    assert "Estimate" not in signed_in.get(f"/runs/{run.name}/").content.decode()


def test_a_requeued_run_forgets_the_estimate_of_the_attempt_before(make) -> None:
    run = make.run()
    run.estimate = {"cpu_millicores": 300}
    run.save()
    run.begin(run.attempt)
    run.refresh_from_db()
    assert run.estimate is None


# ---- the answer ----


def test_the_verdict_says_capacity_and_replicas(signed_in, make) -> None:
    run = rate_run(make, peak_rps=500.0)
    page = signed_in.get(f"/runs/{run.name}/").content.decode()
    for words in ("Capacity", "104.9", "requests/s", "for a peak of 500/s, 100/s each", ">5<",
                  "replicas", "At 110.1 requests/s, p95 is 90.0 ms"):  # fmt: skip
        assert words in page, words
    assert 'id="rates"' in page
    assert 'id="sizing"' not in page


def test_a_rate_that_was_not_verified_rests_on_its_own_probe(signed_in, make) -> None:
    run = rate_run(make, verifies=False)
    assert run.advice["standing"] == "provisional"
    page = signed_in.get(f"/runs/{run.name}/").content.decode()
    assert "Keeps p95" in page


def test_latency_by_rate_is_drawn(signed_in, make) -> None:
    run = rate_run(make)
    drawn = signed_in.get(f"/runs/{run.name}/series/rates/").json()
    validated(drawn)
    assert {"p95 ≤ 50 ms", "✓ Capacity 104.9, verified"} <= set(labels(drawn))
    assert drawn["figure"]["data"][0]["x"] == [100.0, 104.9, 110.1]
    assert "1 not kept" in drawn["footer"]


def test_applying_writes_the_size_and_what_it_takes(make, alice) -> None:
    run = rate_run(make)
    written = apply_size(run, run.models.all(), alice)
    assert written["requestedCpu"] == "1"
    assert written["profile.capacityRps"] == "104.9"


def test_a_run_of_rates_has_no_other_sizes_to_use(make) -> None:
    run = rate_run(make)
    assert "all at the one size" in why_none(run)
    with pytest.raises(ApplyRefused, match="tried rates"):
        size_to_use(run, "1")


def test_the_api_says_what_was_asked(signed_in, make) -> None:
    run = rate_run(make, peak_rps=500.0)
    answer = signed_in.get(f"/api/v1/runs/{run.name}/").json()
    assert (answer["question"], answer["peak_rps"]) == ("rate", 500.0)
    assert (answer["advice"]["capacity_rps"], answer["advice"]["replicas"]) == (104.9, 5)
