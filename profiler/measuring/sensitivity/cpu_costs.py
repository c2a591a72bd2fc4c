"""CPU-seconds of a request of each class, from how the CPU counter rose while which was served.

No request's own CPU time is known: only the service's counter, sampled. In a stretch of time b it
rises by about sum(cost[k] * work[b, k]), where work[b, k] is how many requests of class k were done
in it, a request counting for the share of its time in service that lies in the stretch. The costs
are those that fit best and are not negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.measuring.statistics import Estimate, student_t_quantile
from profiler.samples import Columns
from profiler.units import NS

#: A stretch lasts a hundredth of the time, but no less than two samples of 20 ms and no more than
#: one CFS period of 100 ms; never less than a sample.
STRETCHES, SHORTEST_S, LONGEST_S = 100, 0.04, 0.1
#: Fewer stretches than this for each cost to be told say too little.
STRETCHES_PER_COST = 6
#: Blocks of time that are drawn again: of a second where the time is long enough, but so many more
#: than there are costs to be told.
SPARE_BLOCKS, MOST_BLOCKS = 10, 40
DRAWS, SEED = 200, 1979
#: A larger condition number of the stretches' mixes, and the classes cannot be told apart.
MOST_CONDITION = 50.0
#: What the service does of itself is a cost of its own only where it was idle for at least this
#: share of the time: a service that is always busy does not show it.
IDLE_SHARE = 0.1
#: Requests that a service may work on at once, while the others wait in it. Nobody tells us: the
#: number under which the CPU is explained best is taken.
AT_ONCE = (1, 2, 4, 1 << 40)
#: A share of CPU that is only known to within more than this (low to high) is not worth showing.
WIDEST_SHARE = 0.6

TOO_SHORT = "The CPU was sampled for too short a time to tell the classes apart."
SAME_MIX = (
    "The CPU of the classes cannot be told apart: they were sent in nearly the same mix at all"
    " times."
)
TOO_WIDE = "The CPU of the classes cannot be told apart: what was measured leaves it open."
NOT_KNOWN = "The service's CPU is not known."


class NotTold(Exception):
    """Why there are no costs: a sentence for the reader."""


@dataclass(frozen=True)
class CpuCosts:
    """By class: CPU-seconds a request, and the share of all requests' CPU.

    `background_millicores` is what the service used whether or not there were requests; None where
    that could not be told.
    """

    seconds: tuple[Estimate, ...]
    shares: tuple[Estimate, ...]
    background_millicores: float | None


def cpu_costs(
    requests: Columns,
    class_of_request: np.ndarray,
    classes: int,
    usage: Columns,
    start_ns: int,
    end_ns: int,
    confidence: float,
) -> CpuCosts:
    """Costs of the classes over a period; raises NotTold where the data cannot tell them.

    `requests` are all that were in service in the period, counted or not: they all used CPU.
    """
    edges, cpu_s = _stretches(usage, start_ns, end_ns)
    sent_s, finished_s = ((requests[name] - start_ns) / NS for name in ("sent_ns", "finished_ns"))
    shows_idle = idle_share(sent_s, finished_s, edges[0], edges[-1]) >= IDLE_SHARE
    costs = classes + shows_idle
    if len(cpu_s) < STRETCHES_PER_COST * costs:
        raise NotTold(TOO_SHORT)
    fits = []
    for at_once in AT_ONCE:
        begun_s = work_begun(sent_s, finished_s, at_once)
        work = work_done(begun_s, finished_s, class_of_request, classes, edges)
        columns = np.column_stack([work, np.diff(edges)]) if shows_idle else work
        fits.append(Fit.of(columns, cpu_s))
    best = min(fits, key=lambda fit: fit.unexplained)
    if best.condition > MOST_CONDITION:
        raise NotTold(SAME_MIX)
    blocks = int(np.clip(edges[-1] - edges[0], SPARE_BLOCKS + costs, MOST_BLOCKS))
    return _told(best, best.drawn(blocks), classes, widening(blocks, costs, confidence))


def _stretches(usage: Columns, start_ns: int, end_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges in seconds after `start_ns`, each at a sample, and the CPU-seconds between them."""
    if "cpu_ns" not in usage:
        raise NotTold(NOT_KNOWN)
    inside = (usage["at_ns"] >= start_ns) & (usage["at_ns"] <= end_ns)
    at_s = (usage["at_ns"][inside] - start_ns) / NS
    if len(at_s) < 2:
        raise NotTold(TOO_SHORT)
    width_s = min(max((at_s[-1] - at_s[0]) / STRETCHES, SHORTEST_S), LONGEST_S)
    wanted = np.arange(at_s[0], at_s[-1], width_s)
    # A sample that comes a little early is the one that was meant.
    found = np.unique(np.searchsorted(at_s, wanted - width_s / 8))
    return at_s[found], np.diff(usage["cpu_ns"][inside][found]) / NS


