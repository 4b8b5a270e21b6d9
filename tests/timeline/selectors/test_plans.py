"""PostgreSQL's query plans: every list uses an index and reads a bounded number of rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.core.periods import Level, Period, get_period
from timeline.core.search_query import parse
from timeline.core.spans import Span
from timeline.models import Like, LikeTally, Moment, Picture
from timeline.selectors import availability, feeds, rollups, trending
from timeline.selectors import search as searching
from timeline.selectors.moments import (
    get_neighbours,
    get_neighbours_of_instant,
    get_tag_in_use,
    get_visible_moment,
    list_in_period,
    list_newest,
    list_on_day_of_year,
    list_same_day_of_year,
    list_tags_in_use,
)
from timeline.selectors.pagination import PAGE_SIZE, Cursor
from timeline.selectors.tiles import HOUR_TILE_DAYS, get_tile
from timeline.services.rollups import MAX_UNFOLDED_DAYS

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db]

MOMENTS = 15_000
# Tables that grow with the timeline. No query may scan all of one.
GROWING = {"moments", "moment_tags", "rollup_days", "moment_search", "like_tallies", "pictures"}


@pytest.fixture(scope="module")
def sample_data(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Create many moments in a few years, for all tests of this file."""
    with django_db_blocker.unblock():
        if connection.vendor != "postgresql":
            pytest.skip("about PostgreSQL")
        call_command(
            "generate_moments", MOMENTS, from_year=2000, to_year=2001, workers=1, verbosity=0
        )
        # A plan that joins an empty table says nothing about the plan with a full one.
        shown = list(Moment.objects.visible_to(None).values_list("pk", flat=True))
        Picture.objects.bulk_create(
            Picture(
                moment_id=pk, key=f"{pk:032x}", state=Picture.State.READY, width=400, height=300,
                placeholder="p" * 180, alt="What it shows, in a sentence of the usual length.",
            )
            for pk in shown
        )  # fmt: skip
        LikeTally.objects.bulk_create(LikeTally(moment_id=pk) for pk in shown)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    yield
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        connection.close()


