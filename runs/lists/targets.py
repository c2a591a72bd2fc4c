"""The targets as a list: cards on the page, rows in a file."""

from __future__ import annotations

import django_tables2 as tables

from runs.lists.listing import Listing
from runs.lists.paging import ListTable
from runs.models import Target


class TargetTable(ListTable):
    key = None
    exported = {
        "name": {"target": "name"},
        "kind": {"kind": "kind"},
        "listens": {"enabled": "enabled", "unavailable_reason": "unavailable_reason",
                    "has_worker": "has_worker", "has_sweeper": "has_sweeper"},
        "size": {"max_cpu_millicores": "max_cpu_millicores",
                 "max_memory_bytes": "max_memory_bytes"},
        "gpus": {"gpus": lambda target: [gpu["name"] for gpu in target.gpus]},
        "slots": {"slots": "slots", "queue": "queue"},
        "runs": {
            "runs_open": lambda target: len(target.open_runs),
            "runs_waiting": lambda target: sum(run.state == "queued" for run in target.open_runs),
        },
    }  # fmt: skip

    name = tables.Column("Target")
    kind = tables.Column("Kind")
    listens = tables.Column("Listens", orderable=False, empty_values=())
    size = tables.Column("Largest size", order_by="max_cpu_millicores", empty_values=())
    gpus = tables.Column("GPUs", orderable=False)
    slots = tables.Column("Slots", orderable=False)
    runs = tables.Column("Runs", orderable=False, empty_values=())


TARGETS = Listing(
    name="targets",
    noun="target",
    url_name="target_list",
    table=TargetTable,
    rows=Target.objects.for_page,
)
