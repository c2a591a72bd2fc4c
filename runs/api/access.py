"""What a signed-in program may do: no more than its user's role, and than its token's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission

from runs.models import ApiToken
from runs.roles import Role, why_not

if TYPE_CHECKING:
    # The framework's settings name this module, and its views read them when they are imported.
    from rest_framework.request import Request
    from rest_framework.views import APIView


class WithinScope(BasePermission):
    """A token that may only read changes nothing."""

    message = (
        "This token may only read. Make one with the scope write: manage.py make_token USER "
        "--scope write, or under Administration."
    )

    def has_permission(self, request: Request, view: APIView) -> bool:
        token = request.auth
        may_write = not isinstance(token, ApiToken) or token.scope == ApiToken.Scope.WRITE
        return request.method in SAFE_METHODS or may_write


class WithinRole(BasePermission):
    """Whoever changes something needs the role that the page for it takes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return True
        self.message = why_not(request.user, getattr(view, "least_role", Role.CONTRIBUTOR))
        return self.message is None
