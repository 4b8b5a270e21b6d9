"""``generate_moments``: disjoint test moments."""

import datetime as dt
import io
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from timeline.core.spans import parse_instant
from timeline.models import Moment, MomentTag, RollupDay, Tag, Visibility
from timeline.services import rollups
from timeline.services.imports.sample_data import (
    NoRoom,
    SampleData,
    count_free_seconds,
    divide_into_slots,
    iterate_gaps,
    plan_chunks,
)
from timeline.services.imports.sample_writer import generate_moments

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    call_command("generate_moments", *arguments, "--workers=1", stdout=out)
    return out.getvalue()


def spans(**conditions):
    return list(
        Moment.objects.filter(**conditions)
        .order_by("starts_at")
        .values_list("starts_at", "ends_at")
    )


def posix(text):
    return int(parse_instant(text).timestamp())


def test_it_works():
    assert "500 moments in" in run("500", "--from-year=2000", "--to-year=2001", "--owners=3")
    found = spans()
    assert len(found) == 500
    assert all(end <= start for (_, end), (start, _) in pairwise(found))
    assert found[0][0] >= parse_instant("2000-01-01")
    assert found[-1][1] <= parse_instant("2002-01-01")
    assert {user.handle for user in User.objects.all()} == {"load-001", "load-002", "load-003"}
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert list(rollups.find_differences()) == []
    assert not RollupDay.objects.filter(dirty=True).exists()


def test_every_moment_is_valid_and_marked_as_test_data():
    generate_moments(SampleData(200, 2000, 2000))
    moments = list(Moment.objects.order_by("starts_at").prefetch_related("moment_tags__tag"))
    for number, moment in enumerate(moments, 1):
        moment.full_clean()
        assert moment.title.startswith(f"Load moment {number:06}, ")
        assert "Test data" in moment.story
        assert moment.external_id == ""
        for tagged in moment.moment_tags.all():
            assert tagged.starts_at == moment.starts_at
            assert tagged.tag.name.startswith("load-")
    assert {moment.visibility for moment in moments} == set(Visibility.values)
    assert len({moment.ends_at - moment.starts_at for moment in moments}) > 50


def test_the_database_holds_the_rule_afterwards():
    generate_moments(SampleData(10, 2000, 2000))
    taken = Moment.objects.first()
    assert count_free_seconds(int(taken.starts_at.timestamp()), int(taken.ends_at.timestamp())) == 0


def test_the_same_seed_makes_the_same_spans():
    generate_moments(SampleData(50, 2000, 2000, seed=7))
    first = spans()
    Moment.objects.all().delete()
    generate_moments(SampleData(50, 2000, 2000, seed=7))
    assert spans() == first
    Moment.objects.all().delete()
    generate_moments(SampleData(50, 2000, 2000, seed=8))
    assert spans() != first


def test_tags_can_be_left_out():
    run("50", "--no-tags", "--from-year=2000", "--to-year=2000")
    assert not Tag.objects.exists()
    assert not MomentTag.objects.exists()


def test_what_is_there_is_gone_around(make_moment):
    there = [make_moment(f"2000-01-{day:02}T00:00:00Z", seconds=86_000) for day in range(1, 31)]
    generate_moments(SampleData(300, 2000, 2000))
    assert len(spans()) == 330
    assert Moment.objects.filter(pk__in=[moment.pk for moment in there]).count() == 30
    assert list(rollups.find_differences()) == []


def test_a_second_load_finds_room_beside_the_first():
    generate_moments(SampleData(300, 2000, 2000))
    generate_moments(SampleData(300, 2000, 2000))
    assert len(spans()) == 600


@pytest.mark.django_db(transaction=True)
def test_a_thin_load_is_spread_over_all_the_years():
    generate_moments(SampleData(121, 1900, 2020))
    starts = [start for start, _ in spans()]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) == 121
    assert max(gaps) < dt.timedelta(days=3 * 366)


