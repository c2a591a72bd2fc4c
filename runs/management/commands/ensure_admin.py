"""The first administrator."""

import os
import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

USERNAME = "admin"


class Command(BaseCommand):
    help = "Create the first administrator if there is none, and say how to sign in."

    def handle(self, *args: object, **options: object) -> None:
        path = settings.PROFILER_DATA_DIR / "admin-password"
        if not get_user_model().objects.filter(is_superuser=True).exists():
            password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
            get_user_model().objects.create_superuser(USERNAME, password=password)
            if settings.ADMIN_PASSWORD:
                self.stdout.write(f"Sign in as {USERNAME} with the password in ADMIN_PASSWORD.")
                return
            _write_private(path, password)
            self.stdout.write(f"Sign in as {USERNAME} with the password {password}")
            self.stdout.write(f"(kept in {path}; change it after signing in)")
        elif path.exists():
            self.stdout.write(f"Sign in as {USERNAME}; the first password is kept in {path}")


def _write_private(path: os.PathLike, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
