"""The portfolio as a table: sorted by what it wastes, or by anything else."""

from __future__ import annotations

from functools import cached_property

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet

from runs.costs import Prices
from runs.lists import bulk_models
from runs.lists.listing import Listing, by_ref
from runs.lists.paging import ListTable
from runs.lists.registry import ModelFilter
from runs.models import PriceList, RegisteredModel
from runs.portfolio import SizedModel, portfolio, totals

EVIDENCE = [
    ("verified", "Verified and current"),
    ("stale", "Stale"),
    ("unverified", "Not verified"),
    ("unsized", "Not sized"),
]


class PortfolioFilter(ModelFilter):
    """Of models by what is in their rows, then of their sizes by what was worked out."""

    evidence = django_filters.ChoiceFilter(
        label="Evidence", choices=EVIDENCE, empty_label="Any", method="of_sizes"
    )

    def of_sizes(self, models: QuerySet, name: str, value: str) -> QuerySet:
        """No row says it: `qs` looks at what was worked out."""
        return models

    @cached_property
    def prices(self) -> Prices | None:
        return PriceList.objects.current()

    @cached_property
    def qs(self) -> list[SizedModel]:
        found = portfolio(self.prices, super().qs)
        wanted = self.form.is_valid() and self.form.cleaned_data["evidence"]
        return [one for one in found if not wanted or one.evidence == wanted]

    @property
    def totals(self) -> dict:
        return totals(self.qs)


class PortfolioTable(ListTable):
    wide_only = ("advised", "cost_a_month")
    numbers = (
        "cpu_millicores", "memory_bytes", "advised", "cpu_slack", "memory_slack", "cost_a_month",
        "waste_a_month",
    )  # fmt: skip
    exported = {
        "name": {"model": "model__ref"},
        "standing": {"standing": "standing", "stale": "stale"},
        "cpu_millicores": {"cpu_millicores": "cpu_millicores"},
        "memory_bytes": {"memory_bytes": "memory_bytes"},
        "advised": {
            "advised_by_run": "advised__name",
            "advised_cpu_millicores": "advised__advice__cpu_millicores",
            "advised_memory_bytes": "advised__advice__memory_bytes",
        },
        "cpu_slack": {"cpu_slack_millicores": "cpu_slack"},
        "memory_slack": {"memory_slack_bytes": "memory_slack"},
        "cost_a_month": {"cost_a_month": "cost_a_month"},
        "waste_a_month": {"waste_a_month": "waste_a_month"},
    }

    name = tables.Column("Model")
    standing = tables.Column("Evidence", accessor="order")
    cpu_millicores = tables.Column("CPU")
    memory_bytes = tables.Column("Memory")
    advised = tables.Column("Newest advice", order_by="advised_cpu")
    cpu_slack = tables.Column("CPU slack")
    memory_slack = tables.Column("Memory slack")
    cost_a_month = tables.Column("Cost a month")
    waste_a_month = tables.Column("Waste a month")

    class Meta:
        order_by = "standing"


PORTFOLIO = Listing(
    name="portfolio",
    noun="model",
    url_name="model_portfolio",
    table=PortfolioTable,
    rows=RegisteredModel.objects.latest_of_each,
    filters=PortfolioFilter,
    pick=by_ref,
    actions=bulk_models.ACTIONS,
)
