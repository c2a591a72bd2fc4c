"""Review: the inbox of proposals, one of them with its discussion, and what is done to it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from runs import choosing, reviewing
from runs.applying import ApplyRefused
from runs.comments import mentions_of_nobody
from runs.forms.proposals import ProposalForm
from runs.lists.listing import listing_page
from runs.lists.review import INBOX, inbox
from runs.models import ProfileRun, Proposal
from runs.models.proposal import TransitionRefused
from runs.review_page import page_context
from runs.roles import Role, needs

Refused = (TransitionRefused, ApplyRefused, ValidationError)


def the_proposal(number: int) -> Proposal:
    return get_object_or_404(Proposal.objects.for_page(), pk=number)


@require_safe
@never_cache
def proposal_list(request: HttpRequest) -> HttpResponseBase:
    box = inbox(request.user, request.GET.get("box", ""))
    return listing_page(request, INBOX, "review/list.html", rows=box.proposals, inbox=box)


@require_safe
@never_cache
def proposal_detail(request: HttpRequest, number: int) -> HttpResponse:
    return proposal_page(request, the_proposal(number))


def proposal_page(
    request: HttpRequest, proposal: Proposal, refusal: str = "", status: int = 200
) -> HttpResponse:
    """The page, again after a refusal with what was written kept in its field."""
    context = page_context(proposal, request.user)
    context |= {"refusal": refusal, "text": request.POST.get("text", "")}
    return render(request, "review/detail.html", context, status=status)


@needs(Role.CONTRIBUTOR)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_propose(request: HttpRequest, name: str) -> HttpResponse:
    """Put the advised size forward, or with `?measurement=` a measured one."""
    run = get_object_or_404(ProfileRun.objects.for_page(), name=name)
    try:
        size = choosing.size_to_use(run, request.GET.get("measurement", ""))
    except ApplyRefused as refusal:
        status = 409 if request.method == "POST" else 200
        context = {"run": run, "locked": str(refusal)}
        return render(request, "review/new.html", context, status=status)
    form = ProposalForm(run, request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        proposal = form.propose(size)
        nobody = mentions_of_nobody(form.cleaned_data["text"])
        messages.success(request, f"Proposal {proposal} is open. {nobody}".strip())
        return redirect(proposal)
    newer = reviewing.newer_than(run, list(run.models.all()))
    context = {"run": run, "size": size, "form": form, "newer": newer}
    return render(request, "review/new.html", context)


# --- What is done to a proposal -------------------------------------------------------------------
def _reason(refusal: Exception) -> str:
    """In words: a ValidationError has several, where others have one."""
    return " ".join(getattr(refusal, "messages", [])) or str(refusal)


@require_POST
def proposal_act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    if action not in reviewing.ACTIONS:
        raise Http404(f"There is no action {action!r}.")
    proposal, text = the_proposal(number), request.POST.get("text", "")
    try:
        knows = "although" in request.POST
        done = reviewing.act(proposal, action, request.user, text, confirmed=knows)
    except Refused as refusal:
        proposal.refresh_from_db(fields=["state"])
        status = 403 if reviewing.why_lesser(request.user, action) else 409
        return proposal_page(request, proposal, _reason(refusal), status)
    if done:
        messages.success(request, done)
    return redirect(proposal)
