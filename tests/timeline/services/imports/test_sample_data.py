"""``generate_moments``: many disjoint test moments."""

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
    to_seconds,
)
from timeline.services.imports.sample_writer import generate_moments

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    call_command("generate_moments", *arguments, "--workers=1", stdout=out)
    return out.getvalue()


def list_spans(**conditions):
    return list(
        Moment.objects.filter(**conditions)
        .order_by("starts_at")
        .values_list("starts_at", "ends_at")
    )


def to_posix(text):
    return int(parse_instant(text).timestamp())


def test_it_works():
    assert "500 moments in" in run("500", "--from-year=2000", "--to-year=2001", "--owners=3")
    spans = list_spans()
    assert len(spans) == 500
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert spans[0][0] >= parse_instant("2000-01-01")
    assert spans[-1][1] <= parse_instant("2002-01-01")
    assert {user.handle for user in User.objects.all()} == {"load-001", "load-002", "load-003"}
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert list(rollups.find_differences()) == []
    assert not RollupDay.objects.filter(dirty=True).exists()


def test_moments_are_valid_and_marked_as_test_data():
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


def test_created_moments_occupy_their_spans():
    generate_moments(SampleData(10, 2000, 2000))
    moment = Moment.objects.first()
    assert count_free_seconds(to_seconds(moment.starts_at), to_seconds(moment.ends_at)) == 0


def test_same_seed_gives_the_same_spans():
    generate_moments(SampleData(50, 2000, 2000, seed=7))
    first = list_spans()
    Moment.objects.all().delete()
    generate_moments(SampleData(50, 2000, 2000, seed=7))
    assert list_spans() == first
    Moment.objects.all().delete()
    generate_moments(SampleData(50, 2000, 2000, seed=8))
    assert list_spans() != first


def test_tags_can_be_omitted():
    run("50", "--no-tags", "--from-year=2000", "--to-year=2000")
    assert not Tag.objects.exists()
    assert not MomentTag.objects.exists()


def test_existing_moments_are_kept_and_avoided(make_moment):
    existing = [make_moment(f"2000-01-{day:02}T00:00:00Z", seconds=86_000) for day in range(1, 31)]
    generate_moments(SampleData(300, 2000, 2000))
    assert len(list_spans()) == 330
    assert Moment.objects.filter(pk__in=[moment.pk for moment in existing]).count() == 30
    assert list(rollups.find_differences()) == []


def test_second_run_fills_the_remaining_time():
    generate_moments(SampleData(300, 2000, 2000))
    generate_moments(SampleData(300, 2000, 2000))
    assert len(list_spans()) == 600


@pytest.mark.django_db(transaction=True)
def test_few_moments_are_spread_over_all_years():
    generate_moments(SampleData(121, 1900, 2020))
    starts = [start for start, _ in list_spans()]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) == 121
    assert max(gaps) < dt.timedelta(days=3 * 366)


@pytest.mark.django_db(transaction=True)
def test_whole_timeline_can_be_filled():
    """Edge case 6."""
    generate_moments(SampleData(30, 1, 9999))
    assert len(list_spans()) == 30


def test_more_moments_than_free_seconds_are_refused_before_writing(monkeypatch, make_moment):
    start = to_posix("2000-01-01")
    monkeypatch.setattr(SampleData, "bounds", (start, start + 100))
    make_moment("2000-01-01T00:00:10Z", seconds=20)
    with pytest.raises(CommandError, match=r"There is no room: .* have 80 free seconds, and 81"):
        run("81", "--from-year=2000", "--to-year=2000")
    assert len(list_spans()) == 1
    generate_moments(SampleData(80, 2000, 2000))
    assert count_free_seconds(start, start + 100) == 0
    assert len(list_spans()) == 81


def test_error_if_others_occupied_free_time_meanwhile(monkeypatch, make_moment):
    start = to_posix("2000-01-01")
    monkeypatch.setattr(SampleData, "bounds", (start, start + 100))
    sample = SampleData(80, 2000, 2000)
    chunks = plan_chunks(sample)
    monkeypatch.setattr(
        "timeline.services.imports.sample_writer.plan_chunks", lambda _sample: chunks
    )
    make_moment("2000-01-01T00:00:10Z", seconds=50)
    with pytest.raises(NoRoom, match="50 of 80 were made"):
        generate_moments(sample)


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
def test_invalid_arguments_are_an_error(arguments):
    with pytest.raises(CommandError, match=r"Ask for one moment|Give two years"):
        run(*arguments)


def test_only_time_inside_the_range_counts(make_moment):
    """Edge case 5: a moment that is only adjacent to the range occupies nothing of it."""
    make_moment("2000-01-01T00:00:00Z", seconds=60)
    make_moment("2000-01-01T00:01:30Z", seconds=60)
    make_moment("2000-01-01T00:03:00Z", seconds=60)
    assert (
        count_free_seconds(to_posix("2000-01-01T00:00:30Z"), to_posix("2000-01-01T00:03:00Z")) == 60
    )
    assert list(
        iterate_gaps(to_posix("2000-01-01T00:00:30Z"), to_posix("2000-01-01T00:03:00Z"))
    ) == [
        (to_posix("2000-01-01T00:01:00Z"), to_posix("2000-01-01T00:01:30Z")),
        (to_posix("2000-01-01T00:02:30Z"), to_posix("2000-01-01T00:03:00Z")),
    ]


@given(st.data())
def test_slots_are_equal_and_disjoint_and_cover_the_free_time(data):
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
def test_two_workers_create_the_same_moments_as_one(monkeypatch):
    monkeypatch.setattr("timeline.services.imports.sample_data.BATCH_ROWS", {"postgresql": 50})
    generate_moments(SampleData(500, 2000, 2001, seed=3), workers=1)
    expected = list_spans()
    Moment.objects.all().delete()
    batches = []
    generate_moments(SampleData(500, 2000, 2001, seed=3), batches.append, workers=2)
    assert list_spans() == expected
    assert (sum(batches), len(batches) > 5) == (500, True)
    assert list(rollups.find_differences()) == []


@pytest.mark.postgresql
def test_table_statistics_are_updated():
    generate_moments(SampleData(300, 2000, 2000))
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'moments'::regclass")
        assert cursor.fetchone() == (300,)
