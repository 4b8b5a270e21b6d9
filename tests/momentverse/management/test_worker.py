"""``worker``: each job when it is due, until it is told to stop."""

import io
import os
import signal
import subprocess
import sys
import threading

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import OperationalError, connection
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from momentverse.management.commands import worker
from tests.support.servers import OURS, ROOT, wait_until

NAMES = ("fold_rollups", "erase_accounts")


@pytest.fixture
def jobs(settings, monkeypatch):
    """Return a function that makes the worker's jobs: a name, its seconds, what it does."""
    actions = {}

    def run(name, **options):
        actions[name]()

    monkeypatch.setattr(worker, "call_command", run)
    settings.PERIODIC_JOBS = []

    def make(name, every, action):
        settings.PERIODIC_JOBS.append((name, every))
        actions[name] = action

    return make


def stop(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def work():
    out = io.StringIO()
    call_command("worker", stdout=out)
    return out.getvalue()


def stopping_at(calls, times, name):
    """Return a job that notes its name and stops the worker at the given count of all calls."""

    def job():
        calls.append(name)
        if len(calls) == times:
            stop()

    return job


def test_it_works(jobs):
    calls = []
    jobs(NAMES[0], 0, stopping_at(calls, 5, "fold"))
    assert work() == "Stopped.\n"
    assert calls == ["fold"] * 5


def test_each_job_has_its_own_time(jobs):
    calls = []
    jobs(NAMES[0], 0.01, stopping_at(calls, 6, "often"))
    jobs(NAMES[1], 3600, lambda: calls.append("seldom"))
    work()
    assert calls == ["often", "seldom", "often", "often", "often", "often"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_job_under_way(jobs, number):
    before = signal.getsignal(number)
    calls = []

    def job():
        stop(number)
        calls.append("finished")

    jobs(NAMES[0], 3600, job)
    jobs(NAMES[1], 3600, lambda: calls.append("begun"))
    assert work() == "Stopped.\n"
    assert calls == ["finished"]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    "failure",
    [
        OperationalError("the server is gone"),
        CommandError("1 accounts could not be erased"),
        SystemExit(1),
        ValueError(),
    ],
)
def test_a_failing_job_does_not_end_it(jobs, caplog, failure):
    calls = []
    noted = stopping_at(calls, 2, "tried")

    def job():
        noted()
        if len(calls) == 1:
            raise failure

    jobs(NAMES[0], 0, job)
    assert work() == "Stopped.\n"
    assert calls == ["tried"] * 2
    assert "job failed: fold_rollups" in caplog.text


def test_a_job_that_does_not_exist_is_refused_at_once(jobs):
    jobs("brew_coffee", 60, stop)
    with pytest.raises(CommandError, match="brew_coffee"):
        work()


def test_the_jobs_of_the_settings_exist(settings):
    assert {name for name, _ in settings.PERIODIC_JOBS} <= get_commands().keys()
    assert all(every > 0 for _, every in settings.PERIODIC_JOBS)


@pytest.mark.django_db
def test_the_jobs_of_the_settings_run(settings, monkeypatch, caplog):
    ran = []
    run = worker.call_command

    def then_stop(name, **options):
        run(name, **options)
        ran.append(name)
        if len(ran) == len(settings.PERIODIC_JOBS):
            stop()

    monkeypatch.setattr(worker, "call_command", then_stop)
    assert work() == "Stopped.\n"
    assert ran == [name for name, _ in settings.PERIODIC_JOBS]
    assert "job failed" not in caplog.text


QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@task()
def say(words: str) -> None:
    said.append(words)


@task()
def fail() -> None:
    raise RuntimeError("a task that fails")


said: list[str] = []


@pytest.mark.django_db(transaction=True)
def test_the_queue_is_emptied(settings, jobs, caplog):
    """Tasks run between the jobs, and one that fails keeps nothing else from running."""
    settings.TASKS = QUEUE
    said.clear()
    say.enqueue("one")
    fail.enqueue()
    say.enqueue("two")
    assert said == []  # nothing runs where it is asked for

    rounds = []

    def stop_when_said():
        rounds.append(len(said))
        if len(said) == 2 or len(rounds) == 100:
            stop()

    jobs(NAMES[0], 0, stop_when_said)
    assert work() == "Stopped.\n"
    assert said == ["one", "two"]
    statuses = sorted(DBTaskResult.objects.values_list("status", flat=True))
    assert [status.lower() for status in statuses] == ["failed", "successful", "successful"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_run_a_task_once(settings):
    settings.TASKS = QUEUE
    said.clear()
    for number in range(20):
        say.enqueue(str(number))

    def empty():
        worker._run_queued_tasks()
        connection.close()

    threads = [threading.Thread(target=empty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said, key=int) == [str(number) for number in range(20)]


def test_a_signal_ends_its_wait(tmp_path):
    """As the process that the Procfile starts: idle until its next job, gone at SIGTERM."""
    log = tmp_path / "log"
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    environment = clean | {"DATA_DIR": str(tmp_path), "LOG_LEVEL": "DEBUG"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        # Its database has no tables: jobs fail, and the worker stays.
        wait_until(lambda: "job failed: clearsessions" in log.read_text(), "the first round")
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
        assert "Stopped." in log.read_text()
    finally:
        process.kill()
        process.wait()
