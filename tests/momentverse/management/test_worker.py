"""``manage.py worker`` runs each job when it is due, and queued tasks, until it receives a signal."""

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
from tests.support.servers import ROOT, SITE_VARIABLES, wait_until

NAMES = ("fold_rollups", "erase_accounts")


@pytest.fixture
def jobs(settings, monkeypatch):
    """Return a function that adds a periodic job: its name, its interval in seconds, and its action."""
    actions = {}

    def run(name, **options):
        actions[name]()

    monkeypatch.setattr(worker, "call_command", run)
    settings.PERIODIC_JOBS = []

    def add(name, seconds, action):
        settings.PERIODIC_JOBS.append((name, seconds))
        actions[name] = action

    return add


def send_signal(number=signal.SIGTERM):
    os.kill(os.getpid(), number)


def run_worker():
    """Run the worker until a job stops it. Returns its output."""
    out = io.StringIO()
    call_command("worker", stdout=out)
    return out.getvalue()


def stop_after(calls, total, name):
    """Return a job that appends its name to ``calls`` and stops the worker after so many calls in total."""

    def job():
        calls.append(name)
        if len(calls) == total:
            send_signal()

    return job


def test_it_works(jobs):
    calls = []
    jobs(NAMES[0], 0, stop_after(calls, 5, "fold"))
    assert run_worker() == "Stopped.\n"
    assert calls == ["fold"] * 5


def test_each_job_has_its_own_interval(jobs):
    calls = []
    jobs(NAMES[0], 0.01, stop_after(calls, 6, "often"))
    jobs(NAMES[1], 3600, lambda: calls.append("rarely"))
    run_worker()
    assert calls == ["often", "rarely", "often", "often", "often", "often"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_worker_after_running_job(jobs, number):
    handler = signal.getsignal(number)
    calls = []

    def job():
        send_signal(number)
        calls.append("finished")

    jobs(NAMES[0], 3600, job)
    jobs(NAMES[1], 3600, lambda: calls.append("started"))
    assert run_worker() == "Stopped.\n"
    assert calls == ["finished"]
    assert signal.getsignal(number) is handler


@pytest.mark.parametrize(
    "failure",
    [
        OperationalError("the server is gone"),
        CommandError("1 accounts could not be erased"),
        SystemExit(1),
        ValueError(),
    ],
)
def test_failing_job_does_not_stop_worker(jobs, caplog, failure):
    calls = []
    attempt = stop_after(calls, 2, "tried")

    def job():
        attempt()
        if len(calls) == 1:
            raise failure

    jobs(NAMES[0], 0, job)
    assert run_worker() == "Stopped.\n"
    assert calls == ["tried"] * 2
    assert "job failed: fold_rollups" in caplog.text


def test_unknown_job_is_rejected_at_start(jobs):
    jobs("brew_coffee", 60, send_signal)
    with pytest.raises(CommandError, match="brew_coffee"):
        run_worker()


def test_configured_jobs_exist(settings):
    assert {name for name, _ in settings.PERIODIC_JOBS} <= get_commands().keys()
    assert all(seconds > 0 for _, seconds in settings.PERIODIC_JOBS)


@pytest.mark.django_db
def test_configured_jobs_run(settings, monkeypatch, caplog):
    ran = []
    run = worker.call_command

    def run_and_stop(name, **options):
        run(name, **options)
        ran.append(name)
        if len(ran) == len(settings.PERIODIC_JOBS):
            send_signal()

    monkeypatch.setattr(worker, "call_command", run_and_stop)
    assert run_worker() == "Stopped.\n"
    assert ran == [name for name, _ in settings.PERIODIC_JOBS]
    assert "job failed" not in caplog.text


QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@task()
def record(text: str) -> None:
    recorded.append(text)


@task()
def fail() -> None:
    raise RuntimeError("a task that fails")


recorded: list[str] = []


@pytest.mark.django_db(transaction=True)
def test_queued_tasks_run(settings, jobs, caplog):
    """Tasks run between the jobs, and one that fails does not stop the others."""
    settings.TASKS = QUEUE
    recorded.clear()
    record.enqueue("one")
    fail.enqueue()
    record.enqueue("two")
    assert recorded == []  # nothing runs when it is queued

    rounds = []

    def stop_when_recorded():
        rounds.append(len(recorded))
        if len(recorded) == 2 or len(rounds) == 100:
            send_signal()

    jobs(NAMES[0], 0, stop_when_recorded)
    assert run_worker() == "Stopped.\n"
    assert recorded == ["one", "two"]
    statuses = sorted(DBTaskResult.objects.values_list("status", flat=True))
    assert [status.lower() for status in statuses] == ["failed", "successful", "successful"]


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_run_each_task_once(settings):
    settings.TASKS = QUEUE
    recorded.clear()
    for number in range(20):
        record.enqueue(str(number))

    def run_tasks():
        worker._run_queued_tasks()
        connection.close()

    threads = [threading.Thread(target=run_tasks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recorded, key=int) == [str(number) for number in range(20)]


def test_signal_stops_waiting_process(tmp_path):
    """As the process of the Procfile, which waits for its next job."""
    log = tmp_path / "log"
    clean = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
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
        # The database has no tables, so the jobs fail, and the worker keeps running.
        wait_until(
            lambda: "job failed: clearsessions" in log.read_text(), "the first round is done"
        )
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
        assert "Stopped." in log.read_text()
    finally:
        process.kill()
        process.wait()
