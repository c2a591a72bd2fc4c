"""The inference configs of the registry: list, one of them with its sources, register."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from runs.forms.config_initial import initial_of
from runs.forms.configs import RegisterConfigForm
from runs.highlighting import SHOWN_BYTES, highlighted, readable
from runs.lists.listing import listing_page
from runs.lists.registry import CONFIGS
from runs.models import InferenceConfig, ProfileRun
from runs.roles import Role, needs
from runs.views.registering import register
from runs.views.run_new import chosen

RUNS_ON_PAGE = 20


@require_safe
def config_list(request: HttpRequest) -> HttpResponseBase:
    return listing_page(request, CONFIGS, "configs/config_list.html")


@require_safe
def config_detail(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """`?file=` shows another of the sources than the entry script."""
    config = get_object_or_404(InferenceConfig.objects.for_page(), name=name, version=version)
    runs = ProfileRun.objects.for_list().filter(config=config)
    context = {
        "config": config,
        "definition": config.definition,
        "source": shown_source(config, request.GET.get("file", "")),
        "environment": shown_environment(config),
        "versions": list(InferenceConfig.objects.versions_of(name)),
        "runs": runs[:RUNS_ON_PAGE],
        "run_count": runs.count(),
    }
    return render(request, "configs/config_detail.html", context)


def shown_source(config: InferenceConfig, asked_for: str) -> dict | None:
    """One of the sources, highlighted; None for a container, which has none."""
    if config.files is None:
        return None
    path = asked_for or config.definition["entry_script"]
    return shown_file(config, path)


def shown_file(config: InferenceConfig, path: str) -> dict:
    """A file of the sources. Raises Http404 when there is none of that path."""
    try:
        with config.files.open(path) as file:
            content = file.read(SHOWN_BYTES + 1)
    except KeyError as error:
        raise Http404(f"{config.ref} has no file {path}") from error
    text = readable(content)
    return {
        "path": path,
        "html": None if text is None else highlighted(text, path),
        "is_cut": len(content) > SHOWN_BYTES,
    }


def shown_environment(config: InferenceConfig) -> dict | None:
    """What the environment is made from, highlighted; None when nothing says."""
    environment = config.definition.get("environment", {})
    lines = environment.get("pip")
    if isinstance(lines, list):
        return {
            "path": "requirements.txt",
            "html": highlighted("\n".join(lines), "requirements.txt"),
        }
    path = lines or environment.get("conda") or environment.get("dockerfile")
    return shown_file(config, path) if path else None


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def config_register(request: HttpRequest) -> HttpResponse:
    """`?of=` fills the form in as that config was registered, with its sources."""
    pages = ("configs/config_register.html", "configs/_checked.html")
    initial = None
    if ref := request.GET.get("of", ""):
        initial = initial_of(chosen(InferenceConfig.objects.select_related("files"), ref))
    return register(request, RegisterConfigForm, *pages, initial=initial)
