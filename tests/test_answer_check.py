"""What makes an answer right: the check by itself, and in a spec."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.answers import Checker, NotTold, looks_like_error, same_json
from profiler.spec import AnswerCheck
from profiler.spec_reader import read_spec_data, spec_to_json
from tests.spec_files import HOST, SpecFiles

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def files(tmp_path: Path) -> SpecFiles:
    return SpecFiles(tmp_path)


def wrong(body: str, **check: object) -> str:
    return Checker(AnswerCheck(**check)).wrong(body.encode())


@pytest.mark.parametrize(
    ("body", "check", "said"),
    [
        ('{"p": [1]}', {"json_path": "$.p[0]"}, ""),
        ('{"p": [null]}', {"json_path": "$.p[0]"}, ""),
        ('{"p": []}', {"json_path": "$.p[0]"}, "there is nothing at $.p[0]"),
        ("<html>", {"json_path": "$.p"}, "it is not JSON: <html>"),
        ("", {"json_path": "$"}, "it is not JSON: "),
        ('{"p": 3.5000001}', {"json_path": "$.p", "equals": 3.5}, ""),
        ('{"p": 4}', {"json_path": "$.p", "equals": 3.5}, "$.p is 4, where 3.5 was expected"),
        ('{"p": "3.5"}', {"json_path": "$.p", "equals": 3.5}, '$.p is "3.5", where 3.5'),
        ('{"p": true}', {"json_path": "$.p", "equals": 1}, "$.p is true"),
        ("[1, 1, 2]", {"json_path": "$[*]", "equals": 1}, "$[*] is 2"),
        ("hello world", {"pattern": "^hello"}, ""),
        ("oh, hello", {"pattern": "^hello"}, 'the pattern "^hello" is not found'),
        ("x" * 65_536 + "y", {"pattern": "y"}, "not found"),
        ('{"p": 1}', {"json_path": "$.p", "pattern": "q"}, '"q" is not found'),
        ("[" * 5000 + "]" * 5000, {"json_path": "$"}, "it is not JSON"),
    ],
)
def test_an_answer_is_wrong_for_a_reason_that_is_told(body, check, said):
    found = wrong(body, **check)
    assert found.startswith(said) if said.startswith(("$", "it", "there")) else said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("answer", "before", "is_same"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2.0],"a":1}', True),
        ("[1000000]", "[1000001]", True),  # one millionth, relative
        ("[1000000]", "[1000002]", False),
        ("[0.0000005]", "[0]", True),  # and absolute
        ("[1]", "[1, 1]", False),
        ('{"a": 1}', '{"a": 1, "b": null}', False),
        ("[NaN]", "[NaN]", True),
        ("[NaN]", "[0]", False),
        ("[1" + "0" * 400 + "]", "[2" + "0" * 400 + "]", False),  # beyond any float
        ("text", "text ", False),
        ("text", "text", True),
        ("[1]", "text", False),
    ],
)
def test_the_same_answer_is_the_same_bytes_or_the_same_json(answer, before, is_same):
    checker = Checker(AnswerCheck(same_as_largest=True))
    found = checker.differs(answer.encode(), before.encode())
    assert found == "" if is_same else "where the largest size answered" in found


@given(VALUES)
def test_every_value_equals_itself(value):
    assert same_json(value, json.loads(json.dumps(value)), tolerance=0.0)


def test_a_pattern_that_takes_for_ever_is_given_up():
    with pytest.raises(NotTold):
        wrong("a" * 60 + "b", pattern="(a|aa)+c")


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        ('"ValueError: bad shape"', True),
        ("ValueError('bad shape')", True),
        ("Exception: no model", True),
        ('{"error": "no model"}', True),
        ('{"error_code": "BAD_REQUEST", "message": "no"}', True),
        ("Traceback (most recent call last):\n", True),
        ("Scoring failed.\nTraceback (most recent call last):\n  File", True),
        ('{"result": "ValueError: bad shape", "time": 3}', True),
        ('["ValueError: bad shape"]', True),
        ('{"error": null, "result": 1}', False),
        ('{"error_code": 0, "result": 1}', False),
        ("[" * 5000, False),
        ("[1]", False),
        ('"Error rates fell"', False),
        ("\"The model 'tiny' is not defined here\"", False),
        ("['a', 'b']", False),
        ("'a b'", False),
    ],
)
def test_an_answer_that_reads_like_an_exception(body, is_error):
    assert looks_like_error(body) == is_error


@pytest.mark.parametrize(
    "fails",
    [
        lambda: float("a"),
        lambda: int("a"),
        lambda: {}["data"],
        lambda: [][1],
        lambda: [].__getitem__("a"),
        lambda: json.loads("null")["a"],
        lambda: None.predict,
        lambda: json.loads("null")(),
        lambda: 1 + "a",
        lambda: 1 / 0,
        lambda: 1.0 / 0,
        lambda: not_there,  # noqa: F821
        lambda: same_json(1),
        lambda: json.loads("x"),
        lambda: json.loads("{x"),
        lambda: json.loads("{} 1"),
        lambda: Path("not-there").read_text(),
        lambda: (lambda a, b: 0)(*[1]),
        lambda: [a for a, b in [(1, 2, 3)]],
        lambda: [a for a, b in [(1,)]],
        lambda: np.zeros(3).reshape(2, 2),
        lambda: np.zeros(3) + np.zeros(4),
        lambda: np.zeros((2, 3)) @ np.zeros((2, 3)),
        lambda: np.dot(np.zeros((2, 3)), np.zeros((2, 3))),
        lambda: np.zeros(3)[7],
        lambda: np.array(["a"]).astype(float),
    ],
)
def test_what_a_script_says_that_answers_with_the_text_of_what_it_caught(fails):
    """`except Exception as e: return str(e)`, as published scripts have it."""
    try:
        fails()
    except Exception as error:
        assert looks_like_error(json.dumps(str(error))), error
    else:
        pytest.fail("it does not fail")


# In a spec


def test_every_part_of_a_check_is_taken_and_written_back(files):
    asked = {
        "json_path": "$.p[0]",
        "equals": False,
        "pattern": "p",
        "same_as_largest": True,
        "tolerance": 0.1,
    }
    spec = files.set("answers", asked).read()
    assert spec.answers == AnswerCheck("$.p[0]", False, "p", True, 0.1)
    for answers in (asked, {"pattern": "x"}, {"same_as_largest": True}, {"json_path": "$"}):
        spec = files.set("answers", answers).read()
        written = json.loads(json.dumps(spec_to_json(spec, files.folder)))
        assert read_spec_data(written, files.folder, capacity=HOST).answers == spec.answers


def test_without_a_check_the_status_is_all_that_counts(files):
    assert files.read().answers is None
    assert files.set("answers", {"same_as_largest": False}).read().answers is None


def test_a_value_without_a_place_is_that_of_the_whole_answer(files):
    assert files.set("answers", {"equals": [1]}).read().answers.json_path == "$"


@pytest.mark.parametrize(
    ("answers", "place", "said"),
    [
        ({"json_path": "p[0]"}, "answers.json_path", "expected '$'"),
        ({"json_path": "$[?foo(@)]"}, "answers.json_path", "'foo' is not defined"),
        ({"json_path": "$" + ".a" * 600}, "answers.json_path", "1000 at most"),
        ({"pattern": "("}, "answers.pattern", "missing )"),
        ({"pattern": ""}, "answers.pattern", "must not be empty"),
        ({"same_as_largest": "yes"}, "answers.same_as_largest", "true or false"),
        ({"same_as_largest": True, "tolerance": 2}, "answers.tolerance", "from 0 to 1"),
        ({"pattern": "x", "tolerance": 0.1}, "answers.tolerance", "no meaning"),
        ({"jsonpath": "$"}, "answers.jsonpath", "did you mean"),
    ],
)
def test_a_check_that_is_none_is_refused(files, answers, place, said):
    ((found, message),) = files.set("answers", answers).problems()
    assert (found, said in message) == (place, True), message
