"""A script of Azure ML v1 runs here with only its import lines changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from profiler_client.azureml.core import Dataset, Datastore, Environment, Model, Workspace
from profiler_client.azureml.core.conda_dependencies import CondaDependencies
from profiler_client.azureml.core.model import InferenceConfig
from profiler_client.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from profiler_client.azureml.exceptions import WebserviceException
from runs.models import InferenceConfig as ConfigRow
from runs.models import ProfileRun, RegisteredModel
from tests.live_site import ROOT, Site, site_for
from tests.measured_runs import sized

pytestmark = pytest.mark.django_db(transaction=True)
NO_HEADERS = PromoteHeadersBehavior.NO_HEADERS
#: As such scripts are written: register, upload, profile, wait, tag.
SCRIPT = """
import json

from azureml.core import Datastore, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.dataset import Dataset
from azureml.core.environment import Environment
from azureml.core.model import InferenceConfig, Model
from azureml.core.resource_configuration import ResourceConfiguration
from azureml.data import dataset_type_definitions

ws = Workspace.from_config()
model = Model.register(
    workspace=ws, model_name="ridge", model_path="model.pkl", description="Ridge regression",
    model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.8.0",
    resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
    tags={"area": "diabetes"},
)
print(model.id, model.tags)

with open("sample_request_data.txt", "w") as file:
    file.write("\\n".join([json.dumps({"data": [[1, 2]]})] * 3))
datastore = Datastore.get_default(ws)
datastore.upload_files(["./sample_request_data.txt"], target_path="sample_request_data")
dataset = Dataset.Tabular.from_delimited_files(
    [(datastore, "./sample_request_data/sample_request_data.txt")],
    separator="\\n",
    infer_column_types=True,
    header=dataset_type_definitions.PromoteHeadersBehavior.NO_HEADERS,
)
dataset = dataset.register(workspace=ws, name="sample_request_data", create_new_version=True)

env = Environment("ridge")
env.python.conda_dependencies = CondaDependencies.create(
    conda_packages=["scikit-learn=1.8.0"], pip_packages=["requests"]
)
env.environment_variables["OMP_NUM_THREADS"] = "1"
inference_config = InferenceConfig("score.py", source_directory="service", environment=env)

