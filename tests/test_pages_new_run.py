"""Asking for a run: model, config and dataset are enough, and the engine checks the rest first."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from profiler.units import MIB
from runs.models import InferenceConfig, ProfileRun, StoredFiles
from tests.page_rows import queries_of

pytestmark = pytest.mark.django_db

NEW = "/runs/new/"


@pytest.fixture
def parts(make, settings) -> dict:
    """What a run is made of, as the form sends it."""
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    model, config, dataset = make.model(), make.config(), make.dataset()
    target = make.target(name="lab")
    return {
        "models": [model.pk],
        "config": config.pk,
        "dataset": dataset.pk,
        "target": target.pk,
        "load_mode": "closed",
        "objective_kind": "relative",
    }


def test_model_config_and_dataset_are_enough(signed_in, alice, parts) -> None:
    answer = signed_in.post(NEW, parts)
    assert answer.url == "/runs/ridge-1/"
    run = ProfileRun.objects.get()
    assert (run.state, run.created_by) == ("queued", alice)
    assert run.load == {"mode": "closed", "concurrency": 1}
    assert (run.objective, run.limits, run.budget) == ({}, {}, {})
    assert run.spec["models"][0]["path"] == "models/ridge/1/model.txt"
    assert run.input_hashes["dataset"]


def test_everything_asked_for_reaches_the_spec(signed_in, parts) -> None:
    signed_in.post(
        NEW,
        {
            **parts,
            "name": "night-run",
            "load_mode": "open",
            "rate_rps": "12.5",
            "arrivals": "constant",
            "order": "shuffled",
            "timeout_s": "5",
            "objective_kind": "bound",
            "percentile": "99",
            "latency_ms": "50",
            "max_error_rate": "1",
            "confidence": "99",
            "cpu_millicores": "500",
            "memory_mib": "256",
            "duration_s": "120",
            "build_s": "300",
        },
    )
    spec = ProfileRun.objects.get(name="night-run").spec
    assert spec["load"] == {
        "mode": "open",
        "rate_rps": 12.5,
        "arrivals": "constant",
        "order": "shuffled",
        "timeout_s": 5.0,
    }
    assert spec["objective"] == {
        "percentile": 99.0,
        "latency_ms": 50.0,
        "max_error_rate": 0.01,
        "confidence": 0.99,
    }
    assert spec["limits"] == {"cpu_millicores": 500, "memory_bytes": 256 * MIB}
    assert spec["budget"] == {"duration_s": 120.0, "build_s": 300.0}


def test_stages_are_given_as_json(signed_in, parts) -> None:
    stages = '[{"mode": "open", "rate_rps": 5, "duration_s": 10}, {"mode": "closed"}]'
    signed_in.post(NEW, {**parts, "stages": stages})
    assert len(ProfileRun.objects.get().spec["load"]) == 2


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"config": ""}, "config", "required"),
        ({"dataset": ""}, "dataset", "required"),
        ({"target": ""}, "target", "required"),
        ({"models": ["999"]}, "models", "999"),
        ({"name": "a b"}, "name", "a space"),
        ({"name": "new"}, "name", "means something else"),
        ({"concurrency": "0"}, "concurrency", "from 1"),
        ({"load_mode": "open"}, "rate_rps", "requests per second"),
        ({"load_mode": "open", "rate_rps": "-1"}, "rate_rps", "from 0.01"),
        ({"load_mode": "open", "rate_rps": "nan"}, "rate_rps", "number"),
        ({"timeout_s": "0"}, "timeout_s", "from 0.01"),
        ({"stages": "[{"}, "stages", "JSON"),
        ({"stages": "[]"}, "stages", "no stages"),
        ({"stages": '[{"mode": "open"}]'}, "stages", "[0].rate_rps"),
        ({"percentile": "101"}, "percentile", "99.99"),
        ({"objective_kind": "bound"}, "latency_ms", "good enough"),
        ({"objective_kind": "bound", "latency_ms": "-1"}, "latency_ms", "from 0.001"),
        ({"latency_ratio": "0.5"}, "latency_ratio", "from 1"),
        ({"max_error_rate": "60"}, "max_error_rate", "50"),
        ({"confidence": "100"}, "confidence", "99.99"),
        ({"throughput_share": "0"}, "throughput_share", "1"),
        ({"cpu_millicores": "999999"}, "cpu_millicores", "lab has at most"),
        ({"cpu_millicores": "1"}, "cpu_millicores", "from 100"),
        ({"memory_mib": "99999999"}, "memory_mib", "lab has at most"),
        ({"memory_mib": "1"}, "memory_mib", "from"),
        ({"duration_s": "0"}, "duration_s", "from 1"),
        ({"build_s": "0"}, "build_s", "from 1"),
    ],
)
def test_what_the_engine_would_refuse_is_said_at_its_field(
    signed_in, parts, fields, place, said
) -> None:
    page = signed_in.post(NEW, {**parts, **fields})
    assert page.status_code == 200
    assert said in page.context["form"].errors[place].as_text()
    assert not ProfileRun.objects.exists()


def test_all_problems_are_said_at_once(signed_in, parts) -> None:
    page = signed_in.post(
        NEW,
        {**parts, "concurrency": "0", "percentile": "5", "duration_s": "0", "memory_mib": "1"},
    )
    wrong = {"concurrency", "percentile", "duration_s", "memory_mib"}
    assert set(page.context["form"].errors) == wrong


def test_a_config_that_wants_a_gpu_needs_a_target_with_one(signed_in, parts) -> None:
    config = InferenceConfig.objects.get()
    config.definition["gpu"] = True
    config.save(update_fields=["definition"])
    page = signed_in.post(NEW, parts)
    assert "wants a GPU" in page.context["form"].errors["target"].as_text()


def test_a_container_cannot_run_as_a_process(signed_in, parts) -> None:
    config = InferenceConfig.objects.register(
        name="box", kind="container", definition={"image": "a:1", "port": 80}
    )
    page = signed_in.post(NEW, {**parts, "config": config.pk})
    assert "docker target" in page.context["form"].errors["config"].as_text()


def test_processes_must_be_allowed(signed_in, parts, settings) -> None:
    settings.PROFILER_ALLOW_PROCESS_TARGET = False
    page = signed_in.post(NEW, parts)
    assert "PROFILER_ALLOW_PROCESS_TARGET" in page.context["form"].errors["target"].as_text()


def test_a_target_that_takes_no_runs_cannot_be_chosen(signed_in, parts, make) -> None:
    closed = make.target(enabled=False)
    page = signed_in.post(NEW, {**parts, "target": closed.pk})
    assert page.context["form"].errors["target"]


def test_a_name_is_taken_once(signed_in, parts) -> None:
    signed_in.post(NEW, {**parts, "name": "once"})
    page = signed_in.post(NEW, {**parts, "name": "once"})
    assert "There is a run once already" in page.context["form"].errors["name"].as_text()
    assert ProfileRun.objects.count() == 1


def test_checking_a_run_copies_and_leaves_nothing(signed_in, parts, data_dir) -> None:
    blobs = sorted((data_dir / "blobs").rglob("*"))
    signed_in.post(NEW, {**parts, "duration_s": "0"})
    assert sorted((data_dir / "blobs").rglob("*")) == blobs
    assert list((data_dir / "uploads").iterdir()) == []


def test_a_damaged_store_is_not_changed_by_a_check(signed_in, parts) -> None:
    model_files = StoredFiles.objects.get(name="model.txt")
    signed_in.post(NEW, parts)
    assert model_files.open().read() == b"weights"


# --- What is filled in beforehand -----------------------------------------------------------------
def initial(client, query: str) -> dict:
    return client.get(f"{NEW}?{query}").context["form"].initial


def test_the_address_can_choose(signed_in, make, parts) -> None:
    make.model("lasso")
    newer = make.model("lasso")
    chosen = initial(signed_in, "model=lasso&config=score:1&dataset=requests")
    assert chosen["models"] == [newer]
    assert (chosen["config"], chosen["dataset"]) == (parts["config"], parts["dataset"])


@pytest.mark.parametrize("query", ["model=nothing", "config=score:9", "dataset=requests:x"])
def test_what_the_address_names_must_be_there(signed_in, parts, query) -> None:
    assert signed_in.get(f"{NEW}?{query}").status_code == 404


def test_a_single_config_dataset_and_target_are_chosen_already(signed_in, parts) -> None:
    chosen = initial(signed_in, "")
    assert (chosen["config"], chosen["dataset"]) == (parts["config"], parts["dataset"])
    assert chosen["target"].pk == parts["target"]


def test_a_model_comes_with_what_it_was_profiled_with_last(signed_in, make, parts) -> None:
    signed_in.post(NEW, parts)
    make.config("other")
    make.model("ridge")
    chosen = initial(signed_in, "model=ridge")
    assert (chosen["config"], chosen["dataset"]) == (parts["config"], parts["dataset"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"load_mode": "open", "rate_rps": "7", "arrivals": "constant"},
        {"objective_kind": "bound", "latency_ms": "20", "max_error_rate": "2.5"},
        {"cpu_millicores": "300", "memory_mib": "512", "duration_s": "30"},
        {"stages": '[{"mode": "closed", "concurrency": 2, "requests": 50}]'},
    ],
)
def test_a_clone_asks_for_the_same_run(signed_in, parts, fields) -> None:
    signed_in.post(NEW, {**parts, **fields, "name": "first"})
    form = signed_in.get(f"{NEW}?clone=first").context["form"]
    again = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    assert signed_in.post(NEW, {**again, "name": "second"}).status_code == 302
    first, second = ProfileRun.objects.get(name="first"), ProfileRun.objects.get(name="second")
    assert first.spec == second.spec


RECORDED = {"load_mode": "recorded", "speed": "2"}


def times(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("times.csv", text.encode())


def test_recorded_times_are_uploaded_and_stay_with_the_run(signed_in, parts) -> None:
    file = times("user,timestamp\nann,2026-01-01T00:00:00Z\nbob,2026-01-01T00:00:02.5Z\n")
    signed_in.post(NEW, {**parts, **RECORDED, "arrivals_file": file, "name": "first"})
    first = ProfileRun.objects.get(name="first")
    assert first.spec["load"] == {
        "mode": "open", "arrivals": "recorded", "times_s": [0.0, 2.5], "speed": 2.0,
    }  # fmt: skip
    page = signed_in.get(f"{NEW}?clone=first")
    assert "the 2 times of first" in page.content.decode()
    form = page.context["form"]
    again = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    signed_in.post(NEW, {**again, "name": "second"})
    assert ProfileRun.objects.get(name="second").spec == first.spec


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({}, "arrivals_file", "Choose the file"),
        ({"recorded_in": "nobody"}, "arrivals_file", "Choose the file"),
        ({"arrivals_file": "0\nsoon\n"}, "arrivals_file", "Line 2: &quot;soon&quot; is no time"),
        ({"arrivals_file": "# none\n"}, "arrivals_file", "There are no times in it"),
        ({"arrivals_file": "1\n1\n"}, "arrivals_file", "Two arrivals at different times"),
        ({"arrivals_file": "0\n1\n", "speed": "0"}, "speed", "from 0.001"),
        ({"arrivals_file": "\n".join(map(str, range(1000)))},
         "duration_s", "the recorded arrivals last 500 s"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_recorded_times_is_said_at_the_field(
    signed_in, parts, fields, place, said
) -> None:
    data = {**parts, **RECORDED, "duration_s": "100", **fields}
    if "arrivals_file" in data:
        data["arrivals_file"] = times(data["arrivals_file"])
    answer = signed_in.post(NEW, data)
    assert list(answer.context["form"].errors) == [place]
    assert said.lower() in answer.content.decode().lower()
    assert not ProfileRun.objects.exists()


def test_what_is_expected_of_the_answers_reaches_the_spec_and_a_clone(signed_in, parts) -> None:
    asked = {
        "json_path": "$.p[0]",
        "equals": '{"a": false}',
        "pattern": "p",
        "same_as_largest": "on",
        "tolerance": "0.01",
    }
    signed_in.post(NEW, {**parts, **asked, "name": "first"})
    first = ProfileRun.objects.get(name="first")
    assert first.spec["answers"] == {
        **asked, "equals": {"a": False}, "same_as_largest": True, "tolerance": 0.01,
    }  # fmt: skip
    form = signed_in.get(f"{NEW}?clone=first").context["form"]
    again = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    signed_in.post(NEW, {**again, "name": "second"})
    assert ProfileRun.objects.get(name="second").spec == first.spec


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"json_path": "p"}, "json_path", "Cannot be read"),
        ({"equals": "yes"}, "equals", "not JSON"),
        ({"equals": "null"}, "equals", "asks for nothing"),
        ({"pattern": "("}, "pattern", "Cannot be read"),
        ({"tolerance": "0.1"}, "tolerance", "Has no meaning"),
    ],
)
def test_a_check_that_is_none_is_refused_at_its_field(
    signed_in, parts, fields, place, said
) -> None:
    answer = signed_in.post(NEW, {**parts, **fields})
    assert list(answer.context["form"].errors) == [place]
    assert said in answer.content.decode()


def test_the_memory_probe_is_for_containers_and_a_clone_asks_for_it_again(
    signed_in, make, parts
) -> None:
    asked = {**parts, "name": "first", "memory_probe": "on"}
    form = signed_in.post(NEW, asked).context["form"]
    assert "docker" in form.errors["memory_probe"][0]
    asked["target"] = make.target(name="docks", kind="docker").pk
    signed_in.post(NEW, asked)
    assert ProfileRun.objects.get(name="first").spec["memory_probe"] is True
    clone = signed_in.get(f"{NEW}?clone=first").context["form"]
    assert clone["memory_probe"].value() is True
    assert clone.limits_open
    signed_in.post(NEW, {**parts, "name": "second"})
    assert "memory_probe" not in ProfileRun.objects.get(name="second").spec


def test_twice_the_rows_to_choose_from_take_no_more_queries(signed_in, make, parts) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            make.model(f"m-{number}")
            make.config(f"c-{number}")
            make.target()

    add(range(10))
    ten = queries_of(lambda: signed_in.get(NEW))
    add(range(10, 20))
    assert queries_of(lambda: signed_in.get(NEW)) == ten
