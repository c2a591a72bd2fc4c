"""Answers checked while they come: what is compared with what, counted, and told."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator

import pytest

from profiler.load.driver import Driver, DriverReport
from profiler.load.inspection import CHECKED_BYTES, CHECKING_SHARE, Cut, Inspection
from profiler.samples import OUTCOMES, Columns
from profiler.spec import AnswerCheck, Load, Stage
from tests.http_answers import Conversation, Server, row

ROWS = 4
WRONG = OUTCOMES.index("wrong_answer")


def never() -> bool:
    return False


def answering(answer: Callable[[int], bytes]) -> Callable[[Conversation], None]:
    """A server that answers a row with what `answer` makes of its number."""

    def talk(conversation: Conversation) -> None:
        while (request := conversation.read()) is not None:
            body = answer(int(request[1]))
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            conversation.say(head + body)

    return talk


def driver_with(check: AnswerCheck | None) -> Callable[..., Iterator[Driver]]:
    @pytest.fixture(scope="module")
    def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
        rows = [row(number, b"%d" % number) for number in range(1, ROWS + 1)]
        work_dir = tmp_path_factory.mktemp("driver")
        with Driver(rows, cores=(), work_dir=work_dir, check=check) as driver:
            yield driver

    return driver


unchecked = driver_with(None)
checked = driver_with(AnswerCheck(json_path="$.p[0]"))
compared = driver_with(AnswerCheck(same_as_largest=True))


def ask_twice(driver: Driver) -> None:
    driver.once(range(1, ROWS + 1), 5, never, "first")
    driver.once(range(1, ROWS + 1), 5, never, "second")


def load(driver: Driver, stage: Stage, requests: int = 40) -> tuple[Columns, DriverReport]:
    driver.start(Load((stage,)))
    end = time.monotonic() + 10
    while len(driver.results()["row"]) < requests:
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    report = driver.stop(drain_s=5)
    return driver.results(), report


def outcomes(columns: Columns, number: int) -> set[str]:
    return {OUTCOMES[code] for code in columns["outcome"][columns["row"] == number]}


CLOSED, OPEN = Stage("closed", concurrency=2), Stage("open", rate_rps=200)


@pytest.mark.parametrize("stage", [CLOSED, OPEN])
def test_an_answer_that_fails_its_check_is_an_outcome_of_its_own(checked, stage):
    def answer(number: int) -> bytes:
        return json.dumps({"p": [number]} if number != 3 else {"p": []}).encode()

    with Server(answering(answer)) as server:
        checked.connect(server.address)
        columns, report = load(checked, stage)
        bad = checked.first_bad()
    assert all(outcomes(columns, number) == {"ok"} for number in (1, 2, 4))
    assert "wrong_answer" in outcomes(columns, 3)
    assert set(columns["status"]) == {200}
    assert (bad.row, bad.outcome, bad.why) == (3, "wrong_answer", "there is nothing at $.p[0]")
    found = report.answers
    assert found["checked"] + found["not_compared"] == len(columns["row"])
    assert found["wrong"] == (columns["outcome"] == WRONG).sum()
    assert found["first_wrong"]["answer"] == '{"p": []}'


def test_the_rows_sent_once_are_checked_too(checked):
    with Server(answering(lambda number: b'{"p": [1]}' if number != 3 else b"3")) as server:
        checked.connect(server.address)
        columns = checked.once(range(1, 5), 5, never)
    assert checked.first_bad().why == "there is nothing at $.p[0]"
    assert [OUTCOMES[code] for code in columns["outcome"]] == ["ok", "ok", "wrong_answer", "ok"]


def test_answers_must_be_the_same_as_at_the_largest_size(compared):
    asked = itertools.count()

    def largest(number: int) -> bytes:
        if number == 4:  # another answer each time
            return b"[%d]" % next(asked)
        return b'{"y": %d.5}' % number

    def smaller(number: int) -> bytes:
        return {1: b'{"y":1.50000001}', 2: b'{"y": 2.6}', 3: b'{"y": 3.5}', 4: b"?"}[number]

    with Server(answering(largest)) as server:
        compared.connect(server.address)
        ask_twice(compared)
        again, _ = load(compared, CLOSED)
    assert {OUTCOMES[code] for code in again["outcome"]} == {"ok"}
    assert compared.references().rows == 3
    assert compared.references().unsteady == (4,)
    with Server(answering(smaller)) as server:  # another address: a fresh service
        compared.connect(server.address)
        columns, report = load(compared, CLOSED)
    assert outcomes(columns, 1) == outcomes(columns, 3) == {"ok"}
    assert "wrong_answer" in outcomes(columns, 2)
    assert outcomes(columns, 4) == {"ok"}, "it cannot be told"
    assert report.answers["not_compared"] >= (columns["row"] == 4).sum()
    assert report.answers["first_wrong"]["why"] == (
        'it is {"y": 2.6}, where the largest size answered {"y": 2.5}'
    )


def test_a_row_that_was_not_asked_twice_is_not_compared(compared):
    with Server(answering(lambda number: b"%d" % number)) as server:
        compared.connect(server.address)
        compared.once([1, 2, 3], 5, never, "first")
        compared.once([1, 2], 5, never, "second")
        columns, report = load(compared, CLOSED)
    assert compared.references().rows == 2
    assert report.answers["not_compared"] >= (columns["row"] > 2).sum()


def test_an_answer_too_large_to_keep_is_not_compared(compared):
    def answer(number: int) -> bytes:
        return b"x" * (CHECKED_BYTES + (number == 1))

    with Server(answering(answer)) as server:
        compared.connect(server.address)
        ask_twice(compared)
        references = compared.references()
        columns = compared.once([1, 2], 5, never)
    assert (references.rows, references.too_large) == (ROWS - 1, 1)
    assert {OUTCOMES[code] for code in columns["outcome"]} == {"ok"}


def test_without_a_check_a_few_answers_are_looked_at(unchecked):
    def answer(number: int) -> bytes:
        return b'"KeyError: x"' if number == 2 else b"[1]"

    with Server(answering(answer)) as server:
        unchecked.connect(server.address)
        columns, report = load(unchecked, OPEN)
    found = report.answers
    assert {OUTCOMES[code] for code in columns["outcome"]} == {"ok"}, "a warning, no error"
    assert 0 < found["suspicious"] < found["looked_at"] <= len(columns["row"])
    assert found["example"] == {"row": 2, "why": "", "answer": '"KeyError: x"'}


# Bounds


def test_checking_stops_where_it_would_take_more_than_its_share():
    inspection = Inspection()
    inspection.check_by(AnswerCheck(json_path="$"))
    inspection.begin(most_answers=0)
    body = json.dumps(list(range(100_000))).encode()
    began = time.monotonic_ns()
    for number in range(30):
        inspection.judge(number, body + b" " * number)
    found = inspection.report()
    assert found["checked"] >= 1
    assert found["not_compared"] > 0, "one answer takes far more than nothing"
    assert inspection._spent_ns <= (time.monotonic_ns() - began)
    assert CHECKING_SHARE == 20, "5 %, as docs/load.md says"


def test_the_same_bytes_are_not_parsed_twice(monkeypatch):
    inspection = Inspection()
    inspection.check_by(AnswerCheck(json_path="$.a"))
    inspection.begin(most_answers=1)
    assert inspection.judge(1, b'{"a": 1}') == ""
    monkeypatch.setattr(json, "loads", None)
    assert inspection.judge(1, b'{"a": 1}') == ""
    assert inspection.report()["checked"] == 2


def test_what_is_kept_of_answers_under_way_is_bounded(monkeypatch):
    monkeypatch.setattr("profiler.load.inspection.HELD_BYTES", 10_000)
    inspection = Inspection()
    inspection.check_by(AnswerCheck(same_as_largest=True))
    first = inspection.kept(b"", b"a" * 6000, 200)
    second = inspection.kept(b"", b"b" * 3000, 200)
    assert (len(first), len(second)) == (6000, 3000)
    second = inspection.kept(second, b"b" * 3000, 200)
    assert (type(second), len(second)) == (Cut, 2048)
    inspection.release(second)
    inspection.release(first)
    assert len(inspection.kept(b"", b"c" * 10_000, 200)) == 10_000, "and free again"
