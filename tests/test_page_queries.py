"""No page asks the database more often because there are more rows of anything on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runs import applying
from runs.models import (
    ApiToken,
    LogChunk,
    ProfileRun,
    Proposal,
    RegisteredModel,
    SavedFilter,
    WorkerHeartbeat,
)
from tests.e2e.every_page import PATHS
from tests.measured_runs import PROBES, record, sized_run
from tests.page_rows import queries_of
from tests.rows import Rows

pytestmark = pytest.mark.django_db
ROWS = 10
#: Pages that show no rows, or ask nothing.
NO_ROWS = {"sign_in", "docs_index", "docs_page"}


@pytest.fixture
def run(make) -> ProfileRun:
    """Of `ridge:1`, measured, sized, and proposed with something said."""
    return sized_run(make, name="sized", models=[make.model("ridge")])


def pages(run: ProfileRun, proposal: Proposal) -> Iterator[str]:
    """Every page of the site that is about these rows, and the pages that lists lead to."""
    names = {"sized": run.name, "again": "again", "open": proposal.pk}
    for page, paths in PATHS.items():
        if page not in NO_ROWS:
            yield from (path.format_map(names) for path in paths if _is_about(path, names))
    yield from (
        "/review/?box=all",
        "/runs/?sort=-size",
        "/runs/sized/live/",
        "/search/?q=r&suggest",
        "/admin/runs/proposalevent/",
        f"/admin/runs/proposal/{proposal.pk}/change/",
        f"/admin/runs/registeredmodel/{run.models.first().pk}/change/",
        "/api/v1/lists/runs/csv/",
    )


def _is_about(path: str, names: dict) -> bool:
    try:
        path.format_map(names)
    except KeyError:
        return False
    return "bare" not in path


def grow(make: Rows, run: ProfileRun, proposal: Proposal) -> None:
    """ROWS more of everything that pages show."""
    parts = {"config": run.config, "dataset": run.dataset, "target": run.target}
    ridge = RegisteredModel.objects.get(name="ridge", version=1)
    for number in range(ROWS):
        make.run(models=[ridge], **parts)
        make.finished_run(models=[make.model(f"model-{RegisteredModel.objects.count()}")], **parts)
        for kind in (make.model, make.dataset, make.config):
            kind()
            kind(f"{kind.__name__}-{number}-{ProfileRun.objects.count()}")
        target = make.target(name=f"target-{ProfileRun.objects.count()}")
        WorkerHeartbeat.objects.beat(target, "lab", number + 1, "worker")
        ridge.set_tags({"turn": str(ProfileRun.objects.count())}, make.owner)
        record(run, ordinal=run.measurements.count() + 1, **PROBES[1])
        LogChunk.objects.create(run=run, index=run.log_chunks.count(), text="more\n")
        size = applying.advised_size(run)
        Proposal.objects.propose(run, run.models.all(), size, make.owner)
        proposal.comment(make.owner, f"And {number}?")
        name = f"filter-{ProfileRun.objects.count()}"
        SavedFilter.objects.create(user=make.owner, listing="runs", name=name, query="q=r")
        ApiToken.objects.make(user=make.owner, name=name)


def test_twenty_rows_take_no_more_queries_than_ten(client, make, run, root) -> None:
    sized_run(make, name="again", models=list(run.models.all()))
    proposal = Proposal.objects.propose(
        run, run.models.all(), applying.advised_size(run), make.owner
    )
    client.force_login(root)
    counts = []
    for _ in range(2):
        grow(make, run, proposal)
        found = {}
        for path in pages(run, proposal):
            assert client.get(path).status_code in (200, 286, 400), path
            found[path] = queries_of(lambda path=path: client.get(path))
        counts.append(found)
    ten, twenty = counts
    assert {
        path: (ten[path], number) for path, number in twenty.items() if number > ten[path]
    } == {}
    assert len(ten) >= 30
