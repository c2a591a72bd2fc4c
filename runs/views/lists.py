"""What somebody keeps of a list, and what they do to its checked rows."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from runs.lists import bulk
from runs.lists.bulk import written
from runs.lists.catalogue import LISTINGS
from runs.lists.exporting import FORMATS
from runs.lists.listing import Listing, file_of
from runs.models import ChosenColumns, SavedFilter
from runs.models.list_settings import MOST_SAVED
from runs.roles import why_not


def the_listing(name: str) -> Listing:
    if name not in LISTINGS:
        raise Http404(f"There is no list {name!r}.")
    return LISTINGS[name]


def place(request: HttpRequest, listing: Listing) -> str:
    """Where the list was looked at; never an address of another site."""
    found = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(found, {request.get_host()}, request.is_secure())
    return found if is_ours else listing.url


def back(request: HttpRequest, listing: Listing) -> HttpResponse:
    return redirect(place(request, listing))


class SavedFilterForm(forms.ModelForm):
    class Meta:
        model = SavedFilter
        fields = ("name", "query")


@require_POST
def filter_save(request: HttpRequest, listing: str) -> HttpResponse:
    of, form = the_listing(listing), SavedFilterForm(request.POST)
    if not form.is_valid():
        messages.warning(request, "A saved filter needs a name of at most 60 characters.")
    elif not SavedFilter.objects.keep(request.user, of.name, **form.cleaned_data):
        messages.warning(request, f"You have {MOST_SAVED} here already: delete one first.")
    else:
        messages.success(request, f"Saved as {form.cleaned_data['name']}.")
    return back(request, of)


@require_POST
def filter_delete(request: HttpRequest, listing: str, number: int) -> HttpResponse:
    of = the_listing(listing)
    SavedFilter.objects.of(request.user, of.name).filter(pk=number).delete()
    return back(request, of)


@require_POST
def columns_choose(request: HttpRequest, listing: str) -> HttpResponse:
    """Remember them; with `default` forget what was chosen."""
    of = the_listing(listing)
    if "default" in request.POST:
        ChosenColumns.objects.forget(request.user, of.name)
    else:
        known = [name for name in request.POST.getlist("column") if name in of.table.base_columns]
        ChosenColumns.objects.choose(request.user, of.name, known)
    return back(request, of)


@require_POST
def bulk_act(request: HttpRequest, listing: str) -> HttpResponse:
    """Do something to the checked rows; what asks first shows its question with the rows."""
    of = the_listing(listing)
    keys = [written(key) for key in request.POST.getlist("row")]
    wanted = request.POST.get("action", "")
    action = of.action(wanted)
    if not of.pick or (action is None and wanted not in FORMATS):
        raise Http404("There is no such action.")
    if action and (reason := why_not(request.user, action.needs)):
        raise PermissionDenied(reason)
    if not keys:
        messages.warning(request, "Check at least one row first.")
        return back(request, of)
    if wanted in FORMATS:
        seen = QueryDict(urlsplit(place(request, of)).query)
        return redirect(file_of(of, keys, wanted, seen))
    if action.lead:
        return redirect(action.lead(keys))
    rows = of.picked(keys)
    if action.asks_first and "sure" not in request.POST:
        context = {"listing": of, "action": action, "rows": rows, "keys": keys,
                   "next": place(request, of)}  # fmt: skip
        return render(request, "lists/sure.html", context)
    bulk.tell(request, bulk.do(action, rows, request.user, action.values(request.POST)))
    return back(request, of)
