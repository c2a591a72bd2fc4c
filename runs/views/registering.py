"""Registering a model, dataset or config: the same steps with another form."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from runs import storage
from runs.forms.uploads import UploadForm


def register(
    request: HttpRequest,
    form_class: type[UploadForm],
    page: str,
    checked: str = "",
    initial: dict | None = None,
) -> HttpResponse:
    """`page` shows the form, filled in with `initial`; `checked` what a look at it says before
    anything is kept.
    """
    if request.method != "POST":
        initial = initial or {"name": request.GET.get("name", "")}
        form = form_class(owner=request.user, initial=initial)
        return render(request, page, {"form": form})
    form = form_class(request.POST, request.FILES, owner=request.user)
    is_valid = form.is_valid()
    if checked and "check" in request.POST:
        return render(request, checked, {"form": form})
    if is_valid:
        try:
            row = form.register()
        except storage.UploadRefused as refusal:
            form.add_error("files", str(refusal))
        else:
            messages.success(request, f"{row.ref} is registered.")
            return redirect(row)
    form.keep_files()
    return render(request, page, {"form": form})