@pytest.mark.django_db(transaction=True)
def test_the_ends_of_the_timeline_are_no_error():
    """Edge case 6."""
    generate_moments(SampleData(30, 1, 9999))
    assert len(spans()) == 30


def test_more_moments_than_free_seconds_are_refused_before_anything_is_written(
    monkeypatch, make_moment
):
    start = posix("2000-01-01")
    monkeypatch.setattr(SampleData, "bounds", (start, start + 100))
    make_moment("2000-01-01T00:00:10Z", seconds=20)
    with pytest.raises(CommandError, match=r"There is no room: .* have 80 free seconds, and 81"):
        run("81", "--from-year=2000", "--to-year=2000")
    assert len(spans()) == 1
    generate_moments(SampleData(80, 2000, 2000))
    assert count_free_seconds(start, start + 100) == 0
    assert len(spans()) == 81


def test_room_that_others_took_meanwhile_is_told(monkeypatch, make_moment):
    start = posix("2000-01-01")
    monkeypatch.setattr(SampleData, "bounds", (start, start + 100))
    load = SampleData(80, 2000, 2000)
    chunks = plan_chunks(load)
    monkeypatch.setattr("timeline.services.imports.sample_writer.plan_chunks", lambda load: chunks)
    make_moment("2000-01-01T00:00:10Z", seconds=50)
    with pytest.raises(NoRoom, match="50 of 80 were made"):
        generate_moments(load)


@pytest.mark.parametrize(
    "arguments",
    [
        ("0",),
        ("5", "--owners=0"),
        ("5", "--from-year=0"),
        ("5", "--to-year=10000"),
        ("5", "--from-year=2030"),
    ],
)
def test_numbers_that_make_no_sense_are_an_error(arguments):
    with pytest.raises(CommandError, match=r"Ask for one moment|Give two years"):
        run(*arguments)


def test_free_seconds_count_only_what_is_inside(make_moment):
    """Edge case 5: a moment that only touches the range takes nothing of it."""
    make_moment("2000-01-01T00:00:00Z", seconds=60)
    make_moment("2000-01-01T00:01:30Z", seconds=60)
    make_moment("2000-01-01T00:03:00Z", seconds=60)
    assert count_free_seconds(posix("2000-01-01T00:00:30Z"), posix("2000-01-01T00:03:00Z")) == 60
    assert list(iterate_gaps(posix("2000-01-01T00:00:30Z"), posix("2000-01-01T00:03:00Z"))) == [
        (posix("2000-01-01T00:01:00Z"), posix("2000-01-01T00:01:30Z")),
        (posix("2000-01-01T00:02:30Z"), posix("2000-01-01T00:03:00Z")),
    ]


@given(st.data())
def test_slots_are_equal_disjoint_and_use_up_the_free_time(data):
    lengths = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=8))
    gaps, at = [], 0
    for length in lengths:
        gaps.append((at, at + length))
        at += length + 1
    count = data.draw(st.integers(1, sum(lengths)))
    slots = [
        [second for piece in slot for second in range(*piece)]
        for slot in divide_into_slots(gaps, count)
    ]
    assert [second for slot in slots for second in slot] == [s for gap in gaps for s in range(*gap)]
    assert max(map(len, slots)) - min(map(len, slots)) <= 1
    assert min(map(len, slots)) >= 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_make_the_same_as_one(monkeypatch):
    monkeypatch.setattr("timeline.services.imports.sample_data.BATCH_ROWS", {"postgresql": 50})
    generate_moments(SampleData(500, 2000, 2001, seed=3), workers=1)
    one = spans()
    Moment.objects.all().delete()
    made = []
    generate_moments(SampleData(500, 2000, 2001, seed=3), made.append, workers=2)
    assert spans() == one
    assert (sum(made), len(made) > 5) == (500, True)
    assert list(rollups.find_differences()) == []


@pytest.mark.postgresql
def test_the_planner_knows_what_the_tables_hold():
    generate_moments(SampleData(300, 2000, 2000))
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'moments'::regclass")
        assert cursor.fetchone() == (300,)
