"""``check_rollups`` compares the stored counts with a recount (edge case 33)."""

import io

import pytest
from django.core.management import CommandError, call_command

from timeline.models import RollupDay, RollupPeriod
from timeline.services import rollups

pytestmark = pytest.mark.django_db


def test_it_works(make_moment):
    make_moment("1969-07-20T23:59:30Z")
    out = io.StringIO()
    call_command("check_rollups", stdout=out)
    assert out.getvalue() == "The stored counts equal a recount.\n"


def test_wrong_day_is_reported(make_moment):
    make_moment("1969-07-20T20:17:40Z")
    rollups.fold()
    RollupDay.objects.update(moments=5)
    out = io.StringIO()
    with pytest.raises(CommandError, match="differ from a recount: 1 times"):
        call_command("check_rollups", stdout=out)
    assert "day 1969-07-20: stored" in out.getvalue()


def test_wrong_year_is_reported(make_moment):
    make_moment("1969-07-20T20:17:40Z")
    rollups.fold()
    RollupPeriod.objects.filter(level="year").update(seconds=1)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("check_rollups", stdout=out)
    assert out.getvalue().startswith("year 1969-01-01: stored")