def work_begun(sent_s: np.ndarray, finished_s: np.ndarray, at_once: float) -> np.ndarray:
    """When the service turned to each request if it works on so many at once, first come first.

    That is when the request `at_once` places before it was finished, but not before it was sent.
    """
    if at_once >= len(sent_s):
        return sent_s
    order = np.argsort(finished_s)
    begun_s = sent_s.copy()
    begun_s[order[at_once:]] = np.maximum(sent_s[order[at_once:]], finished_s[order[:-at_once]])
    return begun_s


def work_done(
    begun_s: np.ndarray,
    finished_s: np.ndarray,
    class_of_request: np.ndarray,
    classes: int,
    edges_s: np.ndarray,
) -> np.ndarray:
    """Requests done of each class between the edges: (stretches, classes).

    A request's work is spread evenly over its time in service.
    """
    done = np.empty((len(edges_s), classes))
    for number in range(classes):
        mine = class_of_request == number
        done[:, number] = _done_by(begun_s[mine], finished_s[mine], edges_s)
    return np.diff(done, axis=0)


def _done_by(begun_s: np.ndarray, finished_s: np.ndarray, at_s: np.ndarray) -> np.ndarray:
    """Sum over requests of clip((t - begun) / (finished - begun), 0, 1) at each time."""
    pace = 1 / np.maximum(finished_s - begun_s, 1e-9)
    begun, ended = np.argsort(begun_s), np.argsort(finished_s)
    beginning = np.searchsorted(begun_s[begun], at_s, "right")
    ending = np.searchsorted(finished_s[ended], at_s, "right")

    def under_way(values: np.ndarray) -> np.ndarray:
        """The sum over the requests in service at each time."""
        sums = [np.concatenate([[0.0], np.cumsum(values[order])]) for order in (begun, ended)]
        return sums[0][beginning] - sums[1][ending]

    return ending + at_s * under_way(pace) - under_way(pace * begun_s)


def idle_share(sent_s: np.ndarray, finished_s: np.ndarray, start_s: float, end_s: float) -> float:
    """The share of a period in which no request was in service."""
    order = np.argsort(sent_s)
    begins = sent_s[order].clip(start_s, end_s)
    ends = np.maximum.accumulate(finished_s[order]).clip(start_s, end_s)
    gaps = np.maximum(np.append(begins, end_s) - np.insert(ends, 0, start_s), 0)
    return float(gaps.sum() / (end_s - start_s))


