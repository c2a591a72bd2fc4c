"""An API token for a program."""

from argparse import ArgumentParser
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from runs.models import ApiToken


class Command(BaseCommand):
    help = "Make an API token with which a program acts as a user, and print it this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", default="command line", help="what uses it")
        parser.add_argument(
            "--scope",
            choices=ApiToken.Scope.values,
            default=ApiToken.Scope.READ,
            help="read (the default), or write: all that the user may do",
        )
        parser.add_argument("--days", type=int, help="days until it expires; never by default")

    def handle(
        self, *args: object, user: str, name: str, scope: str, days: int | None, **options: object
    ) -> None:
        owner = get_user_model().objects.filter(username=user).first()
        if owner is None:
            raise CommandError(f"There is no user {user}.")
        if days is not None and days < 1:
            raise CommandError("--days must be 1 at least.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        _, text = ApiToken.objects.make(user=owner, name=name, scope=scope, expires_at=expires_at)
        self.stdout.write(text)
