"""What commands that bring runs on have in common."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from runs.models import ProfileRun
from runs.run_rescue import Rescue


class RescueCommand(BaseCommand):
    """Does a `rescue` to the runs that are named, and says of each what became of it."""

    rescue: Rescue

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("runs", metavar="RUN", nargs="+")
        parser.add_argument(
            "--by", required=True, metavar="USER", help="who does it, for the administration's log"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        if self.rescue.asks_why:
            parser.add_argument("--why", required=True, help="is shown on the run's page")

    def handle(
        self, *args: object, runs: Sequence[str], by: str, dry_run: bool, **options: object
    ) -> None:
        user = get_user_model().objects.filter(username=by).first()
        if user is None:
            raise CommandError(f"There is no user {by}.")
        if not user.has_perm("runs.change_profilerun"):
            raise CommandError(f"{by} may not do this: it takes a permission on runs.")
        found = list(ProfileRun.objects.select_related("target").filter(name__in=runs))
        if missing := set(runs) - {run.name for run in found}:
            raise CommandError(f"There is no run {', '.join(sorted(missing))}.")
        plans = [self.rescue.plan(run) for run in found]
        why = str(options.get("why", ""))
        done = [] if dry_run else self.rescue.carry_out(found, user, why)
        for plan in plans:
            words = self.rescue.done.capitalize() if plan.run in done else plan.words
            self.stdout.write(f"{plan.run.name}: {words}")
        self.stdout.write(f"{len(done)} of {len(found)} run(s) {self.rescue.done}.")
