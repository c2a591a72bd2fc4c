"""By how much identical runs differ on this machine's target."""

import tempfile
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from profiler.errors import BudgetEnded, RunFailed
from runs import jobs, noise, run_spec
from runs.models import ProfileRun


class Command(BaseCommand):
    help = (
        "Measure a run's service against itself on this machine, and keep the noise floor of its "
        "target. Do it while the target's worker has nothing to do."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", metavar="RUN_NAME")
        parser.add_argument("--pairs", type=int, default=5, help="pairs of runs (default 5)")

    def handle(self, *args: object, run: str, pairs: int, **options: object) -> None:
        from profiler import aa

        row = ProfileRun.objects.for_job().filter(name=run).first()
        if row is None:
            raise CommandError(f"There is no run {run}.")
        if pairs < 2:
            raise CommandError("--pairs must be 2 at least.")
        busy = row.target.runs.unfinished().first()
        if busy is not None:
            raise CommandError(
                f"{row.target.name} has work: {busy.name} is {busy.state}. Measured beside a run, "
                "both would be wrong; try again when nothing runs or waits there."
            )
        root = jobs.work_root()
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix="noise-") as folder:
            found = self._measured(aa, row, pairs, Path(folder))
        if found.floor is not None:
            aa.store(noise.folder(), found.floor)
            noise.refresh(row.target)
        self.stdout.write(aa.text(found))
        if found.floor is None:
            raise CommandError("No noise floor was stored.")

    def _measured(self, aa, row: ProfileRun, pairs: int, folder: Path):
        run_spec.materialise(row, folder)
        try:
            return aa.alternate(
                [jobs.spec_of(row, folder)],
                pairs=pairs,
                work_dir=folder,
                floors=noise.folder(),
                on_run=lambda measured: self.stdout.write(aa.line(measured)),
            )
        except RunFailed as failure:
            raise CommandError(f"{failure.code}: {failure.message}") from failure
        except BudgetEnded as ended:
            raise CommandError(f"Out of time: {ended}") from ended
