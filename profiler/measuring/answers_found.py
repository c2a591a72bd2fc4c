"""What was found in the answers of a load: how many were checked, and how many were wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from profiler.measuring.findings import Finding
from profiler.spec import AnswerCheck

#: As much of an example as is told.
EXAMPLE_CHARACTERS = 200
#: What became of a request that no whole answer came to.
NO_ANSWER = {
    "connect_failed": "no connection came about",
    "reset": "the connection ended before the answer did",
    "timeout": "no whole answer came in time",
    "malformed": "what came is no HTTP",
}


def first_bad_text(bad: dict, characters: int) -> str:
    """Row, ending and the answer's beginning of a request that did not end well."""
    outcome = bad["outcome"]
    if outcome in NO_ANSWER:
        how = f"{outcome.replace('_', ' ')}: {NO_ANSWER[outcome]}"
    else:
        how = f"a wrong answer: {bad['why']}" if bad["why"] else f"HTTP {bad['status']}"
    answer = " ".join(bad["answer"].split())[:characters]
    return f"row {bad['row']} of the dataset: {how}" + (f", answer: {answer}" if answer else "")


@dataclass(frozen=True)
class References:
    """Of how many rows the answers at the largest size are compared with, and of which not.

    Those of `unsteady` rows differ from one asking to the next; of `too_large` rows they were too
    large to keep.
    """

    rows: int
    unsteady: tuple[int, ...]
    too_large: int


@dataclass(frozen=True)
class AnswersFound:
    """Counts of successful answers from the load's first request to its last.

    `checked`, `wrong` and `not_compared` are None where the spec asks nothing of the answers, and
    `compared_rows` and those below where they need not be the same as at the largest size. The
    examples are `{row, why, answer}`. `looked_at` were only looked at for the text of exceptions.
    """

    checked: int | None = None
    wrong: int | None = None
    not_compared: int | None = None
    first_wrong: dict | None = None
    looked_at: int = 0
    suspicious: int = 0
    example: dict | None = None
    compared_rows: int | None = None
    too_large_rows: int | None = None
    unsteady_rows: int | None = None
    first_unsteady_row: int | None = None

    @classmethod
    def of(cls, found: dict, check: AnswerCheck | None, references: References) -> AnswersFound:
        """What the driver found, as far as it was asked."""
        if check is None:
            return cls(**{key: found[key] for key in ("looked_at", "suspicious", "example")})
        if not check.same_as_largest:
            return cls(**found)
        return cls(
            **found,
            compared_rows=references.rows,
            too_large_rows=references.too_large,
            unsteady_rows=len(references.unsteady),
            first_unsteady_row=min(references.unsteady, default=None),
        )

    @property
    def wrong_fraction(self) -> float | None:
        return self.wrong / self.checked if self.checked else None

    def to_json(self) -> dict:
        return {**asdict(self), "wrong_fraction": self.wrong_fraction}

    def reasons(self) -> tuple[Finding, ...]:
        """How many answers were wrong, and the first of them."""
        if not self.wrong:
            return ()
        first = self.first_wrong
        return (
            Finding(
                "wrong-answers",
                f"{self.wrong} of {self.checked} checked answers were wrong; the first, to row "
                f"{first['row']}: {first['why']}",
            ),
        )

    def warnings(self) -> tuple[Finding, ...]:
        """What a reader should know of the answers beside how many were wrong."""
        told = (self._suspicious(), self._differ(), self._unchecked())
        return tuple(warning for warning in told if warning)

    def _suspicious(self) -> Finding | None:
        if not self.suspicious:
            return None
        text = " ".join(self.example["answer"].split())[:EXAMPLE_CHARACTERS]
        return Finding(
            "answers-look-like-errors",
            f"{self.suspicious} of {self.looked_at} answers that were looked at under load came "
            f"with a success status but look like errors; the first, to row "
            f"{self.example['row']}: {text}",
        )

    def _differ(self) -> Finding | None:
        if not self.unsteady_rows:
            return None
        rows = "1 row is" if self.unsteady_rows == 1 else f"{self.unsteady_rows} rows are"
        return Finding(
            "answers-differ",
            f"{rows} answered differently each time at the largest size (row "
            f"{self.first_unsteady_row} is the first): those answers are not compared.",
        )

    def _unchecked(self) -> Finding | None:
        if not self.not_compared:
            return None
        return Finding(
            "answers-not-checked",
            f"{self.not_compared} of {self.checked + self.not_compared} successful answers were "
            "not checked, or not in full: larger than 1 MiB, without an answer to compare with, "
            "or no time for it (5 % of the driver's).",
        )
