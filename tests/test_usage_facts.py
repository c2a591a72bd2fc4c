"""What a run's page says of usage: only what is known, and for old measurements too."""

from __future__ import annotations

from runs.usage_facts import cpu_pressure, usage_facts
from tests.measured_runs import measured, sized_run


def test_facts_of_a_measurement_are_written_with_their_units() -> None:
    facts = dict(usage_facts(measured()[0].to_json()))

    assert facts["CPU time"] == "80 % user, 20 % system"
    assert facts["CPU pressure"] == "some 12 %, full 3.0 %"
    assert facts["Memory pressure"] == "none"
    assert "I/O pressure" not in facts
    assert facts["Peak, starting"] == "100 MiB, with cache 100 MiB"
    assert facts["Page faults"] == "300 minor, 0 major"
    assert facts["Network"] == "234 KiB in, 52.7 KiB out"
    assert facts["Processes, threads"] == "2, 4"
    assert facts["Sampled"] == ("301 times, every 20 ms, longest gap 20 ms; took 0.5 % of a core")


def test_a_measurement_of_an_earlier_version_has_no_facts() -> None:
    assert usage_facts({"cpu_millicores_used": 500.0}) == []
    assert cpu_pressure({}) is None


def test_waiting_that_says_nothing_is_not_put_under_the_chart() -> None:
    assert cpu_pressure({"cpu_pressure_some_fraction": 0.002}) is None
    assert cpu_pressure({"cpu_pressure_some_fraction": 0.12}) == 0.12


def test_a_runs_page_shows_them(make, signed_in) -> None:
    page = signed_in.get(sized_run(make).get_absolute_url()).content.decode()

    assert "CPU pressure 12 %" in page
    assert "234 KiB in, 52.7 KiB out" in page
    assert 'href="/docs/usage/"' in page
