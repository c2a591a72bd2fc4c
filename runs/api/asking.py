"""A run as a program asks for it: the words of a spec, with the registry's names for its inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial

from django.db import IntegrityError
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from profiler.errors import Problem
from runs.api.errors import Refused
from runs.forms.names import why_refused
from runs.models import (
    Dataset,
    InferenceConfig,
    KeyedAnswer,
    ProfileRun,
    RegisteredModel,
    SizingPolicy,
    Target,
)
from runs.models.keyed_answer import KeyReused
from runs.spec_check import problems_of, why_name_refused, why_target_refused

KEY_HEADER = "Idempotency-Key"
MOST_KEY_CHARACTERS = 255
KEY = OpenApiParameter(
    KEY_HEADER, str, OpenApiParameter.HEADER,
    description="Made up by the program: asking again under it does nothing a second time",
)  # fmt: skip
INPUTS = {"config": InferenceConfig.objects, "dataset": Dataset.objects}


class ConcurrencySerializer(serializers.Serializer):
    """Workers and threads to try, in place of the config's own."""

    workers = serializers.ListField(child=serializers.IntegerField(), required=False)
    threads = serializers.ListField(child=serializers.IntegerField(), required=False)


class RunRequestSerializer(serializers.Serializer):
    """What a run is asked for. Inputs are `name:version`, or `name` for the latest version; load,
    objective, limits, budget and answers are as in a spec, and what is left out takes its default.
    """

    name = serializers.CharField(required=False, default="", allow_blank=True)
    models = serializers.ListField(child=serializers.CharField(), default=list)
    config = serializers.CharField()
    dataset = serializers.CharField()
    target = serializers.CharField(
        required=False, help_text="Left out: the first that a worker listens at"
    )
    load = serializers.JSONField(default=dict)
    objective = serializers.DictField(default=dict)
    limits = serializers.DictField(default=dict)
    budget = serializers.DictField(default=dict)
    answers = serializers.DictField(default=dict)
    concurrency = ConcurrencySerializer(default=dict)
    policy = serializers.CharField(required=False, help_text="Its name; left out: the default")
    memory_probe = serializers.BooleanField(default=False)
    question = serializers.ChoiceField(
        choices=ProfileRun.Question.choices, default=ProfileRun.Question.SIZE
    )
    peak_rps = serializers.FloatField(default=None, allow_null=True)

    def to_internal_value(self, data: object) -> dict:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise exceptions.ValidationError({key: ["There is no such key."] for key in unknown})
        return super().to_internal_value(data)

    def validate(self, asked: dict) -> dict:
        """The rows in place of their names, and all that the engine would refuse."""
        problems: dict[str, list[str]] = {}
        found = self._rows(asked, problems)
        if asked["name"] and (
            reason := why_refused(asked["name"]) or why_name_refused(asked["name"])
        ):
            problems["name"] = [reason]
        if problems:
            raise exceptions.ValidationError(problems)
        self._check_spec(found)
        return found

    def _rows(self, asked: dict, problems: dict[str, list[str]]) -> dict:
        models = []
        for ref in dict.fromkeys(asked["models"]):
            models.append(_row(RegisteredModel.objects, ref, "models", problems))
        rows = {key: _row(rows, asked[key], key, problems) for key, rows in INPUTS.items()}
        return {
            **asked,
            **rows,
            "models": models,
            "target": _target(asked.get("target"), problems),
            "policy": _policy(asked.get("policy"), problems),
            "concurrency": {key: list(value) for key, value in asked["concurrency"].items()},
        }

    def _check_spec(self, found: dict) -> None:
        fields = {key: value for key, value in found.items() if key not in ("models", "name")}
        places: dict[str, list[str]] = {}
        for problem in problems_of(ProfileRun(**fields), found["models"]):
            places.setdefault(_place(problem), []).append(problem.message)
        if places:
            raise exceptions.ValidationError(places)

    def start(self, user, key: str, digest: str) -> ProfileRun:
        """Queue the run; the one that another request just started under the same key, if so."""
        submit = partial(ProfileRun.objects.submit, **self.validated_data, created_by=user)
        try:
            return ProfileRun.objects.started_once(user, key, digest, submit)
        except IntegrityError as error:
            taken = "Another run just took that name."
            raise exceptions.ValidationError({"name": [taken]}) from error


def _row(rows, ref: str, key: str, problems: dict[str, list[str]]):
    try:
        return rows.select_related("files").ref(ref)
    except rows.model.DoesNotExist:
        problems.setdefault(key, []).append(f"There is no {ref}.")
        return None


def _target(name: str | None, problems: dict[str, list[str]]) -> Target | None:
    available = Target.objects.available()
    target = available.filter(name=name).first() if name else available.likely()
    if target is None:
        names = ", ".join(available.values_list("name", flat=True)) or "none"
        problems["target"] = [f"Targets that take runs: {names}."]
    elif reason := why_target_refused(target):
        problems["target"] = [reason]
    return target


def _policy(name: str | None, problems: dict[str, list[str]]) -> dict:
    if name is None:
        return SizingPolicy.objects.default_spec()
    row = SizingPolicy.objects.filter(name=name).first()
    if row is None:
        problems["policy"] = [f"There is no policy {name}."]
        return {}
    return row.as_spec()


def _place(problem: Problem) -> str:
    """Workers and threads are asked for beside the config, not in it."""
    part = problem.place.partition(".")[2]
    in_concurrency = problem.place.startswith(("config.workers", "config.threads"))
    return f"concurrency.{part}" if in_concurrency else problem.place


def key_of(request: Request) -> str:
    """Under which the program asks; "" where it gave none."""
    key = request.headers.get(KEY_HEADER, "")
    if len(key) > MOST_KEY_CHARACTERS:
        raise exceptions.ValidationError(
            {KEY_HEADER: [f"It has {len(key)} characters; {MOST_KEY_CHARACTERS} are allowed."]}
        )
    return key


def once(request: Request, asked: object, act: Callable[[], dict]) -> tuple[dict, bool]:
    """What `act` answers, and whether it was done now: not where the program asked the same under
    the same key before. Raises Refused where it asked for something else.
    """
    key = key_of(request)
    if not key:
        return act(), True
    try:
        return KeyedAnswer.objects.once(request.user, key, digest_of(asked), act)
    except KeyReused as reused:
        raise Refused("Something else was asked for under this key.") from reused


def digest_of(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def started_before(user, key: str, digest: str) -> ProfileRun | None:
    """The run that the user's program started under this key, asking for the same.

    Raises Refused where it asked for something else.
    """
    run = ProfileRun.objects.started_by(user, key) if key else None
    if run and run.client_digest != digest:
        raise Refused(f"{run.name} was started under this key, with other wishes.")
    return run
