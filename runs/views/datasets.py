"""The datasets of the registry: list, one of them with its first rows, register."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from runs.forms.datasets import RegisterDatasetForm
from runs.lists.listing import listing_page
from runs.lists.registry import DATASETS
from runs.models import Dataset, ProfileRun
from runs.roles import Role, needs
from runs.views.registering import register

RUNS_ON_PAGE = 20


@require_safe
def dataset_list(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, DATASETS, "datasets/dataset_list.html")


@require_safe
def dataset_detail(request: HttpRequest, name: str, version: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset.objects.for_page(), name=name, version=version)
    runs = ProfileRun.objects.for_list().filter(dataset=dataset)
    context = {
        "dataset": dataset,
        "versions": list(Dataset.objects.versions_of(name).defer("preview")),
        "runs": runs[:RUNS_ON_PAGE],
        "run_count": runs.count(),
    }
    return render(request, "datasets/dataset_detail.html", context)


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def dataset_register(request: HttpRequest) -> HttpResponse:
    return register(
        request, RegisterDatasetForm, "datasets/dataset_register.html", "datasets/_checked.html"
    )
