"""What a run's sizes cost by today's prices, and what the advised one saves."""

from __future__ import annotations

from dataclasses import dataclass

from runs import formatting
from runs.costs import Prices
from runs.models import Measurement, PriceList, ProfileRun

HOW_TO_SET = "an administrator sets them under Administration, Prices, or in the environment"
#: Below this share of it two costs are the same to anybody.
SAME = 0.0005


@dataclass(frozen=True)
class RunCosts:
    """By `prices`, None where nobody has set any; of services with so many GPUs."""

    prices: Prices | None
    gpus: int

    @classmethod
    def of(cls, run: ProfileRun) -> RunCosts:
        """By today's prices."""
        return cls(PriceList.objects.current(), run.config.gpus)

    @property
    def why_none(self) -> tuple[str, str] | None:
        """What is missing for a cost, and what to do about it; None where nothing is."""
        if self.prices is None:
            return "No prices are set", HOW_TO_SET
        if self.gpus and self.prices.gpu_hour is None:
            return "A GPU-hour has no price", HOW_TO_SET
        return None

    def per_hour(self, cpu_millicores: int | None, memory_bytes: int | None) -> float | None:
        if self.prices is None:
            return None
        return self.prices.cost_per_hour(cpu_millicores, memory_bytes, self.gpus)

    def per_1000(
        self, cpu_millicores: int | None, memory_bytes: int | None, behind: Measurement | None
    ) -> float | None:
        """At the rate that a measurement achieved; None unless that was taken at this cpu."""
        if self.prices is None or behind is None or behind.cpu_millicores != cpu_millicores:
            return None
        rps = behind.data.get("achieved_rps")
        return self.prices.cost_per_1000(cpu_millicores, memory_bytes, rps, self.gpus)

    def written(self, amount: float | None) -> str:
        if amount is None or self.prices is None:
            return formatting.UNKNOWN
        return formatting.money(amount, self.prices.currency)


def advised_costs(
    run: ProfileRun, prices: Prices | None, behind: Measurement | None
) -> tuple[float | None, float | None]:
    """Of the advised size: for an hour, and for 1,000 requests at the rate of `behind`."""
    costs, advice = RunCosts(prices, run.config.gpus), run.advice or {}
    size = advice.get("cpu_millicores"), advice.get("memory_bytes")
    return costs.per_hour(*size), costs.per_1000(*size, behind)


def cost_words(
    run: ProfileRun,
    behind: Measurement | None,
    largest: Measurement | None,
    tagged: tuple[int | None, int | None],
) -> tuple[str, str]:
    """Of the advised size, and what it saves against the models' tags and the largest size.

    `behind` is the measurement of the advised size; `tagged` what all the tags ask for, as cpu in
    millicores and memory in bytes.
    """
    costs = RunCosts.of(run)
    if costs.why_none:
        return costs.why_none
    per_hour, per_1000 = advised_costs(run, costs.prices, behind)
    said = [f"{costs.written(per_hour)} an hour"]
    if per_1000 is not None:
        said.append(f"{costs.written(per_1000)} for 1,000 requests")
    sizes = {"the tags ask for": tagged}
    if largest:
        sizes["the largest size"] = largest.cpu_millicores, largest.memory_bytes
    against = {name: costs.per_hour(*size) for name, size in sizes.items()}
    saved = [
        f"{_saving(per_hour, other)} {name} ({costs.written(other)})"
        for name, other in against.items()
        if other
    ]
    return ", ".join(said), "; ".join(saved)


def _saving(cost: float, other: float) -> str:
    """How a cost compares with another that is not nothing."""
    share = (cost - other) / other
    if abs(share) < SAME:
        return "the same as"
    return f"{formatting.percent(abs(share))} {'less' if share < 0 else 'more'} than"
