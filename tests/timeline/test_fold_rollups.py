"""``fold_rollups``: once, or again and again until it is told to stop."""

import io
import os
import signal

import pytest
from django.core.management import call_command
from django.db import OperationalError

from timeline import rollups
from timeline.models import RollupDay


def run(**options):
    out = io.StringIO()
    call_command("fold_rollups", stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_it_works(make_moment):
    make_moment("1969-07-20T20:17:40Z")
    assert run() == "1 days folded.\n"
    assert run() == "0 days folded.\n"
    assert not RollupDay.objects.filter(dirty=True).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_fold_under_way(make_moment, monkeypatch, number):
    make_moment("1969-07-20T20:17:40Z")
    before = signal.getsignal(number)
    fold = rollups.fold

    def told_while_folding():
        os.kill(os.getpid(), number)
        return fold()

    monkeypatch.setattr(rollups, "fold", told_while_folding)
    assert run(every=3600) == "Stopped.\n"
    assert not RollupDay.objects.filter(dirty=True).exists()
    assert signal.getsignal(number) is before


@pytest.mark.django_db
def test_it_folds_again_and_again(monkeypatch):
    calls = []

    def fold():
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setattr(rollups, "fold", fold)
    run(every=0)
    assert len(calls) == 3


@pytest.mark.django_db
def test_a_database_that_is_away_does_not_end_it(monkeypatch, caplog):
    calls = []

    def fold():
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the server is gone")
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setattr(rollups, "fold", fold)
    assert run(every=0) == "Stopped.\n"
    assert "rollups not folded" in caplog.text
