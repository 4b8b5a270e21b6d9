"""``manage.py ensure_admin``: creates the first admin account and prints its random password once."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.models import User


class Command(BaseCommand):
    """Creates an admin account unless there is one already."""

    help = "Make an admin account with a random password, unless there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="admin@momentverse.invalid")
        parser.add_argument("--handle", default="keeper")

    def handle(self, *args: Any, **options: Any) -> None:
        admin = User.objects.filter(is_superuser=True).order_by("pk").first()
        if admin:
            self.stdout.write(
                f"Admin account: {admin.email} (password as printed when it was made; "
                "`manage.py changepassword` sets a new one)"
            )
            return
        password = secrets.token_urlsafe(16)
        User.objects.create_superuser(options["email"], options["handle"], password)
        self.stdout.write(f"Admin account: {options['email']}  password: {password}")
