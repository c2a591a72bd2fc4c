"""The targets: who is alive there, what runs or waits, and how to start what is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from runs.models import WorkerHeartbeat
from tests.measured_runs import closed
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db


def beat(target, kind: str = "worker", ago_s: float = 0, pid: int = 7) -> None:
    WorkerHeartbeat.objects.create(
        target=target,
        host="lab-1",
        pid=pid,
        kind=kind,
        last_seen_at=timezone.now() - timedelta(seconds=ago_s),
    )


def page_of(client) -> str:
    return client.get("/targets/").content.decode()


def test_a_target_with_worker_and_sweeper_listens(signed_in, make) -> None:
    target = make.target(name="lab")
    beat(target)
    beat(target, "sweeper", pid=8)
    html = page_of(signed_in)
    assert "Listening" in html
    assert "lab-1:7" in html
    assert "manage.py" not in html


def test_a_target_without_says_how_to_start_them(signed_in, make) -> None:
    make.target(name="lab")
    html = page_of(signed_in)
    assert "No worker" in html
    assert "manage.py work --target lab" in html
    assert "manage.py sweep --target lab" in html


def test_a_worker_not_heard_of_for_20_s_is_gone(signed_in, make) -> None:
    target = make.target(name="lab")
    beat(target, ago_s=21)
    html = page_of(signed_in)
    assert "last heard" in html
    assert "manage.py work --target lab" in html


def test_why_a_target_takes_no_runs_is_said(signed_in, make) -> None:
    make.target(unavailable_reason="Docker does not answer.")
    assert "Docker does not answer." in page_of(signed_in)


def test_what_runs_and_waits_is_shown_and_what_ended_is_not(signed_in, make) -> None:
    target = make.target()
    running, waiting, ended = (make.run(target=target) for _ in range(3))
    running.begin(running.attempt)
    ended.request_cancel(make.owner)
    html = page_of(signed_in)
    assert running.name in html
    assert waiting.name in html
    assert ended.name not in html


def test_no_target_yet(signed_in) -> None:
    assert "No targets yet" in page_of(signed_in)


def shown(client, query: str) -> list[str]:
    page = client.get(f"/targets/?{query}")
    return [target.name for target in page.context["table"].data.data]


def test_targets_are_found_by_name_kind_gpus_and_whether_they_take_runs(signed_in, make) -> None:
    gpu = {"index": 0, "name": "H100", "uuid": "GPU-1", "memory_bytes": 80 << 30}
    make.target(name="lab", gpus=[gpu])
    make.target(name="shed", kind="docker", unavailable_reason="Docker does not answer.")
    make.target(name="attic", enabled=False)
    assert shown(signed_in, "q=sh") == ["shed"]
    assert shown(signed_in, "kind=process") == ["attic", "lab"]
    assert shown(signed_in, "gpus=some") == ["lab"]
    assert shown(signed_in, "gpus=none") == ["attic", "shed"]
    assert shown(signed_in, "takes=runs") == ["lab"]
    assert shown(signed_in, "takes=none&kind=docker") == ["shed"]


def test_a_search_that_finds_no_target_says_so(signed_in, make) -> None:
    make.target()
    html = signed_in.get("/targets/?q=no-such").content.decode()
    assert "Nothing matches" in html and "Clear" in html
    assert "No targets yet" not in html


def test_twice_the_targets_and_runs_take_no_more_queries(signed_in, make) -> None:
    model, config, dataset = make.model(), make.config(), make.dataset()

    def add(count: int) -> None:
        for _ in range(count):
            target = make.target()
            beat(target)
            make.run(models=[model], config=config, dataset=dataset, target=target)

    add(10)
    ten = queries_of(lambda: page_of(signed_in))
    add(10)
    assert queries_of(lambda: page_of(signed_in)) == ten


def test_a_target_says_by_how_much_identical_runs_differ_there(signed_in, make) -> None:
    target = make.target(name="lab")
    assert "Not measured on this target" in page_of(signed_in)
    metrics = {"latency_p50_ms": 0.021, "latency_p95_ms": 0.04, "cpu_seconds_per_request": 0.012}
    measured_at = timezone.now() - timedelta(hours=3)
    target.keep_noise_floor({"metrics": metrics, "measured_at": measured_at.isoformat()}, "")
    html = page_of(signed_in)
    assert "p50 2.1 %, p95 4.0 %, CPU 1.2 %" in html
    assert "3 h ago" in html


def test_a_worker_brings_the_floor_to_the_row_and_takes_an_outdated_one_away(make) -> None:
    from profiler import aa
    from profiler.circumstances import host_facts
    from runs import noise

    target, facts = make.target(name="lab"), host_facts()
    floor = {
        "schema_version": 1,
        **{key: facts[key] for key in ("host", "kernel", "cpu_model")},
        "kind": target.kind,
        "service_cores": target.service_cores,
        "measured_at": "2026-11-01T10:00:00Z",
        "runs": 10,
        "metrics": {"latency_p95_ms": 0.04},
    }
    aa.store(noise.folder(), floor)
    noise.refresh(target)
    target.refresh_from_db()
    assert target.noise_floor == floor
    aa.store(noise.folder(), {**floor, "kernel": "an older one"})
    noise.refresh(target)
    target.refresh_from_db()
    assert target.noise_floor is None
    assert "the kernel was an older one" in target.noise_floor_reason


def test_a_runs_page_says_which_floor_it_was_judged_by(signed_in, make) -> None:
    floor = {
        "metrics": {"latency_p50_ms": 0.021, "cpu_seconds_per_request": 0.012},
        "runs": 10, "measured_at": "2026-11-01T10:00:00Z",
    }  # fmt: skip
    for circumstances, words in (
        ({"noise_floor": floor}, "p50 2.1 %, CPU 1.2 % (10 runs, 2026-11-01)"),
        ({"noise_floor": None, "noise_floor_reason": "not measured on this target"},
         "not measured on this target"),
    ):  # fmt: skip
        run = make.run()
        token = run.begin(run.attempt)
        run.complete(token, closed("succeeded", circumstances=circumstances))
        page = signed_in.get(run.get_absolute_url()).content.decode()
        assert "Noise floor" in page and words in page


def test_noise_is_not_measured_beside_a_run(make) -> None:
    run = make.run(target=make.target(name="lab"))
    with pytest.raises(CommandError, match=f"{run.name} is queued"):
        call_command("measure_noise", run.name)
    with pytest.raises(CommandError, match="There is no run nothing"):
        call_command("measure_noise", "nothing")
