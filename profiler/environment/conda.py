"""A conda environment file as what pip installs: its python, its packages, its pip section."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

from profiler.environment.python_version import wrong_python
from profiler.environment.requirement_lines import RequirementLines, read_small_file
from profiler.spec_fields import Folder, Problems, Table, shown

KEYS = ("name", "channels", "dependencies", "prefix", "variables")

_SAME_NAMES = """
absl-py accelerate aiofiles aiohttp altair annotated-types anyio attrs azure-core
azure-identity azure-storage-blob babel bcrypt beautifulsoup4 bokeh boto3 botocore cachetools
catboost category-encoders certifi cffi charset-normalizer click cloudpickle colorama contourpy
cryptography cycler cython dask datasets decorator dill distributed evaluate fastapi
fastparquet filelock flask flask-cors fonttools fsspec gensim geopandas google-cloud-storage
greenlet grpcio gunicorn h5py hdbscan holidays httpcore httptools httpx huggingface-hub
hyperopt idna imageio imbalanced-learn importlib-metadata itsdangerous jinja2 jmespath joblib
jsonpickle jsonschema keras kiwisolver librosa lightgbm llvmlite loguru lxml lz4 markdown
markupsafe matplotlib mlflow more-itertools mpmath multidict networkx nltk numba numexpr numpy
onnx onnxruntime openpyxl optuna orjson packaging pandas partd patsy pillow platformdirs plotly
polars prometheus-client protobuf psutil pyarrow pyasn1 pycparser pydantic pydantic-core
pydantic-settings pygments pyjwt pymongo pyod pyopenssl pyparsing pyproj python-dateutil
python-dotenv python-multipart pytz pywavelets pyyaml pyzmq rapidfuzz regex requests rich s3fs
sacremoses safetensors scikit-image scikit-learn scikit-optimize scipy seaborn
sentence-transformers sentencepiece setuptools shap shapely simplejson six sktime smart-open
sortedcontainers spacy sqlalchemy starlette statsmodels sympy tabulate tenacity tensorboard
tensorflow threadpoolctl tifffile tiktoken timm tokenizers toolz torchmetrics tornado tqdm
transformers typing-extensions tzdata ujson umap-learn urllib3 uvicorn uvloop watchdog
websockets werkzeug wheel wrapt xgboost xlrd yarl zipp zstandard
"""
#: Conda packages (defaults and conda-forge) that are the same package under the same name on PyPI.
SAME_ON_PYPI = frozenset(_SAME_NAMES.split())

#: Names that mean something else, or nothing, on PyPI -> what to do instead.
ADVICE = {
    "pytorch": "add `torch` under pip:",
    "pytorch-cpu": "add `torch` under pip:",
    "torchvision": "add `torchvision` under pip:, where it fits the `torch` of PyPI",
    "torchaudio": "add `torchaudio` under pip:, where it fits the `torch` of PyPI",
    "tensorflow-gpu": "add `tensorflow` under pip:",
    "opencv": "add `opencv-python-headless` under pip:",
    "py-opencv": "add `opencv-python-headless` under pip:",
    "py-xgboost": "write `xgboost`",
    "matplotlib-base": "write `matplotlib`",
    "dask-core": "write `dask`",
    "uvicorn-standard": "add `uvicorn[standard]` under pip:",
    "python-xxhash": "add `xxhash` under pip:",
    "msgpack-python": "add `msgpack` under pip:",
    "pysoundfile": "add `soundfile` under pip:, and use a base image that has libsndfile",
    "psycopg2": "add `psycopg2-binary` under pip:",
    "pytesseract": "add it under pip:, and use a base image that has tesseract",
    "faiss-cpu": "add `faiss-cpu` under pip:",
    "cudatoolkit": "use a base image that has CUDA",
    "cudnn": "use a base image that has cuDNN",
    "mkl": "remove it; the packages of PyPI bring their own linear algebra",
    "nomkl": "remove it; the packages of PyPI bring their own linear algebra",
}
GENERAL_ADVICE = (
    "if PyPI has it, add it under pip: by its name there; if it is a library of the system, use a"
    " base image that has it. For a file made by `conda env export`, use `--from-history`"
)

_SPEC = re.compile(r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[\w.-]+)\s*(?P<version>.*)")
_EXACT = re.compile(r"\d[\w.+!]*")
_FUZZY = re.compile(r"(?P<prefix>\d[\w.]*?)\.?\*")
_PYTHON = re.compile(r"==(?P<version>3\.\d+(\.\d+)?)(\.\*)?")


@dataclass(frozen=True)
class CondaEnvironment:
    """What pip would install for a conda file; `python` is None when it names no version."""

    pip: tuple[str, ...] = ()
    python: str | None = None


class UnknownVersion(Exception):
    """A version that has no translation."""


def read_conda(path: Path, folder: Folder, place: str, problems: Problems) -> CondaEnvironment:
    """The environment of a conda file; channels are not used, every package comes from PyPI."""
    text = read_small_file(path, place, problems)
    data = None if text is None else _parsed(text, path, place, problems)
    if data is None:
        return CondaEnvironment()
    table = Table.of(data, place, problems, KEYS)
    if table is None:
        return CondaEnvironment()
    if table.has("variables"):
        table.add("variables", "are not read; give them as config.env")
    return _Dependencies(table, path, folder).read()


def _parsed(text: str, path: Path, place: str, problems: Problems) -> object | None:
    try:
        return yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problems.add(place, f"{path.name}{where} is not YAML: {error.problem}; correct it")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problems.add(place, f"{path.name} is not YAML ({error}); correct it")
    return None


class _Dependencies:
    """The `dependencies` list of one file, item by item."""

    def __init__(self, table: Table, path: Path, folder: Folder) -> None:
        self._table = table
        self._beside = Folder(path.parent, folder.confined)
        self._python: str | None = None
        self._pip = RequirementLines(folder, table.at("dependencies"), table.problems)

    def read(self) -> CondaEnvironment:
        for item in self._table.rows("dependencies", missing="list the packages"):
            if isinstance(item, str):
                self._add_package(item)
            elif isinstance(item, dict) and list(item) == ["pip"]:
                self._add_pip_section(item["pip"])
            else:
                self._refuse(f"{shown(item)} is neither a package nor a pip: section; correct it")
        return CondaEnvironment(tuple(self._pip.found), self._python)

    def _add_pip_section(self, lines: object) -> None:
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            self._refuse("pip: must be a list of requirements, each a string")
            return
        for line in lines:
            self._pip.add(line, "pip: ", self._beside)

    def _add_package(self, text: str) -> None:
        spec = _SPEC.fullmatch(text.strip())
        if spec is None or "[" in text:
            self._refuse(f"{shown(text)} is not understood; write it as name=version")
            return
        name = canonicalize_name(spec["name"])
        try:
            version = pip_version(spec["version"])
        except UnknownVersion as error:
            self._refuse(f"{shown(text)}: {error}")
            return
        if name == "python":
            self._set_python(text, version)
        elif name in SAME_ON_PYPI:
            self._pip.add(f"{name}{version}")
        elif name != "pip":  # uv installs; the file's pip would go unused
            advice = ADVICE.get(name, GENERAL_ADVICE)
            self._refuse(f"{name} is not known to be the same package on PyPI; {advice}")

    def _set_python(self, text: str, version: str) -> None:
        exact = _PYTHON.fullmatch(version)
        if version and exact is None:
            self._refuse(f"{shown(text)} leaves the version open; write one, such as python=3.11")
        elif exact and (wrong := wrong_python(exact["version"])):
            self._refuse(wrong)
        elif exact:
            self._python = exact["version"]

    def _refuse(self, message: str) -> None:
        self._table.add("dependencies", message)


def pip_version(text: str) -> str:
    """Conda's version part in PEP 440: `=1.26` (fuzzy) becomes `==1.26.*`; "" stays "".

    A build string (`=1.26.4=py311_0`) only selects among builds of one version and is dropped.
    Raises UnknownVersion for what pip has no words for.
    """
    text = text.strip()
    if not text or text == "*":
        return ""
    if "|" in text:
        raise UnknownVersion("pip has no `|` between versions; write one range, such as >=1.2,<2")
    exact_build = re.fullmatch(r"={1,2}(?P<version>[^=\s]+)=[\w.*]+", text)
    if exact_build:
        text = f"=={exact_build['version']}"
    return ",".join(_clause(clause.strip()) for clause in text.split(","))


def _clause(clause: str) -> str:
    operator = re.match(r"(==|!=|>=|<=|~=|=|>|<)?", clause).group()
    version = clause[len(operator) :].strip()
    if fuzzy := _FUZZY.fullmatch(version):
        version, is_fuzzy = fuzzy["prefix"], True
    else:
        is_fuzzy = operator == "="
    if not _EXACT.fullmatch(version):
        raise UnknownVersion(f"the version {shown(clause)} is not understood; write =1.2 or >=1.2")
    if operator in ("", "=", "=="):
        return f"=={version}.*" if is_fuzzy else f"=={version}"
    if is_fuzzy and operator != "!=":
        return f"{operator}{version}"
    return f"{operator}{version}.*" if is_fuzzy else f"{operator}{version}"
