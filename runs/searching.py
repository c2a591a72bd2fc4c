"""Searching everything by name, tag and state: what the page and the suggestions of `/` show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from runs.lists import registry, review, runs, targets
from runs.lists.words import matching
from runs.models import Dataset, InferenceConfig, ProfileRun, Proposal, RegisteredModel, Target

#: Of each kind; the rest is in its list.
SHOWN, SUGGESTED = 10, 4


@dataclass(frozen=True)
class Found:
    """What there is of one kind: the newest of them, and where all are."""

    kind: str
    title: str
    rows: Sequence
    count: int
    url: str


def search(text: str, shown: int = SHOWN) -> list[Found]:
    """Each kind of which there is something; the same rows as its list finds."""
    text = text.strip()
    if not text:
        return []
    return [found for found in (_found(*kind, text, shown) for kind in _kinds(text)) if found.rows]


def _found(kind: str, title: str, rows: QuerySet, url_name: str, text: str, shown: int) -> Found:
    # Found by their keys first: rows are long, and a database that sorts carries them along.
    keys = list(rows.values_list("pk", flat=True))
    by_key = rows.order_by().in_bulk(keys[:shown])
    query = {"box": "all", "q": text} if kind == "proposal" else {"q": text}
    first = [by_key[key] for key in keys[:shown]]
    return Found(kind, title, first, len(keys), f"{reverse(url_name)}?{urlencode(query)}")


def _kinds(text: str) -> list[tuple[str, str, QuerySet, str]]:
    of_runs = ProfileRun.objects.for_list()
    models, proposals = RegisteredModel.objects.for_list(), Proposal.objects.for_list()
    datasets, configs = Dataset.objects.for_list(), InferenceConfig.objects.for_list()
    of_targets = matching(Target.objects.order_by("name"), text, targets.target_has)
    return [
        ("run", "Runs", matching(of_runs, text, runs.has_word), "run_list"),
        ("model", "Models", matching(models, text, registry.model_has), "model_list"),
        ("dataset", "Datasets", matching(datasets, text, registry.dataset_has), "dataset_list"),
        ("config", "Configs", matching(configs, text, registry.config_has), "config_list"),
        ("proposal", "Proposals", matching(proposals, text, review.has_word), "proposal_list"),
        ("target", "Targets", of_targets, "target_list"),
    ]
