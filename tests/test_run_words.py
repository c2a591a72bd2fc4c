"""What a run asks for in words, and what the form of a new run says while it is filled in."""

from __future__ import annotations

import pytest

from runs.forms.run_presets import PRESETS
from runs.models import ProfileRun
from runs.run_words import differences, sentence
from tests.measured_runs import sized_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("processes_allowed")]

TOLD = "/runs/new/told/"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {
                "load": {"mode": "open", "rate_rps": 20},
                "objective": {"percentile": 99, "latency_ms": 80},
                "limits": {"cpu_millicores": 2000},
            },
            "20 requests/s, Poisson; p99 under 80 ms at 95 % confidence; "
            "smallest size up to 2 cores",
        ),
        (
            {
                "load": {"mode": "open", "rate_rps": 0.5, "arrivals": "constant"},
                "objective": {"latency_ms": 50, "max_error_rate": 0.01, "confidence": 0.99},
                "question": "rate",
                "limits": {"cpu_millicores": 500, "memory_bytes": 256 << 20},
            },
            "0.5 requests/s, evenly spaced; p95 under 50 ms at 99 % confidence, errors up to "
            "1.0 %; highest rate of 500m and 256 MiB",
        ),
        (
            {"load": {"mode": "closed", "concurrency": 8}, "question": "curve"},
            "8 requests at a time; p95 at most 1.25 times the largest size's and at least 95 % of "
            "its throughput at 95 % confidence; every size",
        ),
        ({"load": [{"mode": "open"}, {"mode": "closed"}]}, "a load in 2 stages; p95 at most 1.25"),
        ({"load": {"arrivals": "recorded", "times_s": [0, 1, 2], "speed": 2}},
         "3 recorded arrivals, 2 times as fast; p95"),
    ],
)  # fmt: skip
def test_a_run_in_one_sentence(fields, words) -> None:
    assert sentence(ProfileRun(**fields)).startswith(words)


def test_what_is_left_empty_is_the_policys(make) -> None:
    run = make.run(policy={"name": "strict", "objective": {"percentile": 99, "latency_ratio": 1.1}})
    assert "p99 at most 1.1 times" in sentence(run)


def test_every_preset_makes_a_run(signed_in, make) -> None:
    make.config(), make.dataset(), make.target()
    model = make.model()
    for preset in PRESETS:
        page = signed_in.get(f"/runs/new/?model={model.ref}&preset={preset.key}")
        form = page.context["form"]
        sent = {name: form[name].value() for name in form.fields if form[name].value()}
        made = signed_in.post("/runs/new/", {**sent, "models": [model.pk]})
        assert made.status_code == 302, made.context["form"].errors
        run = ProfileRun.objects.latest("pk")
        assert sentence(run).startswith(preset.words.removesuffix(" of a size"))


def test_the_form_is_told_however_little_is_filled_in(signed_in) -> None:
    assert "One request at a time; p95" in signed_in.post(TOLD).content.decode()
    half = signed_in.post(TOLD, {"load_mode": "open", "rate_rps": "a lot", "config": "999"})
    assert "rate that is still to be said" in half.content.decode()


def test_a_chosen_config_and_target_tell_how_long_it_takes(signed_in, make) -> None:
    config, target = make.config(), make.target()
    html = signed_in.post(TOLD, {"config": config.pk, "target": target.pk}).content.decode()
    assert "How long it takes" in html
    assert "never made here" in html


def test_a_clone_tells_what_is_different(signed_in, make) -> None:
    original = sized_run(make)
    page = signed_in.get(f"/runs/new/?clone={original.name}")
    form = page.context["form"]
    same = {name: form[name].value() for name in form.fields if form[name].value()}
    same["models"] = [model.pk for model in original.models.all()]
    assert "the same in everything" in signed_in.post(TOLD, same).content.decode()
    html = signed_in.post(TOLD, {**same, "latency_ms": "80"}).content.decode()
    assert "1 difference" in html
    assert "<del>p95 under 50 ms at 95 % confidence</del>" in html
    assert "<ins>p95 under 80 ms at 95 % confidence</ins>" in html


def test_each_part_that_can_differ_is_compared(make) -> None:
    run = make.run()
    other = make.run(
        models=[], name="other", load={"mode": "open", "rate_rps": 5, "order": "shuffled"},
        objective={"latency_ms": 5}, limits={"cpu_millicores": 500}, budget={"duration_s": 60},
        answers={"pattern": "ok"}, concurrency={"workers": [1, 2]}, memory_probe=True,
        question="rate", peak_rps=100.0, policy={"name": "strict"},
    )  # fmt: skip
    labels = {label for label, *_ in differences(other, [], run)}
    assert labels == {
        "Models", "Config", "Dataset", "Target", "Question", "Peak", "Load", "Objective", "Answers",
        "Workers and threads", "Budget", "Policy", "Memory limit",
    }  # fmt: skip


def test_viewers_and_strangers_are_told_nothing(client, bob, settings) -> None:
    settings.DEFAULT_ROLE = "viewer"
    assert client.post(TOLD).status_code == 302
    client.force_login(bob)
    assert client.post(TOLD).status_code == 403
