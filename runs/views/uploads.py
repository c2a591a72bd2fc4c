"""Files that are sent before the form they belong to, and taken back."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from runs.forms.uploads import StageForm
from runs.models import StagedUpload
from runs.roles import Role, needs


@needs(Role.CONTRIBUTOR)
@require_POST
def upload_stage(request: HttpRequest, purpose: str) -> HttpResponse:
    """The part of the form that names the files (201), or why they are refused, as text (422)."""
    if purpose not in StagedUpload.Purpose.values:
        raise Http404(f"Nothing is uploaded as {purpose}.")
    form = StageForm(request.POST, request.FILES)
    try:
        staged = form.stage(request.user, purpose)
    except ValidationError as refusal:
        return HttpResponse(
            " ".join(refusal.messages), status=422, content_type="text/plain; charset=utf-8"
        )
    return render(request, "registry/_staged.html", {"staged_upload": staged}, status=201)


@needs(Role.CONTRIBUTOR)
@require_POST
def upload_discard(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Remove what was sent; what is gone already is no error."""
    staged = StagedUpload.objects.filter(owner=request.user, uuid=key).first()
    if staged is not None:
        staged.discard()
    return HttpResponse(status=204)