profile = Model.profile(
    ws, "ridge-profile", [model], inference_config,
    input_dataset=Dataset.get_by_name(workspace=ws, name="sample_request_data"),
    cpu=1.0, memory_in_gb=0.5, description="the first",
)
profile.wait_for_completion(True)
details = profile.get_details()
print()
print(json.dumps(details))
model.add_tags({key: details[key] for key in ("requestedCpu", "requestedMemoryInGb")})
"""


@pytest.fixture
def site(live_server, alice, make, tmp_path, settings, monkeypatch) -> Site:
    settings.PROFILER_ALLOW_PROCESS_TARGET = True
    make.target(name="here")
    folder = tmp_path / "work"
    (folder / "service").mkdir(parents=True)
    (folder / "service" / "score.py").write_text(
        "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
    )
    (folder / "model.pkl").write_bytes(b"weights")
    site = site_for(alice, live_server.url, folder)
    monkeypatch.setenv("MODEL_PROFILER_URL", site.url)
    monkeypatch.setenv("MODEL_PROFILER_TOKEN", site.token)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.chdir(folder)
    return site


def start(site: Site, script: str) -> subprocess.Popen[str]:
    own = {**site.environment, "MODEL_PROFILER_URL": site.url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=site.folder, env=own, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def asked_for(script: subprocess.Popen[str]) -> ProfileRun:
    end = time.monotonic() + 30
    while not (found := ProfileRun.objects.first()):
        assert script.poll() is None, script.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def test_a_script_that_profiled_there_profiles_here(site) -> None:
    changed = re.sub(r"from azureml", "from profiler_client.azureml", SCRIPT)
    script = start(site, changed)
    sized(asked_for(script))
    out, err = script.communicate(timeout=60)
    assert script.returncode == 0, err

    first, *_, last = out.splitlines()
    assert first == "ridge:1 {'area': 'diabetes'}"
    assert "\nSucceeded\n" in out
    details = json.loads(last)
    assert (details["name"], details["description"]) == ("ridge-profile", "the first")
    assert (details["state"], details["recommendedCpu"]) == ("Succeeded", 0.4)
    assert details["requestedMemoryInGb"] == details["requestedMemoryInGB"] == 1.0
    assert details["latencyPercentile95InMs"] > 0
    run = ProfileRun.objects.get()
    assert run.limits == {"cpu_millicores": 1000, "memory_bytes": 2**29}
    assert (run.config.ref, run.dataset.ref) == ("ridge:1", "sample_request_data:1")
    assert run.dataset.rows == 3
    assert run.config.definition == {
        "entry_script": "score.py",
        "environment": {"conda": "conda.yml"},
        "env": {"OMP_NUM_THREADS": "1"},
    }
    model = RegisteredModel.objects.get()
    assert (model.framework, model.framework_version) == ("ScikitLearn", "1.8.0")
    assert model.tags["requestedCpu"] == "1.0"


def test_what_was_registered_is_found_changed_and_listed(site) -> None:
    ws = Workspace.get("anywhere", subscription_id="x", resource_group="y")
    for _ in range(2):
        Model.register(ws, "model.pkl", "ridge", properties={"trained": "2026"})
    model = Model(ws, "ridge")
    assert (model.version, model.properties) == (2, {"trained": "2026"})
    assert Model(ws, id="ridge:1").version == Model(ws, "ridge", version=1).version == 1
    model.add_tags({"requestedCpu": 0.5, "team": "risk"})
    model.remove_tags(["team"])
    assert model.tags == Model(ws, "ridge").tags == {"requestedCpu": "0.5"}
    assert [one.id for one in Model.list(ws)] == ["ridge:2"]
    assert {one.id for one in Model.list(ws, "ridge")} == {"ridge:1", "ridge:2"}


def test_a_config_is_registered_once_by_however_many_profiles(site) -> None:
    ws = Workspace()
    config = InferenceConfig(entry_script="service/score.py", conda_file=conda(), enable_gpu=True)
    assert config.registered(ws.client, "a") == config.registered(ws.client, "b") == "a:1"
    row = ConfigRow.objects.get()
    assert (row.gpus, row.definition["entry_script"]) == (1, "score.py")


def conda() -> str:
    Path("conda.yml").write_text("dependencies:\n- python=3.11\n- pip:\n  - numpy\n")
    return "conda.yml"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda ws: Dataset.Tabular.from_delimited_files("none.csv"), "no file none.csv"),
        (lambda ws: Dataset.Tabular.from_delimited_files((Datastore(), "a.txt")), "Nothing was up"),
        (lambda ws: Dataset.Tabular.from_delimited_files(["a", "b"]), "made of one file"),
        (lambda ws: Dataset.Tabular.from_delimited_files("model.pkl", ";"), "separated by ';'"),
        (
            lambda ws: Dataset.Tabular.from_delimited_files("model.pkl", ",", NO_HEADERS),
            "tables have one",
        ),
        (lambda ws: Dataset.get_by_name(ws, "nothing"), "nothing"),
        (lambda ws: Model(ws), "Which model"),
        (lambda ws: Model(ws, "nothing"), "nothing"),
        (lambda ws: Model.register(ws, "none.pkl", "m"), "There is no none.pkl"),
        (lambda ws: InferenceConfig("score.py", cuda_version="11.0"), "cuda_version"),
        (lambda ws: InferenceConfig("score.py", runtime="spark-py"), "spark-py"),
        (
            lambda ws: InferenceConfig("score.py", conda_file=conda(), environment=Environment()),
            "not both",
        ),
        (lambda ws: CondaDependencies(conda()).add_pip_package("numpy"), "taken as it is"),
        (lambda ws: lines().ref, "not registered"),
        (lambda ws: [lines().register(ws, "rows") for _ in range(2)], "a dataset named rows"),
    ],
)
def test_what_cannot_be_done_says_so_under_the_old_name(site, wrong, said) -> None:
    with pytest.raises(WebserviceException, match=re.escape(said)):
        wrong(Workspace())


def lines():
    Path("rows.txt").write_text("{}\n")
    return Dataset.Tabular.from_delimited_files("rows.txt", "\n", NO_HEADERS)


def test_packages_are_written_as_a_conda_file() -> None:
    made = CondaDependencies.create(["a==1"], ["b=2"], python_version="3.10")
    made.add_pip_package("c")
    made.add_conda_package("d")
    assert made.serialize_to_string() == (
        "dependencies:\n- python=3.10\n- b=2\n- d\n- pip\n- pip:\n  - a==1\n  - c\n"
    )
    assert CondaDependencies().serialize_to_string() == "dependencies:\n- pip\n"
