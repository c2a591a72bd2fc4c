"""When a warm-up is over: from its requests, not from a clock.

A service is slower while it loads lazily, compiles and fills its caches. MSER-5 (White 1997; White,
Cobb and Spratt 2000) finds where such a beginning ends: the point after which the standard error of
the mean of the rest is least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.measuring.dependence import correlation
from profiler.measuring.statistics import slope_interval

#: Requests to a batch where there are enough of them, the fewest batches that can tell, and the
#: batches at the end that cannot be the whole of the rest.
BATCH, FEWEST_BATCHES, LAST_BATCHES = 5, 10, 5
#: A beginning that is slower by less than this is none.
SLOWER = 1.2
#: Of what was to be measured already: by this factor, and by so many standard errors. Less is told
#: apart from the waves of a busy queue too seldom.
SLOWER_MEASURED, STANDARD_ERRORS = 2.0, 5.0
#: Latency that surely changes by more than this share of itself a second has not settled.
CHANGE_A_SECOND, CONFIDENCE = 0.10, 0.95
#: A warm-up lasts at least, and unless it ends itself at most, this long. A service so slow that
#: it answered fewer than the least number of requests gets longer.
LEAST_S, MOST_S, FEWEST_REQUESTS, MOST_FOR_FEW_S = 2.0, 8.0, 5, 20.0

MSER_5, FIXED_TIME = "MSER-5", "fixed time"


@dataclass(frozen=True)
class WarmUp:
    """A warm-up: how long and how many requests; `truncated_at_s` is where its slow beginning
    ended. `detected` says that the end was seen by `method`, not only waited for.
    """

    seconds: float
    requests: int
    detected: bool
    method: str
    truncated_at_s: float | None

    @property
    def never_settled(self) -> bool:
        return self.method == MSER_5 and not self.detected

    def to_json(self) -> dict:
        return {
            "seconds": self.seconds, "requests": self.requests, "detected": self.detected,
            "method": self.method, "truncated_at": self.truncated_at_s,
        }  # fmt: skip


@dataclass(frozen=True)
class Beginning:
    """A slow beginning: the requests in it, and how many times slower they were than the rest."""

    requests: int
    factor: float
    standard_errors: float


def warm_up_over(
    finished_s: np.ndarray,
    latency_ms: np.ndarray,
    seconds: float,
    *,
    may_tell: bool = True,
    open_loop: bool = False,
) -> WarmUp | None:
    """The warm-up that is over after `seconds`, by what was answered until then; None while it
    goes on.

    Over: at least LEAST_S, the slow beginning, where there was one, ended in the first half of the
    requests (White's rule), and the rest does not fall. Latency that rises is no warming up, but in
    open loop it may be the queue of a service that is not fast enough yet. `may_tell` is False for
    a load whose stages differ: then, and for few requests, time alone decides.
    """
    count = len(latency_ms)
    if seconds < LEAST_S or (count < FEWEST_REQUESTS and seconds < MOST_FOR_FEW_S):
        return None
    if not may_tell or count < FEWEST_BATCHES:
        return WarmUp(seconds, count, False, FIXED_TIME, None)
    found = slow_beginning(latency_ms)
    slow = found.requests if found is not None and found.factor >= SLOWER else 0
    ended_s = float(finished_s[slow - 1]) if slow else 0.0
    if slow <= count / 2 and not _moving(finished_s[slow:], latency_ms[slow:], open_loop):
        return WarmUp(seconds, count, True, MSER_5, ended_s)
    return WarmUp(seconds, count, False, MSER_5, ended_s) if seconds >= MOST_S else None


def _moving(at_s: np.ndarray, latency_ms: np.ndarray, open_loop: bool) -> bool:
    """Whether latency still falls (or rises, in open loop): a smooth change has no end to see."""
    slope = slope_interval(at_s, np.log(np.maximum(latency_ms, 1e-6)), CONFIDENCE)
    if slope is None:
        return False
    falls = slope.high < 0 and slope.value < math.log1p(-CHANGE_A_SECOND)
    return falls or (open_loop and slope.low > 0 and slope.value > math.log1p(CHANGE_A_SECOND))


def slow_beginning(latency_ms: np.ndarray) -> Beginning | None:
    """Where the slow beginning of a series ends, by MSER over its log latencies; None where the
    rest is not faster than the beginning.
    """
    positive = np.log(np.maximum(latency_ms, 1e-6))
    batch = BATCH if len(positive) >= BATCH * FEWEST_BATCHES else 1
    batches = len(positive) // batch
    if batches < FEWEST_BATCHES:
        return None
    means = positive[: batches * batch].reshape(batches, batch).mean(axis=1)
    left = np.arange(batches, 0, -1)
    sums = means[::-1].cumsum()[::-1]
    squares = (means**2)[::-1].cumsum()[::-1]
    error = ((squares - sums**2 / left) / left**2)[: batches - LAST_BATCHES + 1]
    # The first of those that only rounding tells apart.
    cut = int(np.argmax(error <= error.min() + 1e-12 * abs(error[0])))
    if cut == 0:
        return None
    before, after = means[:cut], means[cut:]
    slower = float(before.mean() - after.mean())
    if slower <= 0:
        return None
    spread = max(before.var(), after.var()) * correlation(after).effect
    variance = spread * (1 / len(before) + 1 / len(after))
    errors = slower / math.sqrt(variance) if variance > 0 else math.inf
    return Beginning(cut * batch, math.exp(slower), errors)


def still_warming(latency_ms: np.ndarray) -> Beginning | None:
    """The slow beginning of what was measured already; None where there was none for sure."""
    found = slow_beginning(latency_ms)
    count = len(latency_ms)
    if found is None or count < 2 * BATCH * FEWEST_BATCHES or found.requests > count / 2:
        return None
    sure = found.factor >= SLOWER_MEASURED and found.standard_errors >= STANDARD_ERRORS
    return found if sure else None
