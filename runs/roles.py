"""Who may do what: viewer, contributor, reviewer, admin; each may do all that those before it may.

A role is a Django group of the same name. A superuser is an admin; somebody in none of the groups
has the role that DEFAULT_ROLE names.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import wraps
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class Role(IntEnum):
    """In order: a greater one may do more."""

    VIEWER = 1
    CONTRIBUTOR = 2
    REVIEWER = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        return self.name.lower()


WORDS = {role.word: role for role in Role}


def role_of(user: User | AnonymousUser) -> Role:
    """The greatest role of a signed-in user. Asked once per user object: it is kept there."""
    known = getattr(user, "_role", None)
    if known is None:
        known = user._role = _looked_up(user)
    return known


def _looked_up(user: User) -> Role:
    if user.is_superuser:
        return Role.ADMIN
    roles = (WORDS[group.name] for group in user.groups.all() if group.name in WORDS)
    return max(roles, default=WORDS[settings.DEFAULT_ROLE])


def may(user: User, least: Role) -> bool:
    return role_of(user) >= least


def why_not(user: User, least: Role) -> str | None:
    """Why the user may not do what takes a role; None where they may."""
    if may(user, least):
        return None
    return (
        f"This takes the role {least.word}, and yours is {role_of(user).word}. "
        "An administrator can give it to you."
    )


def needs(least: Role) -> Callable:
    """A view that refuses (403, with the reason) whoever has a lesser role."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if reason := why_not(request.user, least):
                raise PermissionDenied(reason)
            return view(request, *args, **kwargs)

        return checked

    return decorate
