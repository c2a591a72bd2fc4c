"""The target that is this machine."""

from argparse import ArgumentParser
from dataclasses import asdict

from django.conf import settings
from django.core.management.base import BaseCommand

from runs.models import Target

MIN_MILLICORES = 100


class Command(BaseCommand):
    help = "Create this machine's target, or bring its cores, memory and GPUs up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=settings.PROFILER_TARGET)
        parser.add_argument("--kind", choices=Target.Kind.values, default=Target.Kind.DOCKER)

    def handle(self, *args: object, name: str, kind: str, **options: object) -> None:
        from profiler.circumstances import host_capacity
        from profiler.services.gpu import host_gpus

        capacity = host_capacity()
        facts = {
            "kind": kind,
            "queue": name,
            "cores": sorted({*capacity.service_cores, *capacity.driver_cores}),
            "service_cores": list(capacity.service_cores),
            "memory_bytes": capacity.memory_bytes,
            "gpus": [asdict(gpu) for gpu in host_gpus()],
            "max_cpu_millicores": max(1000 * len(capacity.service_cores), MIN_MILLICORES),
            "max_memory_bytes": capacity.memory_bytes,
        }
        target, created = Target.objects.get_or_create(name=name, defaults=facts)
        changed = {key: value for key, value in facts.items() if getattr(target, key) != value}
        if not created and changed:
            for key, value in changed.items():
                setattr(target, key, value)
            # A save of these fields, not an update: the target's history shows the change.
            target.save(update_fields=list(changed))
