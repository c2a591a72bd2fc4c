"""The first card of a finished run: its size, whether it holds, why, and may it be applied."""

from __future__ import annotations

import pytest

from runs.verdict import Verdict, verdict
from tests.measured_runs import PROBES, SLOW, VERIFIED, sized_run

pytestmark = pytest.mark.django_db


def verdict_of(run) -> Verdict:
    return verdict(run, list(run.measurements.all()), list(run.models.all()))


def facts(found: Verdict) -> dict[str, str]:
    return {fact.label: f"{fact.text} | {fact.detail}" for fact in found.facts}


def test_a_verified_size_says_what_holds_and_what_limits(make) -> None:
    found = verdict_of(sized_run(make))
    assert found.standing == "verified"
    assert found.size == {"cpu": ("400", "m"), "memory": ("128", "MiB")}
    assert found.kept is True
    assert found.headline == "Keeps p95 ≤ 50 ms"
    assert found.locked is None
    said = facts(found)
    assert said["Limited by"].startswith("CPU. At 300m, 20 % of periods are throttled and p95")
    assert said["Verified"].startswith("Fresh container at exactly this size, 6 s | ready in 2 s")
    assert said["Memory"] == (
        "Start-up decides: peak 100 MiB and 15 %, up to the next 16 MiB | "
        "under load 80 MiB, no leak; policy standard"
    )
    assert said["Work"].startswith("5.00 ms of CPU a request, 100 requests/s")


def test_the_change_against_the_tags_has_a_direction(make) -> None:
    model = make.model(tags={"requestedCpu": "1", "requestedMemoryInGb": "0.0625"})
    found = verdict_of(sized_run(make, models=[model]))
    assert (found.cpu_change.now, found.cpu_change.direction) == ("1 core", "less")
    assert found.cpu_change.percent == "60 %"
    assert (found.memory_change.direction, found.memory_change.percent) == ("more", "100 %")


@pytest.mark.parametrize("cpu", ["0.4", "much", "NaN", "-1", "", "inf"])
def test_a_tag_that_says_the_same_or_makes_no_sense_gives_no_change(make, cpu) -> None:
    model = make.model(tags={"requestedCpu": cpu})
    assert verdict_of(sized_run(make, models=[model])).cpu_change is None


def test_models_that_disagree_give_no_change(make) -> None:
    models = [make.model("a", tags={"requestedCpu": "1"}), make.model("b")]
    assert verdict_of(sized_run(make, models=models)).cpu_change is None


def test_a_size_not_verified_is_provisional_with_reasons(make) -> None:
    found = verdict_of(sized_run(make, PROBES[:2]))
    assert (found.standing, found.needs_confirmation) == ("provisional", True)
    assert found.reasons
    assert facts(found)["Verified"].startswith("Not at this size")
    assert facts(found)["Limited by"].startswith("Nothing that was tried")


def test_a_declined_advice_has_no_size_and_is_locked(make) -> None:
    slow = [{"cpu_millicores": 1000, "latency_ms": 90.0}]
    found = verdict_of(sized_run(make, slow))
    assert (found.standing, found.size, found.kept) == ("declined", {}, False)
    assert "declined" in found.locked
    assert found.headline == "Fails p95 ≤ 50 ms"


def test_a_measurement_that_is_not_valid_decides_nothing_and_locks(make) -> None:
    run = sized_run(make)
    last = run.measurements.last()
    last.valid = False
    last.data["validity"] = {"valid": False, "reasons": ["The host was noisy."]}
    last.save()
    found = verdict_of(run)
    assert found.kept is None
    assert "The host was noisy." in found.locked


def test_a_size_given_up_in_its_verification_limits_and_not_the_one_below_it(make) -> None:
    tried = {**VERIFIED, "cpu_millicores": 300, "latency_ms": SLOW}
    run = sized_run(make, (*PROBES[:3], {"cpu_millicores": 300}, PROBES[4], tried, VERIFIED))
    assert facts(verdict_of(run))["Limited by"].startswith("CPU. At 300m")
    proof = run.measurements.get(phase="verifying", cpu_millicores=300)
    proof.valid = False
    proof.data["validity"] = {"valid": False, "reasons": ["Windows are not steady."]}
    proof.save()
    assert facts(verdict_of(run))["Limited by"] == (
        "300m could not be judged in its verification | Windows are not steady."
    )


def test_a_run_without_an_advice_has_no_verdict(make) -> None:
    assert verdict_of(make.run()) is None
