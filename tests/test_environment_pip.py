"""Environments from pip requirements, a base image or a Dockerfile."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.environment import read_environment
from profiler.errors import InvalidSpec
from profiler.spec import Environment


def problems(data: object, base: Path, **options: bool) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as refusal:
        read_environment(data, base, **options)
    return [(problem.place, problem.message) for problem in refusal.value.problems]


def test_an_empty_environment_is_plain_python(tmp_path):
    assert read_environment({}, tmp_path) == Environment()


def test_requirements_come_from_a_list(tmp_path):
    lines = [
        "numpy~=2.1",
        "uvicorn[standard]>=0.30,<1 ; python_version > '3.9'",
        "torch @ https://example.org/torch-2.5-py3-none-any.whl",
        "shap  # explains",
        "",
        "# nothing",
    ]

    assert read_environment({"pip": lines, "python": "3.12"}, tmp_path) == Environment(
        (
            "numpy~=2.1",
            "uvicorn[standard]>=0.30,<1 ; python_version > '3.9'",
            "torch @ https://example.org/torch-2.5-py3-none-any.whl",
            "shap",
        ),
        "3.12",
    )


def test_requirements_come_from_a_file_and_those_it_includes(tmp_path):
    (tmp_path / "common").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "\ufeff# ours\nnumpy==2.1 \\\n  ; python_version > '3.8'\n\n-r common/base.txt\nscipy\n"
    )
    (tmp_path / "common" / "base.txt").write_text("--requirement=more.txt\njoblib\n")
    (tmp_path / "common" / "more.txt").write_text("pandas\r\n")

    environment = read_environment({"pip": "requirements.txt"}, tmp_path)

    assert environment.pip == (
        "numpy==2.1 ; python_version > '3.8'",
        "pandas",
        "joblib",
        "scipy",
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("numpy=1.26", "is not a requirement"),
        ("numpy==", "is not a requirement"),
        ("not a name", "is not a requirement"),
        ("-e ./package", "editable install; copy the package's folder into source_directory"),
        ("--editable=git+https://x/y", "editable install"),
        ("./package", "local path; copy"),
        ("../package", "local path"),
        ("/opt/package", "local path"),
        ("dist/package-1.0-py3-none-any.whl", "local path"),
        ("package @ file:///opt/package", "local path"),
        ("file:///opt/package", "local path"),
        ("git+https://github.com/a/b.git", "as `name @ URL`"),
        ("https://example.org/a.whl", "as `name @ URL`"),
        ("--index-url https://example.org/simple", "--index-url is not read"),
        ("--extra-index-url=https://example.org/simple", "--extra-index-url is not read"),
        ("-i https://example.org/simple", "set PIP_INDEX_URL"),
        ("-f wheels", "the option -f is not supported"),
        ("--find-links wheels", "the option --find-links is not supported"),
        ("--pre", "the option --pre is not supported"),
        ("-c constraints.txt", "-c is not supported; write the versions"),
        ("numpy==2.1 --hash=sha256:abc", "--no-generate-hashes"),
        ("-r nowhere.txt", "there is no file"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_its_number(tmp_path, line, words):
    (tmp_path / "requirements.txt").write_text(f"numpy\n\n{line}\n")

    [(place, message)] = problems({"pip": "requirements.txt"}, tmp_path)
    assert place == "environment.pip"
    assert message.startswith("requirements.txt line 3: ")
    assert words in message

    [(place, message)] = problems({"pip": ["numpy", line]}, tmp_path)
    assert place == "environment.pip[1]"
    assert words in message


def test_two_exact_versions_of_a_package_are_told(tmp_path):
    lines = ["Num-Py==2.1", "num_py==2.1.0", "num.py<3", "num-py==1.0 ; python_version < '3.10'"]
    assert len(read_environment({"pip": lines}, tmp_path).pip) == 4

    [(place, message)] = problems({"pip": [*lines, "num_py==2.2"]}, tmp_path)
    assert place == "environment.pip[4]"
    assert message == '"num_py==2.2" contradicts "Num-Py==2.1"; keep one of them'


def test_every_wrong_line_is_told_at_once(tmp_path):
    (tmp_path / "requirements.txt").write_text("a b\n-r base.txt\n-e .\n")
    (tmp_path / "base.txt").write_text("\nc d\n")

    found = problems({"pip": "requirements.txt"}, tmp_path)

    assert [message.partition(":")[0] for _, message in found] == [
        "requirements.txt line 1",
        "base.txt line 2",
        "requirements.txt line 3",
    ]


def test_files_that_include_each_other_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")

    [(_, message)] = problems({"pip": "a.txt"}, tmp_path)

    assert "a.txt -> b.txt -> a.txt" in message


def test_passwords_in_urls_are_not_repeated(tmp_path):
    [(_, message)] = problems({"pip": ["git+https://me:secret@example.org/a"]}, tmp_path)

    assert "secret" not in message and "***@example.org" in message


def test_a_confined_environment_reads_only_below_its_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("top secret\n")
    base = tmp_path / "base"
    base.mkdir()
    (base / "requirements.txt").write_text("-r ../secret.txt\n")

    for data in ({"pip": "../secret.txt"}, {"pip": "requirements.txt"}):
        [(_, message)] = problems(data, base, confined=True)
        assert "leads out of" in message and "top secret" not in message


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        ([], "environment", "must be an object"),
        ({"pips": []}, "environment.pips", 'did you mean "pip"?'),
        ({"pip": 5}, "environment.pip", "must be a list"),
        ({"pip": [5]}, "environment.pip[0]", 'a string such as "numpy==2.1", not 5'),
        ({"pip": "none.txt"}, "environment.pip", "there is no file"),
        ({"pip": "latin.txt"}, "environment.pip", "latin.txt line 2 is not UTF-8"),
        ({"pip": "big.txt"}, "environment.pip", "is it the right file?"),
        ({"python": 3.1}, "environment.python", 'in quotes, as "3.11"'),
        ({"python": "three"}, "environment.python", 'a version such as "3.11"'),
        ({"python": "3.7"}, "environment.python", "use 3.9 to 3.14"),
        ({"python": "2.7"}, "environment.python", "a version such as"),
        ({"base_image": "My Image"}, "environment.base_image", "name:tag"),
        ({"base_image": 5}, "environment.base_image", "must be a string"),
        ({"dockerfile": "nowhere"}, "environment.dockerfile", "there is no file"),
        ({"dockerfile": "latin.txt"}, "environment.dockerfile", "not UTF-8"),
        ({"dockerfile": "ok.txt"}, "environment.dockerfile", "has no FROM line"),
        ({"dockerfile": "Dockerfile", "base_image": "a"}, "environment.base_image", "FROM"),
        ({"pip": [], "conda": "env.yml"}, "environment.pip", "under pip: in the conda file"),
    ],
)
def test_each_wrong_key_is_named(tmp_path, data, place, words):
    (tmp_path / "latin.txt").write_bytes(b"numpy\ncaf\xe9\n")
    (tmp_path / "big.txt").write_bytes(b"#" * (1 << 20) + b"#")
    (tmp_path / "ok.txt").write_text("numpy\n")
    (tmp_path / "Dockerfile").write_text("from python:3.11-slim\n")
    (tmp_path / "env.yml").write_text("dependencies: [python=3.11]\n")

    [(found, message)] = problems(data, tmp_path)

    assert found == place
    assert words in message


@pytest.mark.parametrize(
    "image",
    ["python", "python:3.11-slim", "lab.example:5000/team/base_1:v2", f"a/b@sha256:{'0' * 64}"],
)
def test_a_base_image_may_hold_requirements_too(tmp_path, image):
    environment = read_environment({"base_image": image, "pip": ["numpy"]}, tmp_path)

    assert (environment.base_image, environment.pip) == (image, ("numpy",))


def test_a_dockerfile_is_made_absolute(tmp_path):
    (tmp_path / "Dockerfile").write_text("# base\nFROM python:3.11-slim\n")

    assert read_environment({"dockerfile": "Dockerfile"}, tmp_path).dockerfile == (
        tmp_path / "Dockerfile"
    )
