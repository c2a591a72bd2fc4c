"""Where a scored service's files lie and what its environment says, in a container or a process.

The layout is that of the ancestor's services, on which published scripts rely: the working folder
is the app's root, and AZUREML_MODEL_DIR is relative to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from profiler.spec import ModelFiles, ScoredConfig

SERVER_REQUIREMENT = "azureml-inference-server-http==1.5.0"
SERVER_APP = "azureml_inference_server_http.server.entry:app"
SERVER_PORT = 5001
HEALTH_PATH = "/"
MODELS_FOLDER = "azureml-models"

#: Part of this package that goes along with a service, and where to within its own folder.
SERVING = Path(__file__).parent / "serving"
SHIM = Path(__file__).parent / "shim"
LAUNCH = Path(__file__).parent / "launch.py"

#: Folders of a source directory that no service needs, and that may be large.
LEFT_OUT = frozenset({".git", ".hg", ".svn", ".venv", "venv", "__pycache__", "node_modules"})


@dataclass(frozen=True)
class PlacedFile:
    """A file of the user's and its place under the app's root."""

    source: Path
    place: PurePosixPath

    @property
    def mode(self) -> int:
        """Readable by the service's user whatever it was here; executable if it was."""
        return 0o755 if self.source.stat().st_mode & 0o111 else 0o644


def model_files(models: tuple[ModelFiles, ...]) -> Iterator[PlacedFile]:
    """Files of all models: azureml-models/<name>/<version>/<file, or folder with its own name>."""
    for model in models:
        top = PurePosixPath(MODELS_FOLDER, model.name, str(model.version), model.path.name)
        yield from _placed(model.path, top)


def source_files(config: ScoredConfig) -> Iterator[PlacedFile]:
    """Files of the source directory, which becomes the app's root."""
    yield from files_below(config.source_directory)


def files_below(folder: Path) -> Iterator[PlacedFile]:
    """Files of a folder, at their own places."""
    yield from _placed(folder, PurePosixPath())


def _placed(path: Path, place: PurePosixPath) -> Iterator[PlacedFile]:
    """`path`, or all files below it, in a stable order.

    A link is followed only to what lies below `path` itself: a source directory may not bring the
    host's own files into a service.
    """
    top = path.resolve()
    if top.is_file():
        yield PlacedFile(top, place)
        return
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        for name in sorted(names):
            file = Path(folder, name)
            if file.resolve().is_relative_to(top) and file.is_file():
                yield PlacedFile(file, place / file.relative_to(top).as_posix())


def model_dir(models: tuple[ModelFiles, ...]) -> str | None:
    """AZUREML_MODEL_DIR: the folder of the only model, or the one that holds them all.

    Relative, because real scripts break on an absolute path; None without a model.
    """
    if not models:
        return None
    if len(models) > 1:
        return MODELS_FOLDER
    return f"{MODELS_FOLDER}/{models[0].name}/{models[0].version}"


def server_variables(
    config: ScoredConfig, models: tuple[ModelFiles, ...], *, app_root: str, port: int
) -> dict[str, str]:
    """Environment variables of the service: our defaults, then the user's, then the layout's."""
    variables = {
        "WORKER_COUNT": str(config.workers),
        "AML_APP_INSIGHTS_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **config.env,
        "AML_APP_ROOT": app_root,
        "AZUREML_ENTRY_SCRIPT": config.entry_script,
        "SERVER_PORT": str(port),
    }
    folder = model_dir(models)
    if folder is not None:
        variables["AZUREML_MODEL_DIR"] = folder
    return variables
