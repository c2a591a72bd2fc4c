"""The disclosure that shows an action as a command, in Python and for curl."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.text import slugify

from runs import twin_actions, twin_files
from runs.twins import twins

register = template.Library()
COMPONENT = "components/_by_command.html"
#: By name, what is shown.
ACTIONS = vars(twin_actions) | vars(twin_files)


def _key(title: str) -> str:
    """What ids are made from; no page has two of one title."""
    return slugify(title)


@register.inclusion_tag(COMPONENT, takes_context=True)
def by_command(context: Context, title: str, action: str, *values: object) -> dict:
    """`{% by_command "Cancel by command" "cancel" run.name %}`: one of ACTIONS."""
    made = ACTIONS[action](*values)
    server = context["request"].build_absolute_uri("/")
    return {"title": title, "key": _key(title), "twins": twins(made, server)}


@register.inclusion_tag(COMPONENT)
def form_by_command(title: str, form: str, **about: object) -> dict:
    """`{% form_by_command "By command" "run" %}`, inside a form: follows what is filled in.

    `form` is one of views.twins.FORMS, `about` what the form is about.
    """
    given = {name: value for name, value in about.items() if value not in (None, "")}
    query = urlencode({**given, "key": _key(title)})
    url = f"{reverse('form_by_command', args=[form])}?{query}"
    return {"title": title, "key": _key(title), "follows": url}
