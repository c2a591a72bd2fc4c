"""The worker of one target."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs.models import Target
from runs.worker import ProfilingWorker


class Command(BaseCommand):
    help = "Execute the runs of a target, one at a time, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--target", default=settings.PROFILER_TARGET)
        parser.add_argument("--burst", action="store_true", help="end once the queue is empty")

    def handle(self, *args: object, target: str, burst: bool, **options: object) -> None:
        row = Target.objects.filter(name=target).first()
        if row is None:
            raise CommandError(f"There is no target {target}; make it with ensure_target first.")
        ProfilingWorker(row).work(burst=burst, logging_level=None)
