"""GPUs on the pages: charts, verdict, tags, targets, and what is said where there are none."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from profiler import errors
from runs import jobs
from runs.applying import apply_size
from runs.models import InferenceConfig, ProfileRun
from tests.gpu_rows import GPUS, gpu_run
from tests.measured_runs import sized_run
from tests.test_charts import labels, validated

pytestmark = pytest.mark.django_db

CHARTS = ("gpu-utilisation", "gpu-memory", "gpu-power")


def text_of(client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


@pytest.mark.parametrize("gpus", [1, 2])
@pytest.mark.parametrize("chart", CHARTS)
def test_a_run_with_gpus_has_their_charts(signed_in, make, chart, gpus) -> None:
    run = gpu_run(make, gpus)
    payload = signed_in.get(f"/runs/{run.name}/series/{chart}/").json()
    validated(payload)
    assert len(payload["cursor"]["at_s"]) == len(payload["cursor"]["readings"]) > 50
    if gpus == 2:
        assert {"GPU 0", "GPU 1"} <= set(labels(payload))


def test_gpu_memory_is_drawn_against_what_the_gpu_has(signed_in, make) -> None:
    run = gpu_run(make)
    payload = signed_in.get(f"/runs/{run.name}/series/gpu-memory/").json()
    assert {"GPU has 24 GiB", "own", "all"} <= set(labels(payload))
    assert payload["figure"]["layout"]["yaxis"]["range"][1] > 24


def test_a_page_says_what_the_gpu_did_and_what_is_advised(signed_in, make) -> None:
    text = text_of(signed_in, gpu_run(make).get_absolute_url())
    assert all(f'data-chart="{chart}"' in text for chart in CHARTS)
    assert "<dt>GPU memory</dt>" in text
    assert "3,664" in text  # 3.1 GiB and 15 %, up to the next 16 MiB
    assert "NVIDIA L4: peak 3,174 MiB of 24,576 MiB" in text
    assert "570.86.15" in text


def test_a_run_without_gpus_shows_nothing_of_them(signed_in, make) -> None:
    run = sized_run(make)
    assert "gpu" not in text_of(signed_in, run.get_absolute_url()).lower()


def test_a_run_from_before_gpus_were_measured_still_has_a_page(signed_in, make) -> None:
    run = sized_run(make)
    for row in run.measurements.all():
        del row.data["gpu"]
        row.save(update_fields=["data"])
    run.advice.pop("gpu_memory_bytes")
    run.save(update_fields=["advice"])
    assert signed_in.get(run.get_absolute_url()).status_code == 200


def test_the_charts_of_a_live_run_wait_for_their_samples(signed_in, make) -> None:
    config = make.config()
    config.definition["gpu"] = True
    config.save(update_fields=["definition"])
    run = make.run(config=config)
    token = run.begin(run.attempt)
    size = {"cpu_millicores": 1000, "memory_bytes": 1 << 30}
    run.heartbeat(token, phase="measuring", current={"ordinal": 1, "phase": "measuring", **size})
    assert 'data-chart="gpu-power"' in text_of(signed_in, run.get_absolute_url())
    assert "empty" in signed_in.get(f"/runs/{run.name}/series/gpu-power/").json()


def test_applying_writes_the_gpus_and_their_memory(make, alice) -> None:
    run = gpu_run(make, gpus=2)
    model = run.models.get()
    apply_size(run, [model], alice)
    model.refresh_from_db()
    assert model.tags["requestedGpu"] == "2"
    assert model.tags["requestedGpuMemoryInGb"] == "3.57813"  # 3,664 MiB, rounded up


def test_targets_show_their_gpus(signed_in, make) -> None:
    make.target(gpus=[asdict(gpu) for gpu in GPUS])
    text = text_of(signed_in, "/targets/")
    assert text.count("NVIDIA L4</b>, 24,576 MiB") == 2
    assert GPUS[1].uuid in text


def test_the_admin_shows_what_a_target_has_and_leaves_it(client, root, make) -> None:
    target = make.target(gpus=[asdict(GPUS[0])])
    client.force_login(root)
    assert "NVIDIA L4" in text_of(client, "/admin/runs/target/")
    page = text_of(client, f"/admin/runs/target/{target.pk}/change/")
    assert GPUS[0].uuid in page
    assert 'name="gpus"' not in page


@pytest.fixture
def wanting(make) -> InferenceConfig:
    config = make.config()
    config.definition["gpu"] = 2
    config.save(update_fields=["definition"])
    return config


def asked(signed_in, make, wanting, target) -> str:
    """What the form of a new run says at its target."""
    fields = {
        "models": make.model().pk, "config": wanting.pk, "dataset": make.dataset().pk,
        "target": target.pk, "load_mode": "closed", "objective_kind": "relative",
    }  # fmt: skip
    page = signed_in.post("/runs/new/", fields)
    assert not ProfileRun.objects.exists()
    return page.context["form"].errors["target"].as_text()


def test_a_target_with_too_few_is_refused_and_those_with_enough_are_named(
    signed_in, make, wanting, settings
) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    one = make.target(name="one", gpus=[asdict(GPUS[0])])
    make.target(name="two", gpus=[asdict(gpu) for gpu in GPUS])
    make.target(name="off", gpus=[asdict(gpu) for gpu in GPUS], enabled=False)
    said = asked(signed_in, make, wanting, one)
    assert "wants 2 GPUs" in said
    assert "Targets that have: two." in said


def test_where_no_target_has_any_it_says_how_to_add_one(signed_in, make, wanting, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    assert "ensure_target" in asked(signed_in, make, wanting, make.target())


def test_a_run_made_otherwise_fails_before_anything_is_built(make, wanting) -> None:
    make.target(name="two", gpus=[asdict(gpu) for gpu in GPUS])
    run = make.run(config=wanting)
    jobs.execute(str(run.uuid), run.attempt)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (ProfileRun.State.FAILED, errors.NO_GPU)
    assert "Targets that have: two." in run.error_message
    assert not run.log_chunks.exists()
