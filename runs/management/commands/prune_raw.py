"""Drop raw samples of old runs by hand, whatever RAW_RETENTION_DAYS says."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from runs import retention
from runs.formatting import file_size


class Command(BaseCommand):
    help = "Drop the raw samples of runs that finished longer ago; their results are kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than-days", type=int, required=True, metavar="N")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: object, older_than_days: int, dry_run: bool, **options: object) -> None:
        if older_than_days < 0:
            raise CommandError("--older-than-days: give 0 or more.")
        found = retention.outdated(older_than_days)
        for name, size in found.sizes:
            self.stdout.write(f"{name}: {file_size(size)}")
        summary = f"{file_size(found.bytes)} of {len(found.sizes)} run(s)"
        if dry_run:
            self.stdout.write(f"{summary} would be dropped.")
            return
        retention.drop_older_than(older_than_days)
        self.stdout.write(f"{summary} dropped.")
