"""Findings: each has advice and a place in the documentation, in results and on the page."""

from __future__ import annotations

import json

import pytest

from profiler.measuring.findings import KINDS, Finding
from profiler.measuring.summary import summarise
from runs import documentation
from runs.models import Measurement
from tests.measured_runs import SLOW, VERIFIED, sized_run
from tests.raw_samples import bound, context, evenly, request_columns, rule_for, usage_columns

#: Headings of docs/validity.md that group the findings.
GROUPS = {"reasons-not-to-believe", "warnings", "reasons-of-an-outcome"}


@pytest.mark.parametrize("code", KINDS)
def test_each_code_has_advice_and_its_place_in_the_documentation(code) -> None:
    finding = Finding(code, "something with numbers")
    assert finding.advice.endswith(".")
    assert code in documentation.read(finding.page).anchors, finding.docs


def test_each_section_of_the_documentation_has_its_code() -> None:
    explained = {section.id for section in documentation.read("validity").sections} - GROUPS
    assert explained == {code for code, kind in KINDS.items() if kind.page == "validity"}


def test_a_code_that_nothing_explains_is_refused() -> None:
    with pytest.raises(ValueError, match="no-such-thing"):
        Finding("no-such-thing", "text")


def test_a_result_has_each_finding_as_a_sentence_and_in_full() -> None:
    about = context(3.0, driver={"busy_fraction": 0.97}, distinct_rows=1)
    usage = usage_columns([])
    requests = request_columns(evenly(300), 80)
    found = summarise(requests, usage, usage, about, rule=rule_for(bound()))
    data = json.loads(json.dumps(found.to_json()))
    for texts, findings, code in (
        (data["validity"]["reasons"], data["validity"]["findings"], "driver-saturated"),
        (data["outcome_reasons"], data["outcome_findings"], "percentile-over-bound"),
        (data["warnings"], data["warning_findings"], "identical-rows"),
    ):
        assert texts == [finding["text"] for finding in findings]
        assert findings[0]["docs"] == f"docs/validity.md#{code}"
        assert findings[0]["advice"] == KINDS[code].advice


@pytest.mark.django_db
def test_the_page_tells_each_finding_with_advice_and_the_way_to_its_rule(signed_in, make) -> None:
    run = sized_run(make, [{"phase": "measuring", "cpu_millicores": 1000, "latency_ms": SLOW}])
    page = signed_in.get(run.get_absolute_url()).content.decode()
    assert "took over 50 ms" in page
    assert KINDS["percentile-over-bound"].advice in page
    assert 'href="/docs/validity/#percentile-over-bound"' in page


@pytest.mark.django_db
def test_a_measurement_stored_without_codes_is_shown_too(signed_in, make) -> None:
    run = sized_run(make, [{"phase": "measuring", "cpu_millicores": 1000}, VERIFIED])
    for row in Measurement.objects.filter(run=run):
        for name in ("warning_findings", "outcome_findings"):
            del row.data[name]
        row.data["validity"] = {"valid": True, "reasons": []}
        row.data["warnings"] = ["An old warning."]
        row.save()
    assert "An old warning." in signed_in.get(run.get_absolute_url()).content.decode()