@dataclass(frozen=True)
class Fit:
    """Columns of unit length with the costs, in their scale, that explain the CPU best."""

    columns: np.ndarray
    scale: np.ndarray
    cpu_s: np.ndarray
    scaled: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray, cpu_s: np.ndarray) -> Fit:
        scale = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
        unit = columns / scale
        return cls(unit, scale, cpu_s, nonnegative_least_squares(unit.T @ unit, unit.T @ cpu_s))

    @property
    def costs(self) -> np.ndarray:
        return self.scaled / self.scale

    @property
    def amounts(self) -> np.ndarray:
        """How much there was of each column in all: requests done, seconds."""
        return self.columns.sum(axis=0) * self.scale

    @property
    def unexplained(self) -> float:
        rest = self.cpu_s - self.columns @ self.scaled
        return float(rest @ rest)

    @property
    def condition(self) -> float:
        return float(np.linalg.cond(self.columns))

    def drawn(self, blocks: int) -> np.ndarray:
        """The costs of each draw of the bootstrap: (draws, costs).

        Whole blocks of time are drawn with replacement (Künsch, 1989), because neighbouring
        stretches share requests, and what a counter read late lacks in one the next has too much.
        """
        parts = np.array_split(np.arange(len(self.cpu_s)), blocks)
        grams = np.array([self.columns[part].T @ self.columns[part] for part in parts])
        moments = np.array([self.columns[part].T @ self.cpu_s[part] for part in parts])
        random = np.random.default_rng(SEED)
        times = random.multinomial(blocks, [1 / blocks] * blocks, size=DRAWS)
        scaled = [
            nonnegative_least_squares(gram, moment)
            for gram, moment in zip(
                np.tensordot(times, grams, 1), np.tensordot(times, moments, 1), strict=True
            )
        ]
        return np.array(scaled) / self.scale


def nonnegative_least_squares(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """The x >= 0 that minimises |A x - b|, from A'A and A'b.

    Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23, on the normal equations
    as Bro and de Jong (1997) do it: variables leave zero one by one, steepest first, and go back
    to it when the others push them below.
    """
    count, smallest = len(moment), 1e-12 * float(np.abs(moment).max(initial=1e-300))
    # So small a ridge changes nothing but lets a draw without some class be solved.
    gram = gram + 1e-12 * np.trace(gram) * np.eye(count)
    x, free = np.zeros(count), np.zeros(count, dtype=bool)
    for _ in range(3 * count):
        uphill = np.where(free, -np.inf, moment - gram @ x)
        if uphill.max() <= smallest:
            break
        free[uphill.argmax()] = True
        while free.any():
            trial = np.zeros(count)
            trial[free] = np.linalg.solve(gram[np.ix_(free, free)], moment[free])
            pushed = free & (trial <= 0)
            if not pushed.any():
                x = trial
                break
            # As far towards the trial as nothing turns negative; what is then zero stays there.
            way = np.where(pushed, x / np.maximum(x - trial, 1e-300), np.inf)
            x = x + way.min() * (trial - x)
            free &= way > way.min()
            x[~free] = 0
    return x


def widening(blocks: int, costs: int, confidence: float) -> float:
    """How many of the draws' standard deviations an interval reaches to each side.

    Student's t with one degree of freedom less for each cost, and as many blocks as that leaves.
    """
    freedom = blocks - costs
    return student_t_quantile((1 + confidence) / 2, freedom) * math.sqrt(blocks / freedom)


def _told(fit: Fit, drawn: np.ndarray, classes: int, t: float) -> CpuCosts:
    requests = fit.amounts[:classes]
    seconds = _estimates(fit.costs[:classes], drawn[:, :classes], t, np.inf)
    shares = _estimates(
        *(_shares(costs[..., :classes] * requests) for costs in (fit.costs, drawn)), t, 1.0
    )
    if max(one.high - one.low for one in shares) > WIDEST_SHARE:
        raise NotTold(TOO_WIDE)
    background = float(fit.costs[classes]) * 1000 if len(fit.costs) > classes else None
    return CpuCosts(seconds, shares, background)


def _estimates(
    values: np.ndarray, drawn: np.ndarray, t: float, most: float
) -> tuple[Estimate, ...]:
    half = t * drawn.std(axis=0, ddof=1)
    lows, highs = (values - half).clip(min=0), (values + half).clip(max=most)
    return tuple(
        Estimate(float(value), float(low), float(high))
        for value, low, high in zip(values, lows, highs, strict=True)
    )


def _shares(cpu_s: np.ndarray) -> np.ndarray:
    total = cpu_s.sum(axis=-1, keepdims=True)
    return np.divide(cpu_s, total, out=np.zeros_like(cpu_s), where=total > 0)
