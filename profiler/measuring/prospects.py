"""Whether more requests could still make an undecided measurement pass.

A decision that will not come costs as much as one that does, so a look may give it up. This can
only turn a pass into an undecided, never the other way: the errors that were promised stand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from profiler.measuring.binomial import at_most
from profiler.measuring.statistics import SequentialRule, over_share

#: Below this probability of passing in the end it is not waited for.
LEAST_CHANCE = 0.05
#: The first look that may pass knows too little of clumps: asked from so many times its requests.
ASKED_FROM = 1.5


@dataclass(frozen=True)
class Patience:
    """How long what stays undecided is waited for.

    `asked_from` is with how many requests it may be given up, `by` the last look that there is time
    for.
    """

    asked_from: float
    by: int

    def ends(self, rule: SequentialRule, n: int, over: int, clumping: float) -> bool:
        """Whether, with `over` of the first `n` requests over the bound, the last hardly passes."""
        if n < self.asked_from:
            return False
        if n >= self.by:
            return True
        return chance_to_pass(rule, n, over, clumping, self.by) < LEAST_CHANCE


def patience(rule: SequentialRule, most_requests: float, *, again: bool = False) -> Patience:
    """Of a measurement by `rule` that lasts for about so many requests at most.

    `again`: the same size was measured before. Its clumps have shown themselves.
    """
    by = max((look for look in rule.looks if look <= most_requests), default=rule.looks[0])
    return Patience((1 if again else ASKED_FROM) * rule.passing_looks[0], by)


def chance_to_pass(rule: SequentialRule, n: int, over: int, clumping: float, by: int) -> float:
    """The probability that the look at `by` requests passes, as far as the first `n` tell.

    Predictive power (Spiegelhalter, Freedman and Blackburn 1986): requests to come are over the
    bound with the share that those seen have, known as well as n / clumping of them tell it
    (Jeffreys' prior), so their number is beta-binomial.
    """
    seen, to_come = over / clumping, int((by - n) / clumping)
    allowed = _most_over(int(by / clumping), over_share(rule.percentile), rule.pass_share)
    most = math.floor(allowed - seen)
    return _beta_binomial_at_most(most, to_come, seen + 0.5, (n - over) / clumping + 0.5)


@cache
def _most_over(count: int, share: float, error: float) -> int:
    """The largest number over the bound with which so many requests pass; -1 where none will do."""
    most = -1
    while most < count and at_most(most + 1, count, share) <= error:
        most += 1
    return most


def _beta_binomial_at_most(k: int, n: int, a: float, b: float) -> float:
    """P[X <= k] where X is binomial of n with a share that is Beta(a, b)."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    whole = math.lgamma(n + 1) - _log_beta(a, b)
    logs = (
        whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + _log_beta(a + i, b + n - i)
        for i in range(k + 1)
    )
    return min(math.fsum(map(math.exp, logs)), 1.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
