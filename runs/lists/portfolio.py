"""The portfolio as a table: sorted by what it wastes, or by anything else."""

from __future__ import annotations

import django_tables2 as tables

from runs.lists.listing import Listing
from runs.lists.paging import ListTable


class PortfolioTable(ListTable):
    wide_only = ("advised", "cost_a_month")
    numbers = (
        "cpu_millicores", "memory_bytes", "advised", "cpu_slack", "memory_slack", "cost_a_month",
        "waste_a_month",
    )  # fmt: skip

    key = None
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
    advised = tables.Column("Newest advice", orderable=False)
    cpu_slack = tables.Column("CPU slack")
    memory_slack = tables.Column("Memory slack")
    cost_a_month = tables.Column("Cost a month")
    waste_a_month = tables.Column("Waste a month")

    class Meta:
        order_by = "standing"


PORTFOLIO = Listing(
    name="portfolio", noun="model", url_name="model_portfolio", table=PortfolioTable
)
