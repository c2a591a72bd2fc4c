"""The sweeper beside a worker."""

import signal
import threading
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from runs.models import Target
from runs.sweeper import Sweeper


class Command(BaseCommand):
    help = "Close runs whose worker is gone and remove what they left on this host, for ever."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--target", default=settings.PROFILER_TARGET)
        parser.add_argument("--once", action="store_true", help="one round only")

    def handle(self, *args: object, target: str, once: bool, **options: object) -> None:
        row = Target.objects.filter(name=target).first()
        if row is None:
            raise CommandError(f"There is no target {target}; make it with ensure_target first.")
        sweeper = Sweeper(row)
        if once:
            return sweeper.round()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        return sweeper.run_forever(stopping.is_set)
