"""``manage.py worker``: empties the task queue and runs the periodic jobs of ``settings.PERIODIC_JOBS``."""

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

# How often the queue is looked at; and how many tasks may pass before a job that is due.
QUEUE_POLL_SECONDS = 1.0
MAX_TASKS_PER_ROUND = 100

Signals = queue.SimpleQueue[int]


class Command(BaseCommand):
    """Runs queued tasks, and each job when it is due, one at a time, until SIGTERM or SIGINT.

    A job is a management command, by name. Any number of workers may run:
    that two of a kind do not get in each other's way is the command's affair.
    """

    help = "Run queued tasks and the periodic jobs, until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        jobs: Sequence[tuple[str, float]] = settings.PERIODIC_JOBS
        unknown = {name for name, _ in jobs} - get_commands().keys()
        if unknown:
            raise CommandError(f"PERIODIC_JOBS names no command: {', '.join(sorted(unknown))}")
        with _catch_stop_signals() as told:
            _run_jobs(jobs, told)
        self.stdout.write("Stopped.")


def _run_jobs(jobs: Sequence[tuple[str, float]], told: Signals) -> None:
    due = dict.fromkeys(dict(jobs), time.monotonic())
    while True:
        for name, every in jobs:
            if not told.empty():
                return
            if due[name] <= time.monotonic():
                _run_job(name)
                due[name] = time.monotonic() + every
        with _log_failures("tasks"):
            _run_queued_tasks()
        wait = min(due.values()) - time.monotonic()
        if _is_stopped_within(told, min(wait, QUEUE_POLL_SECONDS) if _has_queue() else wait):
            return


def _is_stopped_within(told: Signals, seconds: float) -> bool:
    try:
        told.get(timeout=max(0.0, seconds))
    except queue.Empty:
        return False
    return True


def _run_job(name: str) -> None:
    """Run a job once."""
    output = io.StringIO()
    with _log_failures(name):
        call_command(name, stdout=output, stderr=output)
        logger.debug("job done: %s: %s", name, output.getvalue().strip())


def _has_queue() -> bool:
    # Not `default_task_backend`: that is a proxy, of no backend's class.
    return isinstance(task_backends[DEFAULT_TASK_BACKEND_ALIAS], DatabaseBackend)


def _run_queued_tasks() -> None:
    """Run what waits in the queue; nothing where tasks run at once."""
    if not _has_queue():
        return
    # Its command would take our signals over; its loop, in batches, does not.
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
    """Log what fails: neither that, nor a database that is away, must end the worker."""
    try:
        yield
    except (Exception, SystemExit):
        logger.exception("job failed: %s", name)
    finally:
        # Waiting needs no connection, and the next job gets one that works.
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()


@contextmanager
def _catch_stop_signals() -> Iterator[Signals]:
    """Yield a queue that SIGTERM and SIGINT are put in; a job under way is finished first.

    A queue, because an Event that a handler sets while it is waited for can lock up.
    """
    told: Signals = queue.SimpleQueue()
    before = {
        number: signal.signal(number, lambda received, _: told.put(received))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
