"""``manage.py fold_rollups [--every SECONDS]``: the worker that keeps coarser counts folded."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from timeline import rollups

logger = logging.getLogger("timeline.rollups")


class Command(BaseCommand):
    """Adds the changes of changed days to their months, years and centuries."""

    help = "Add the changes of changed days to the counts of months, years and centuries."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every",
            type=float,
            metavar="SECONDS",
            help="do it again and again, until SIGTERM or SIGINT; default: once",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["every"] is None:
            self.stdout.write(f"{rollups.fold()} days folded.")
            return
        with _told_to_stop() as stop:
            while not stop.is_set():
                _fold_or_log()
                stop.wait(max(options["every"], 0))
        self.stdout.write("Stopped.")


def _fold_or_log() -> None:
    """Fold once. A database that is away for a while must not end the worker."""
    try:
        rollups.fold()
    except DatabaseError:
        logger.warning("rollups not folded", exc_info=True)
    finally:
        # Waiting needs no connection, and the next fold gets one that works.
        if not connection.in_atomic_block:
            connection.close()


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM or SIGINT sets; a fold under way is finished first."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
