"""The portfolio as a table: sorted by what it wastes, or by anything else."""

from __future__ import annotations

import django_tables2 as tables

from runs.lists.paging import ListTable


class PortfolioTable(ListTable):
    wide_only = ("advised", "cost_a_month")
    numbers = (
        "cpu_millicores", "memory_bytes", "advised", "cpu_slack", "memory_slack", "cost_a_month",
        "waste_a_month",
    )  # fmt: skip

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
