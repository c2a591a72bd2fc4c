"""Who asks: the site's own session, or `Authorization: Bearer` with an API token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from runs.models import ApiToken

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SCHEME = "Bearer"


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = get_authorization_header(request).partition(b" ")
        if scheme.decode("latin-1").lower() != SCHEME.lower():
            return None
        token = ApiToken.objects.of_text(text.strip().decode("latin-1"))
        if token is None or not token.is_valid:
            raise AuthenticationFailed("The token is unknown, expired, or its user is inactive.")
        token.note_use()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict:
        return {"type": "http", "scheme": "bearer"}
