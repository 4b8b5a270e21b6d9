"""``fold_rollups`` folds once; the worker runs it periodically."""

import io

import pytest
from django.core.management import call_command

from timeline.models import RollupDay


def run():
    out = io.StringIO()
    call_command("fold_rollups", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_it_works(make_moment):
    make_moment("1969-07-20T20:17:40Z")
    assert run() == "1 days folded.\n"
    assert run() == "0 days folded.\n"
    assert not RollupDay.objects.filter(dirty=True).exists()
