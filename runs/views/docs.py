"""The documentation, from the files in docs/."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from runs import documentation


@require_safe
def docs_index(request: HttpRequest) -> HttpResponse:
    return _shown(request, documentation.INDEX)


@require_safe
def docs_page(request: HttpRequest, name: str) -> HttpResponse:
    if name == documentation.INDEX:
        return redirect("docs_index")
    return _shown(request, name)


@require_safe
def docs_image(request: HttpRequest, name: str) -> FileResponse:
    path = documentation.image(name)
    if path is None:
        raise Http404(f"There is no picture {name!r} in the documentation.")
    return FileResponse(path.open("rb"))


def _shown(request: HttpRequest, name: str) -> HttpResponse:
    page = documentation.read(name)
    if page is None:
        raise Http404(f"The documentation has no page {name!r}.")
    context = {"page": page, "name": name, "entries": documentation.entries()}
    return render(request, "docs/page.html", context)
