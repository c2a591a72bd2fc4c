"""Who may see and use the administration's own pages: they are about runs."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def check(request: HttpRequest, what: str) -> None:
    """`what` is what is done to runs: view or change. PermissionDenied without that permission."""
    if not request.user.has_perm(f"runs.{what}_profilerun"):
        raise PermissionDenied("Your account may not do this: it takes a permission on runs.")
