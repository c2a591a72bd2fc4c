"""What is known of a score.py without running it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from profiler.spec_reader import check_script
from tests.spec_files import SCORE, SpecFiles

INIT = "def init():\n    pass\n"
RUN = "def run(raw_data):\n    return 1\n"


@pytest.mark.parametrize(
    "script",
    [
        SCORE,
        "@waited_for\nasync def init(): ...\n@waited_for\nasync def run(raw_data): ...\n",
        "from service import init, run\n",
        "from service import start as init, answer as run\n",
        "from service import *\n",
        "import init, run\n",
        "init = run = print\n",
        "init, (run, _) = make()\n",
        "init: object = print\nclass run: ...\n",
        "if a:\n    def init(): ...\nelse:\n    init = b\ntry:\n    import run\nfinally: ...\n",
        "@timed\ndef init(a): ...\n@input_schema('data', x)\ndef run(): ...\n",
        "def init(verbose=False): ...\ndef run(*, data): ...\n",
        "with x as init: ...\nfor run in y: ...\n",
        '"\\d"\n' + SCORE,
    ],
)
def test_scripts_with_init_and_run_are_sound(script):
    assert check_script(script, "score.py") == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "has no init()"),
        (RUN, "has no init()"),
        (INIT, "has no run(); define `def run(raw_data):`"),
        (INIT + "run: object\n", "has no run()"),
        (INIT + "def other():\n    def run(raw_data): ...\n", "has no run()"),
        (INIT + "class Service:\n    def run(self, raw_data): ...\n", "has no run()"),
        (INIT + "[run for run in range(3)]\n", "has no run()"),
        (INIT + "def run(): ...\n", "line 3: run() is given the request"),
        ("def init(path): ...\n" + RUN, "line 1: init() is called without arguments"),
        (INIT + "async def run(raw_data): ...\n", "line 3: run() is async"),
        ("async def init(): ...\n" + RUN, "line 1: init() is async"),
        ("def init()\n    pass\n", "does not parse: line 1: expected ':' in `def init()`"),
        (SCORE + "return 1\n", "'return' outside function"),
        ("def init():\n\tpass\n        x = 1\n", "does not parse: line 3"),
        ("(" * 1000, "does not parse"),
        (SCORE + "\0", "NUL"),
    ],
)
def test_what_is_wrong_with_a_script_is_said(script, words):
    problems = check_script(script, "score.py")

    assert problems[0].place == "score.py"
    assert words in problems[0].message


def test_both_missing_functions_are_named_at_once():
    assert len(check_script("x = 1\n", "score.py")) == 2


def test_syntax_of_a_newer_python_is_left_to_that_python():
    newer = f"3.{sys.version_info.minor + 1}"
    script = SCORE + "some future = syntax\n"

    assert check_script(script, "score.py", newer) == []
    assert len(check_script(script, "score.py", "3.9")) == 1


def test_a_script_in_a_folder_of_the_source_is_found(tmp_path: Path):
    files = SpecFiles(tmp_path)
    (tmp_path / "src" / "code").mkdir(parents=True)
    (tmp_path / "src" / "code" / "score.py").write_text(SCORE)
    files.set("config.source_directory", "src").set("config.entry_script", "code/score.py")

    assert files.problems() == []


def test_a_script_in_its_declared_encoding_is_read(tmp_path: Path):
    files = SpecFiles(tmp_path)
    content = f"# -*- coding: latin-1 -*-\n# café\n{SCORE}".encode("latin-1")
    (tmp_path / "score.py").write_bytes(content)

    assert files.problems() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# caf\xe9\n", "save the file as UTF-8"),
        (b"\n\n\n# caf\xe9\n", "line 4 is not utf-8; save the file as UTF-8"),
        (b"# coding: klingon\n", "unknown encoding"),
        (b"def run(raw_data):\n    import\n", "score.py does not parse: line 2"),
    ],
)
def test_a_script_that_cannot_be_read_is_refused(tmp_path: Path, content, words):
    files = SpecFiles(tmp_path)
    (tmp_path / "score.py").write_bytes(content)

    [(place, message)] = files.problems()

    assert place == "config.entry_script"
    assert words in message
