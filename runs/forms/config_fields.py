"""What is asked of an inference config that is registered."""

from __future__ import annotations

from django import forms

from profiler.environment import python_version
from profiler.request_fields import METHODS
from profiler.spec_reader.config import WORKERS_MAX
from runs.forms.names import NameField
from runs.forms.pairs import PairsField
from runs.forms.uploads import UploadForm
from runs.models import InferenceConfig, StagedUpload

Kind = InferenceConfig.Kind

PIP, CONDA, DOCKERFILE = "pip", "conda", "dockerfile"
CONDA_FILE = "conda_file"
ENVIRONMENTS = ((PIP, "Python packages"), (CONDA, "Conda file"), (DOCKERFILE, "Dockerfile"))
PYTHONS = [
    f"3.{minor}" for minor in range(python_version.NEWEST[1], python_version.OLDEST[1] - 1, -1)
]


def _mono(placeholder: str = "") -> forms.TextInput:
    return forms.TextInput(
        attrs={"class": "mono", "placeholder": placeholder, "spellcheck": "false"}
    )


class ConfigFields(UploadForm):
    purpose = StagedUpload.Purpose.CONFIG
    kept_as = {
        CONDA_FILE: StagedUpload.Purpose.CONDA_FILE,
        DOCKERFILE: StagedUpload.Purpose.DOCKERFILE,
    }
    folder_name = "source"
    unpacks_archives = True
    files_label = "Source files"
    files_hint = "score.py and what it imports, or a zip archive of their folder."
    folder_hint = "Everything in it is put beside score.py."

    name = NameField(help_text="A name that is there already gets its next version.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    kind = forms.ChoiceField(
        choices=((Kind.SCORED, "A score.py"), (Kind.CONTAINER, "A container of your own")),
        widget=forms.RadioSelect,
        initial=Kind.SCORED,
    )

    sources_of = forms.CharField(
        required=False,
        help_text="The config, as name:version, whose sources are taken where no files are sent.",
    )
    entry_script = forms.CharField(
        required=False,
        widget=_mono("score.py"),
        help_text="With init() and run(). Left empty: score.py, or the only script at the top.",
    )
    environment_kind = forms.ChoiceField(
        label="Made from",
        choices=ENVIRONMENTS,
        widget=forms.RadioSelect,
        initial=PIP,
        required=False,
    )
    requirements = forms.CharField(
        required=False,
        label="Requirements",
        widget=forms.Textarea(
            attrs={
                "rows": 4,
                "class": "mono",
                "spellcheck": "false",
                "placeholder": "scikit-learn==1.8.0\nnumpy",
            }
        ),
        help_text="One a line, as pip takes them. Left empty: requirements.txt of the sources.",
    )
    conda_file = forms.FileField(
        required=False, help_text="Left empty: conda.yml or environment.yml of the sources."
    )
    dockerfile = forms.FileField(
        required=False, label="Dockerfile", help_text="Left empty: Dockerfile of the sources."
    )
    base_image = forms.CharField(
        required=False,
        widget=_mono("the installation's own"),
        help_text="An image with Python to build on.",
    )
    python = forms.ChoiceField(
        required=False,
        label="Python version",
        choices=[("", "The base image's own"), *((version, version) for version in PYTHONS)],
    )
    workers = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=WORKERS_MAX,
        widget=forms.NumberInput(attrs={"placeholder": 1}),
        help_text="Processes that answer, one request at a time each.",
    )

    image = forms.CharField(required=False, widget=_mono("registry/name:tag"))
    port = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=65_535,
        widget=forms.NumberInput(attrs={"placeholder": 8080}),
    )
    health_path = forms.CharField(
        required=False, widget=_mono("/"), help_text="Answers 200 once the service is ready."
    )
    score_path = forms.CharField(
        required=False, widget=_mono("/score"), help_text="Where requests are sent."
    )
    method = forms.ChoiceField(
        required=False, choices=[(method, method) for method in METHODS], initial="POST"
    )
    headers = PairsField(
        separator=":", example="X-Tenant: eu", help_text="One a line, sent with every request."
    )

    env = PairsField(
        label="Environment variables",
        example="OMP_NUM_THREADS=1",
        help_text="One a line. Seen by everyone who sees this config: no secrets.",
    )
    gpu = forms.IntegerField(
        required=False,
        label="GPUs it needs",
        min_value=0,
        widget=forms.NumberInput(attrs={"placeholder": "0", "step": "1"}),
        help_text="Left empty it sees none. Only targets that have as many can run it.",
    )
    egress = forms.BooleanField(
        required=False,
        label="May reach the network",
        help_text="Without it the service can only answer requests.",
    )
