"""Bring a MomentVerse up to date with its code, so that it can be served."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

# The data sets that the database has, each with a hash of the files it was loaded from.
RECORD = settings.DATA_DIR / "loaded.json"
EMBEDDED_DATABASE = settings.DATA_DIR / "momentverse.sqlite3"
OWN_APPS = ("accounts", "timeline")


class Command(BaseCommand):
    """``manage.py bootstrap``: database, first moments, admin account, static files.

    Running it again takes a second and changes nothing that exists.
    """

    help = "Bring the database up to date, load the first moments, make an admin, collect static files."
    # The database may be empty or old. This command brings it up to date.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, help="refuse, before doing anything, when this port is taken"
        )
        parser.add_argument(
            "--without-moments", action="store_true", help="leave the timeline as it is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["port"] and is_port_in_use(options["port"]):
            sys.exit(
                f"Port {options['port']} is in use by another program. "
                f"Another port works as well: make run PORT={options['port'] + 1}"
            )
        if unknown := list_unknown_migrations():
            self.replace_database(unknown)
        if not connection.introspection.table_names():
            RECORD.unlink(missing_ok=True)  # it describes an earlier database
        call_command("migrate", interactive=False, verbosity=0)
        if not settings.PRODUCTION:
            # There is no worker in these modes, so its periodic jobs run at least at each start.
            for command, _ in settings.PERIODIC_JOBS:
                call_command(command, stdout=StringIO())
        if not options["without_moments"]:
            self.load_first_moments()
            call_command("ensure_admin", stdout=self.stdout)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)

    def replace_database(self, unknown: list[str]) -> None:
        """Move a database with unknown migrations aside, or exit if it is not the embedded one.

        Its tables cannot be migrated: the migrations that made them no longer exist.
        """
        if settings.PRODUCTION or not is_embedded_database():
            sys.exit(
                "This database was made by an earlier version of MomentVerse and cannot be migrated: "
                f"the migrations {', '.join(unknown)} do not exist any more. "
                "Use an empty database, or serve this one with the version that made it."
            )
        connection.close()
        aside = move_database_aside(EMBEDDED_DATABASE)
        self.stdout.write(
            f"The database in {EMBEDDED_DATABASE.parent} was made by an earlier version of MomentVerse "
            "and cannot be migrated.\n"
            f"It is in {aside} now, with its accounts and moments; delete it if you do not need it.\n"
            "A new database is created. Uploaded pictures stay where they are."
        )

    def load_first_moments(self) -> None:
        """Run each command of ``FIRST_MOMENTS`` once, and again when a file that it reads has changed."""
        hashes = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        for command in settings.FIRST_MOMENTS:
            name, current = " ".join(command), compute_hash(command)
            if hashes.get(name) != current:
                short_name = name.replace(f"{settings.BASE_DIR}/", "")
                self.stdout.write(f"Loading real moments: {short_name} ...")
                report = StringIO()
                call_command(*command, verbosity=0, stdout=report)
                # Only the last line, which is the summary. It is normal that the importer
                # rejects some rows because their second is taken.
                self.stdout.write("".join(report.getvalue().splitlines()[-1:]))
                hashes[name] = current
                RECORD.write_text(json.dumps(hashes, indent=1))


def list_unknown_migrations() -> list[str]:
    """Return the migrations of our apps that the database has and this code does not."""
    loader = MigrationLoader(connection)
    unknown = loader.applied_migrations.keys() - loader.disk_migrations.keys()
    return sorted(f"{app}.{name}" for app, name in unknown if app in OWN_APPS)


def is_embedded_database() -> bool:
    """Return whether the database is the SQLite file in ``DATA_DIR``."""
    return connection.vendor == "sqlite" and connection.settings_dict["NAME"] == str(
        EMBEDDED_DATABASE
    )


def move_database_aside(path: Path) -> Path:
    """Rename a SQLite database, with its WAL and index files, and return its new path."""
    aside = path.with_name(f"{path.stem}-old-{timezone.now():%Y%m%d-%H%M%S}{path.suffix}")
    # The database itself is last. SQLite would apply a WAL that stays behind to the new database.
    for suffix in ("-wal", "-shm", ""):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    return aside


def compute_hash(command: list[str]) -> str:
    """Return a hash of a command and of the files in its arguments."""
    digest = hashlib.sha256(" ".join(command).encode())
    for argument in command:
        path = settings.BASE_DIR / argument
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_port_in_use(port: int) -> bool:
    """Return whether another program on this machine listens on ``port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
