"""Brings a MomentVerse up to date with its code, so that it can be served."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

# Which of the first moments the database has, by a hash of what they were made from.
RECORD = settings.DATA_DIR / "loaded.json"


class Command(BaseCommand):
    """``manage.py bootstrap``: database, first moments, admin account, static files.

    Doing it again takes a second and changes nothing that is there.
    """

    help = "Bring the database up to date, load the first moments, make an admin, collect static files."
    # The database may be empty or old: that is what this command mends.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, help="refuse, before doing anything, when this port is taken"
        )
        parser.add_argument(
            "--without-moments", action="store_true", help="leave the timeline as it is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["port"] and is_taken(options["port"]):
            sys.exit(
                f"Port {options['port']} is in use by another program. "
                f"Another port works as well: make run PORT={options['port'] + 1}"
            )
        if not connection.introspection.table_names():
            RECORD.unlink(missing_ok=True)  # a new database, whatever an earlier one held
        call_command("migrate", interactive=False, verbosity=0)
        if not settings.PRODUCTION:
            # No worker runs there: what it would do is done at each start at least.
            for command, _ in settings.PERIODIC_JOBS:
                call_command(command, stdout=StringIO())
        if not options["without_moments"]:
            self.load_first_moments()
            call_command("ensure_admin", stdout=self.stdout)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)

    def load_first_moments(self) -> None:
        """Run each of ``FIRST_MOMENTS`` once, and again when the file that it reads has changed."""
        done = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        for command in settings.FIRST_MOMENTS:
            name, content = " ".join(command), fingerprint(command)
            if done.get(name) != content:
                shown = name.replace(f"{settings.BASE_DIR}/", "")
                self.stdout.write(f"Loading real moments: {shown} ...")
                report = StringIO()
                call_command(*command, verbosity=0, stdout=report)
                # Its last line sums up; rows refused because their second is taken are no news here.
                self.stdout.write("".join(report.getvalue().splitlines()[-1:]))
                done[name] = content
                RECORD.write_text(json.dumps(done, indent=1))


def fingerprint(command: list[str]) -> str:
    """Return a hash of a command and of the files that it names."""
    digest = hashlib.sha256(" ".join(command).encode())
    for argument in command:
        path = settings.BASE_DIR / argument
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_taken(port: int) -> bool:
    """Tell whether another program listens on ``port`` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