@pytest.fixture
def middle_moment(sample_data: None, db: None) -> Moment:
    """A moment in the middle of the sample data."""
    return Moment.objects.visible_to(None).order_by("starts_at")[MOMENTS // 3]


def explain(read: Callable[[], Any]) -> list[dict[str, Any]]:
    """Run ``read`` and return the plan of each of its SELECTs, with actual row counts."""
    with CaptureQueriesContext(connection) as captured:
        read()
    plans = []
    with connection.cursor() as cursor:
        for query in captured:
            if query["sql"].lstrip("( \n").startswith(("SELECT", "WITH")):
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
                plans.append(cursor.fetchone()[0][0]["Plan"])
    return plans


def iter_executed_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan that were executed. PostgreSQL skips a branch whose condition is false."""
    if not plan["Actual Loops"]:
        return
    yield plan
    for part in plan.get("Plans", []):
        yield from iter_executed_nodes(part)


def count_rows_read(plan: dict[str, Any]) -> int:
    """Return the number of rows of growing tables that scans returned or filtered out."""
    return sum(
        round(
            node["Actual Loops"]
            * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
               + node.get("Rows Removed by Index Recheck", 0))
        )
        for node in iter_executed_nodes(plan)
        # A bitmap index scan has no relation name, only the name of its index.
        if node.get("Relation Name") in GROWING or node["Node Type"] == "Bitmap Index Scan"
    )  # fmt: skip


def assert_bounded(read: Callable[[], Any], rows: int) -> None:
    plans = explain(read)
    assert plans
    for plan in plans:
        scanned = {
            node["Relation Name"]
            for node in iter_executed_nodes(plan)
            if node["Node Type"] == "Seq Scan"
        }
        assert not scanned & GROWING, plan
        assert count_rows_read(plan) <= rows, plan


def test_it_works(middle_moment):
    """The check itself notices a scan of a whole table."""
    everything = Moment.objects.filter(title__contains="nowhere")
    with pytest.raises(AssertionError):
        assert_bounded(lambda: list(everything), 100)


def count_day_before(moment: Moment) -> int:
    """Return the number of moments in the 24 hours before one, which a period may read in addition."""
    start = moment.starts_at - dt.timedelta(days=1)
    return Moment.objects.filter(starts_at__gt=start, starts_at__lt=moment.starts_at).count()


def test_newest_page(middle_moment):
    assert_bounded(lambda: list_newest(None), PAGE_SIZE * 4 + 4)


def test_page_in_the_middle(middle_moment):
    for cursor in (Cursor(before=middle_moment.starts_at), Cursor(after=middle_moment.starts_at)):
        assert_bounded(lambda cursor=cursor: list_newest(None, cursor), PAGE_SIZE * 4 + 4)


@pytest.mark.parametrize("level", Level)
def test_moments_of_a_period(middle_moment, level):
    period = get_period(level, middle_moment.starts_at)
    bound = PAGE_SIZE * 4 + 4 + count_day_before(middle_moment)
    assert_bounded(lambda: list_in_period(None, period.starts_at, period.ends_at), bound)


@pytest.mark.parametrize("level", [Level.CENTURY, Level.YEAR, Level.MONTH, Level.DAY])
def test_tallies_of_a_period(middle_moment, level):
    """Reads folded periods and days that are not folded yet, or the moments of one day."""
    period = get_period(level, middle_moment.starts_at)
    day = 31 if level is Level.MONTH else MAX_UNFOLDED_DAYS
    assert_bounded(
        lambda: rollups.get_tally_with_children(period),
        max(day, 2 * count_day_before(middle_moment) + 50),
    )


def test_tallies_of_all_centuries(middle_moment):
    assert_bounded(rollups.get_timeline_tally_with_centuries, MAX_UNFOLDED_DAYS)


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.DAY])
def test_tile(middle_moment, level):
    # Without days: those of a year are half of this small table, so PostgreSQL rightly scans all of it.
    tile = get_tile(level, middle_moment.starts_at)
    hours = HOUR_TILE_DAYS * 2 * count_day_before(middle_moment) + 50
    assert_bounded(tile.get_tallies, hours if level is Level.HOUR else max(366, MAX_UNFOLDED_DAYS))


@pytest.mark.parametrize("level", [Level.DAY, Level.HOUR])
def test_occupied_intervals(middle_moment, level):
    period = get_period(level, middle_moment.starts_at)
    bound = 3 * count_day_before(middle_moment) + 50
    assert_bounded(lambda: availability.occupied_intervals(period.starts_at, period.ends_at), bound)


def test_neighbours(middle_moment):
    assert_bounded(lambda: get_neighbours(None, middle_moment), 4)


def test_neighbours_of_an_instant(middle_moment):
    assert_bounded(lambda: get_neighbours_of_instant(None, middle_moment.ends_at, size=5), 8)


def test_day_of_year(middle_moment):
    day = middle_moment.starts_at
    assert_bounded(lambda: list_on_day_of_year(None, day.month, day.day), PAGE_SIZE * 4 + 4)


def test_same_day_of_year(middle_moment):
    assert_bounded(lambda: list_same_day_of_year(None, middle_moment, size=3), 8)


def test_tag_page(middle_moment):
    tag = list_tags_in_use(None).rows[0]
    assert_bounded(lambda: list_newest(None, tag=tag), PAGE_SIZE * 6)


def test_later_tag_page(middle_moment):
    tag = list_tags_in_use(None).rows[0]
    for cursor in (Cursor(before=middle_moment.starts_at), Cursor(after=middle_moment.starts_at)):
        assert_bounded(lambda cursor=cursor: list_newest(None, cursor, tag=tag), PAGE_SIZE * 6)


def test_tags_in_use(middle_moment):
    """Reads the latest visible moment of each tag by the tag's index."""
    tags = list_tags_in_use(None).rows
    assert_bounded(lambda: list_tags_in_use(None), len(tags) * 10)
    assert_bounded(lambda: get_tag_in_use(None, tags[0].name), 10)


def test_one_moment(middle_moment):
    assert_bounded(lambda: get_visible_moment(None, middle_moment.pk), 10)


def test_conflict_with_a_span(middle_moment):
    span = Span(middle_moment.starts_at, middle_moment.ends_at)
    assert_bounded(lambda: availability.find_conflict(span), count_day_before(middle_moment) + 2)


def test_page_of_an_owner(middle_moment):
    """The owner also sees their hidden moments; the number of rows is still bounded."""
    assert_bounded(lambda: list_newest(middle_moment.user), PAGE_SIZE * 5)
    year = Period.of(2000)
    bound = PAGE_SIZE * 5 + count_day_before(middle_moment)
    assert_bounded(lambda: list_in_period(middle_moment.user, year.starts_at, year.ends_at), bound)


def test_trending(middle_moment):
    """Scans the index of heat, however many moments are liked."""
    moments = Moment.objects.visible_to(None)[:2000]
    Like.objects.bulk_create(Like(user=middle_moment.user, moment=moment) for moment in moments)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE like_tallies")
    assert_bounded(lambda: trending.list_trending(None, 20), 20 * 6)


@pytest.mark.parametrize(
    "words", ["test", "amber", "amber birch", "number-word-nowhere", "load -amber"]
)
def test_search(middle_moment, monkeypatch, words):
    """Scans the newest rows, then reads the matches in the index of words."""
    monkeypatch.setattr(searching, "MAX_SCANNED", 500)
    monkeypatch.setattr(searching, "MAX_RANKED", 20)
    titles = Moment.objects.visible_to(None).filter(title__contains="amber")
    both = titles.filter(title__contains="birch").count()
    assert_bounded(lambda: searching.search(None, parse(words)), 500 + 4 * both + 200)


def test_feeds(middle_moment):
    """The feeds of everybody, of a person and of a tag use an index."""
    bound = feeds.FEED_SIZE * 6
    assert_bounded(feeds.recently_published, bound)
    assert_bounded(lambda: feeds.recently_published_by(middle_moment.user), bound)
    tag = list_tags_in_use(None).rows[0]
    assert_bounded(lambda: feeds.recently_tagged(tag), bound)


def test_sitemap(middle_moment):
    """The index of sitemaps reads counts, and a sitemap only reads its own period."""
    assert_bounded(feeds.sitemap_periods, MAX_UNFOLDED_DAYS)
    month = get_period(Level.MONTH, middle_moment.starts_at)
    begin = Moment.objects.filter(starts_at__gte=month.starts_at, starts_at__lt=month.ends_at)
    # A bitmap scan counts rows twice: in the index and in the table.
    assert_bounded(lambda: feeds.sitemap_entries(month), 2 * begin.count())
