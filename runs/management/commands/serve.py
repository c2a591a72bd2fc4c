"""A whole installation on this machine: database, queue, web, worker, sweeper (make run)."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs.serving.instance import CannotServe, only_instance
from runs.serving.supervisor import Supervisor


class Command(BaseCommand):
    help = "Start everything on this machine, print the address, and stop all of it on Ctrl-C."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        try:
            with only_instance(settings.PROFILER_DATA_DIR):
                Supervisor(self._say).serve()
        except CannotServe as problem:
            raise CommandError(str(problem)) from problem

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
