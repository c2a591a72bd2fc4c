"""A sample to look at: a scikit-learn regression, its requests and its first run."""

import json
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from runs.models import InferenceConfig, ProfileRun, RegisteredModel, StoredFiles, Target
from runs.registering import register_dataset

SAMPLE = settings.BASE_DIR / "examples" / "sklearn-regression"


class Command(BaseCommand):
    help = "Register the sample under examples/ and queue its run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--target", default=settings.PROFILER_TARGET)
        parser.add_argument("--no-run", action="store_true", help="register only")

    def handle(self, *args: object, target: str, no_run: bool, **options: object) -> None:
        user = get_user_model().objects.filter(is_superuser=True).first()
        spec = json.loads((SAMPLE / "spec.json").read_text())
        model = self._model(spec, user)
        config = self._config(spec["config"], user)
        dataset = self._dataset(spec["dataset"], user)
        if no_run:
            return
        row = Target.objects.filter(name=target).first()
        if row is None:
            raise CommandError(f"There is no target {target}; make it with ensure_target first.")
        run = ProfileRun.objects.submit(
            models=[model],
            config=config,
            dataset=dataset,
            target=row,
            created_by=user,
            **json.loads((SAMPLE / "run.json").read_text()),
        )
        self.stdout.write(f"The sample's run is queued: {run.name}")

    def _model(self, spec: dict, user: object) -> RegisteredModel:
        [model] = spec["models"]
        return RegisteredModel.objects.register(
            name=model["name"],
            files=StoredFiles.objects.store_path(SAMPLE / model["path"]),
            created_by=user,
            description="A ridge regression on the diabetes data set that comes with scikit-learn.",
            framework="scikit-learn",
        )

    def _config(self, spec: dict, user: object) -> InferenceConfig:
        definition = {key: value for key, value in spec.items() if key != "source_directory"}
        return InferenceConfig.objects.register(
            name="sklearn-score",
            kind=InferenceConfig.Kind.SCORED,
            definition=definition,
            files=StoredFiles.objects.store_path(Path(SAMPLE / spec["source_directory"])),
            description="score.py with init() and run(), and scikit-learn.",
            created_by=user,
        )

    def _dataset(self, spec: dict, user: object) -> object:
        return register_dataset(
            name="diabetes-requests",
            files=StoredFiles.objects.store_path(SAMPLE / spec["path"]),
            created_by=user,
            content_type=spec["content_type"],
            description="200 different requests, one JSON document a line.",
        )
