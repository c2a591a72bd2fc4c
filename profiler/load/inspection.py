"""What is kept of the answers, and what is found in them, within bounds of memory and time."""

from __future__ import annotations

from time import monotonic_ns

from profiler.answers import Checker, NotTold, looks_like_error
from profiler.spec import AnswerCheck

#: Enough of an answer to recognise what went wrong.
ANSWER_BYTES = 2048
#: A larger answer is not checked; and as much of all that are kept at a time, of the answers under
#: way and of those to compare with each.
CHECKED_BYTES, HELD_BYTES = 1 << 20, 64 << 20
#: Checking takes at most one part in this many of a load's time, and 10 ms to begin with.
CHECKING_SHARE = 20
_HEAD_START_NS = 200_000_000
#: Where nothing is asked of the answers: how many are looked at between two ticks.
LOOKS = 4

#: Which asking of the rows a pass is: the first answers are what all later ones must be the same
#: as; a second time shows which rows are answered differently each time.
FIRST, SECOND = "first", "second"


class Cut(bytes):
    """The beginning of an answer of which no more was kept."""


class Inspection:
    """Judges the successful answers of one load or pass after another.

    `keep_bytes` is how much of a success is worth keeping just now; the answers that are compared
    with outlive the loads.
    """

    def __init__(self) -> None:
        self._checker: Checker | None = None
        self._same = False
        self._first: dict[int, bytes] = {}
        self._steady: dict[int, bytes] = {}
        self._first_bytes = 0
        self._unsteady: list[int] = []
        self._too_large = 0
        self._held = 0
        self.keep_bytes = 0
        self.begin(most_answers=0)

    def check_by(self, check: AnswerCheck | None) -> None:
        """From now on every success must pass this check."""
        self._checker = Checker(check) if check else None
        self._same = bool(check and check.same_as_largest)
        self._keep()

    def begin(self, most_answers: int, asking: str = "") -> None:
        """A new load, or a pass over the rows of which the first `most_answers` are kept."""
        self._asking = asking
        self._is_pass = most_answers > 0
        self._answers_left = most_answers
        #: By row, the last answer that was checked, and what came of it.
        self._known: dict[int, tuple[bytes, str | None]] = {}
        self._known_bytes = 0
        self._checked = self._wrong = self._not_compared = self._looked_at = self._suspicious = 0
        self._first_wrong: tuple[int, str, bytes] | None = None
        self._example: tuple[int, bytes] | None = None
        self._began_ns, self._spent_ns = monotonic_ns() - _HEAD_START_NS, 0
        self.answers: list[tuple[int, int, bytes]] = []
        if asking == FIRST:
            self._first, self._steady, self._first_bytes = {}, {}, 0
            self._unsteady, self._too_large = [], 0
        self.tick()

    def tick(self) -> None:
        """Let a few more answers be looked at."""
        self._looks_left = 0 if self._is_pass else LOOKS
        self._keep()

    def _keep(self) -> None:
        if self._checker is not None:
            self.keep_bytes = CHECKED_BYTES
        else:
            self.keep_bytes = ANSWER_BYTES if self._answers_left or self._looks_left else 0

    # While an answer comes

    def kept(self, answer: bytes, part: bytes, status: int) -> bytes:
        """An answer so far with its next part, or the beginning of one that is too large."""
        if type(answer) is Cut:
            return answer
        most = self.keep_bytes if 200 <= status < 300 else ANSWER_BYTES
        if len(answer) + len(part) > most or self._held + len(part) > HELD_BYTES:
            self.release(answer)
            return Cut((answer + part[:ANSWER_BYTES])[:ANSWER_BYTES])
        self._held += len(part)
        if not answer:
            return part
        if type(answer) is bytes:
            answer = bytearray(answer)
        answer += part
        return answer

    def release(self, answer: bytes) -> None:
        """This answer is not kept any longer."""
        if type(answer) is not Cut:
            self._held -= len(answer)

    # Once it is there

    def remember(self, row: int, status: int, answer: bytes) -> None:
        """Keep the beginning of an answer of a pass."""
        if self._answers_left:
            self._answers_left -= 1
            self.answers.append((row, status, bytes(answer[:ANSWER_BYTES])))
            self._keep()

    def judge(self, row: int, answer: bytes) -> str:
        """Why a success is wrong; nothing when it is right, or cannot be told."""
        if self._looks_left:
            self._look(row, answer)
        if self._checker is None:
            return ""
        why = self._verdict(row, answer)
        if why is None:
            self._not_compared += 1
            return ""
        self._checked += 1
        if why:
            self._wrong += 1
            self._first_wrong = self._first_wrong or (row, why, bytes(answer[:ANSWER_BYTES]))
        return why

    def _verdict(self, row: int, answer: bytes) -> str | None:
        """Why an answer is wrong, nothing when it is right, None when that is not known."""
        if type(answer) is Cut:
            self._too_large += self._asking == FIRST
            return None
        known, why = self._known.get(row, (None, None))
        if known == answer:  # the same bytes need not be checked twice
            return why
        began = monotonic_ns()
        if not self._is_pass and self._spent_ns * CHECKING_SHARE > began - self._began_ns:
            return None
        try:
            why = self._check(row, answer)
        except NotTold:
            why = None
        self._spent_ns += monotonic_ns() - began
        more = len(answer) - len(known or b"")
        if self._known_bytes + more <= HELD_BYTES:
            self._known_bytes += more
            self._known[row] = bytes(answer), why
        return why

    def _check(self, row: int, answer: bytes) -> str | None:
        why = self._checker.wrong(answer)
        if self._asking:
            self._learn(row, answer)
        elif not why and self._same:
            reference = self._steady.get(row)
            return None if reference is None else self._checker.differs(answer, reference)
        return why

    def _learn(self, row: int, answer: bytes) -> None:
        """What later answers to this row have to be the same as."""
        if not self._same:
            return
        if self._asking == FIRST:
            if self._first_bytes + len(answer) > HELD_BYTES:
                self._too_large += 1
            else:
                self._first_bytes += len(answer)
                self._first[row] = bytes(answer)
        elif (first := self._first.pop(row, None)) is not None:
            if self._checker.differs(answer, first):
                self._unsteady.append(row)
            else:
                self._steady[row] = first

    def _look(self, row: int, answer: bytes) -> None:
        """A glance at a few answers under load: do they read like errors?"""
        self._looks_left -= 1
        self._keep()
        self._looked_at += 1
        if looks_like_error(answer[:ANSWER_BYTES].decode(errors="replace")):
            self._suspicious += 1
            self._example = self._example or (row, bytes(answer[:ANSWER_BYTES]))

    # Telling

    def report(self) -> dict:
        """What was found since the beginning."""
        return {
            "checked": self._checked,
            "wrong": self._wrong,
            "not_compared": self._not_compared,
            "first_wrong": self._first_wrong,
            "looked_at": self._looked_at,
            "suspicious": self._suspicious,
            "example": self._example,
        }

    def references(self) -> dict:
        """Of how many rows the answers are compared, and why not of others."""
        return {
            "rows": len(self._steady),
            "unsteady": self._unsteady,
            "too_large": self._too_large,
        }
