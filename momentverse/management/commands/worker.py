"""``manage.py worker``: run queued tasks, and the periodic jobs of ``settings.PERIODIC_JOBS``."""

from __future__ import annotations

import io
import logging
import queue
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.crypto import get_random_string
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, task_backends
from django_tasks_db.backend import DatabaseBackend
from django_tasks_db.management.commands.db_worker import Worker as TaskRunner

logger = logging.getLogger("momentverse.worker")

# How often the queue is checked, and how many tasks may run before a job that is due.
QUEUE_POLL_SECONDS = 1.0
MAX_TASKS_PER_ROUND = 100

Signals = queue.SimpleQueue[int]


class Command(BaseCommand):
    """Runs queued tasks and periodic jobs, one at a time, until SIGTERM or SIGINT.

    A job is the name of a management command. Several workers may run at once, so each command
    must be safe to run twice at the same time.
    """

    help = "Run queued tasks and the periodic jobs, until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        jobs: Sequence[tuple[str, float]] = settings.PERIODIC_JOBS
        unknown = {name for name, _ in jobs} - get_commands().keys()
        if unknown:
            raise CommandError(f"PERIODIC_JOBS names no command: {', '.join(sorted(unknown))}")
        with _catch_stop_signals() as received:
            _run_until_stopped(jobs, received)
        self.stdout.write("Stopped.")


def _run_until_stopped(jobs: Sequence[tuple[str, float]], received: Signals) -> None:
    due = dict.fromkeys(dict(jobs), time.monotonic())
    while True:
        for name, seconds in jobs:
            if not received.empty():
                return
            if due[name] <= time.monotonic():
                _run_job(name)
                due[name] = time.monotonic() + seconds
        with _log_failures("tasks"):
            _run_queued_tasks()
        wait = min(due.values()) - time.monotonic()
        if _is_stopped_within(received, min(wait, QUEUE_POLL_SECONDS) if _has_queue() else wait):
            return


def _is_stopped_within(received: Signals, seconds: float) -> bool:
    """Wait for a signal. Returns whether one came."""
    try:
        received.get(timeout=max(0.0, seconds))
    except queue.Empty:
        return False
    return True


def _run_job(name: str) -> None:
    output = io.StringIO()
    with _log_failures(name):
        call_command(name, stdout=output, stderr=output)
        logger.debug("job done: %s: %s", name, output.getvalue().strip())


def _has_queue() -> bool:
    # `default_task_backend` would not do: it is a proxy, and not an instance of the backend's class.
    return isinstance(task_backends[DEFAULT_TASK_BACKEND_ALIAS], DatabaseBackend)


def _run_queued_tasks() -> None:
    """Run up to ``MAX_TASKS_PER_ROUND`` tasks. Without a queue tasks run at once, so there are none."""
    if not _has_queue():
        return
    # We use the loop of `db_worker`, in batch mode, because the command would replace our signal handlers.
    TaskRunner(
        queue_names=["*"],
        excluded_queue_names=[],
        interval=0,
        batch=True,
        backend_name=DEFAULT_TASK_BACKEND_ALIAS,
        startup_delay=False,
        max_tasks=MAX_TASKS_PER_ROUND,
        worker_id=get_random_string(32),
    ).run()


@contextmanager
def _log_failures(name: str) -> Iterator[None]:
    """Log any failure. Neither a failing job nor an unavailable database may end the worker."""
    try:
        yield
    except (Exception, SystemExit):
        logger.exception("job failed: %s", name)
    finally:
        # The worker needs no connection while it waits, and the next job opens one that works.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()


@contextmanager
def _catch_stop_signals() -> Iterator[Signals]:
    """Yield a queue that receives SIGTERM and SIGINT, so that a running job is finished first.

    A queue and not an Event: an Event can deadlock if a signal handler sets it while the main
    thread waits for it.
    """
    received: Signals = queue.SimpleQueue()
    handlers = {
        number: signal.signal(number, lambda caught, _: received.put(caught))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
