"""How PostgreSQL reads: by index, a bounded number of rows, whatever the table's size."""

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
# Tables that grow with the timeline: these must never be read from end to end.
GROWING = {"moments", "moment_tags", "rollup_days", "moment_search", "like_tallies", "pictures"}


@pytest.fixture(scope="module")
def load(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Many moments in a few years, for all tests of this file."""
    with django_db_blocker.unblock():
        if connection.vendor != "postgresql":
            pytest.skip("about PostgreSQL")
        call_command(
            "generate_moments", MOMENTS, from_year=2000, to_year=2001, workers=1, verbosity=0
        )
        # Beside an empty table a plan says nothing of one that is full.
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
def loaded(load: None, db: None) -> Moment:
    """One moment in the middle of the load."""
    return Moment.objects.visible_to(None).order_by("starts_at")[MOMENTS // 3]


def plans_of(read: Callable[[], Any]) -> list[dict[str, Any]]:
    """Run ``read`` and return the plan, with actual row counts, of each of its SELECTs."""
    with CaptureQueriesContext(connection) as captured:
        read()
    plans = []
    with connection.cursor() as cursor:
        for query in captured:
            if query["sql"].lstrip("( \n").startswith(("SELECT", "WITH")):
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
                plans.append(cursor.fetchone()[0][0]["Plan"])
    return plans


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a plan that were begun; a condition known beforehand may spare one."""
    if not plan["Actual Loops"]:
        return
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def rows_read(plan: dict[str, Any]) -> int:
    """Rows that scans of growing tables produced or threw away."""
    return sum(
        round(
            node["Actual Loops"]
            * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
               + node.get("Rows Removed by Index Recheck", 0))
        )
        for node in nodes(plan)
        # A bitmap's index part names no relation, only its index.
        if node.get("Relation Name") in GROWING or node["Node Type"] == "Bitmap Index Scan"
    )  # fmt: skip


def assert_bounded(read: Callable[[], Any], rows: int) -> None:
    plans = plans_of(read)
    assert plans
    for plan in plans:
        scanned = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}
        assert not scanned & GROWING, plan
        assert rows_read(plan) <= rows, plan


def test_it_works(loaded):
    """The measure itself: a scan from end to end is seen as one."""
    everything = Moment.objects.filter(title__contains="nowhere")
    with pytest.raises(AssertionError):
        assert_bounded(lambda: list(everything), 100)


def day_before(moment: Moment) -> int:
    """How many live moments there are in the 24 hours before one: what a window may read besides."""
    start = moment.starts_at - dt.timedelta(days=1)
    return Moment.objects.filter(starts_at__gt=start, starts_at__lt=moment.starts_at).count()


def test_the_newest_page(loaded):
    assert_bounded(lambda: list_newest(None), PAGE_SIZE * 4 + 4)


def test_a_page_in_the_middle(loaded):
    for cut in (Cursor(before=loaded.starts_at), Cursor(after=loaded.starts_at)):
        assert_bounded(lambda cut=cut: list_newest(None, cut), PAGE_SIZE * 4 + 4)


@pytest.mark.parametrize("level", Level)
def test_the_window_of_a_period(loaded, level):
    period = get_period(level, loaded.starts_at)
    bound = PAGE_SIZE * 4 + 4 + day_before(loaded)
    assert_bounded(lambda: list_in_period(None, period.starts_at, period.ends_at), bound)


@pytest.mark.parametrize("level", [Level.CENTURY, Level.YEAR, Level.MONTH, Level.DAY])
def test_the_counts_of_a_period(loaded, level):
    """Folded periods, the days not folded yet, or one day's moments: never the whole table."""
    period = get_period(level, loaded.starts_at)
    day = 31 if level is Level.MONTH else MAX_UNFOLDED_DAYS
    assert_bounded(
        lambda: rollups.get_tally_with_children(period), max(day, 2 * day_before(loaded) + 50)
    )


def test_all_centuries(loaded):
    assert_bounded(rollups.get_timeline_tally_with_centuries, MAX_UNFOLDED_DAYS)


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.DAY])
def test_a_tile_of_counts(loaded, level):
    # A year's days are half of this small table, which is then rightly read from end to end.
    tile = get_tile(level, loaded.starts_at)
    hours = HOUR_TILE_DAYS * 2 * day_before(loaded) + 50
    assert_bounded(tile.get_tallies, hours if level is Level.HOUR else max(366, MAX_UNFOLDED_DAYS))


@pytest.mark.parametrize("level", [Level.DAY, Level.HOUR])
def test_what_is_taken(loaded, level):
    period = get_period(level, loaded.starts_at)
    bound = 3 * day_before(loaded) + 50
    assert_bounded(lambda: availability.occupied_intervals(period.starts_at, period.ends_at), bound)


def test_neighbours(loaded):
    assert_bounded(lambda: get_neighbours(None, loaded), 4)


def test_what_is_around_now(loaded):
    assert_bounded(lambda: get_neighbours_of_instant(None, loaded.ends_at, size=5), 8)


def test_a_day_of_any_year(loaded):
    day = loaded.starts_at
    assert_bounded(lambda: list_on_day_of_year(None, day.month, day.day), PAGE_SIZE * 4 + 4)


def test_other_moments_of_its_day(loaded):
    assert_bounded(lambda: list_same_day_of_year(None, loaded, size=3), 8)


def test_a_tags_page(loaded):
    tag = list_tags_in_use(None).rows[0]
    assert_bounded(lambda: list_newest(None, tag=tag), PAGE_SIZE * 6)


def test_a_tags_later_page(loaded):
    tag = list_tags_in_use(None).rows[0]
    for cut in (Cursor(before=loaded.starts_at), Cursor(after=loaded.starts_at)):
        assert_bounded(lambda cut=cut: list_newest(None, cut, tag=tag), PAGE_SIZE * 6)


def test_the_tags_in_use(loaded):
    """Of each tag its latest visible moment, found by a walk along the tag's index."""
    tags = list_tags_in_use(None).rows
    assert_bounded(lambda: list_tags_in_use(None), len(tags) * 10)
    assert_bounded(lambda: get_tag_in_use(None, tags[0].name), 10)


def test_one_moment(loaded):
    assert_bounded(lambda: get_visible_moment(None, loaded.pk), 10)


def test_who_holds_a_span(loaded):
    span = Span(loaded.starts_at, loaded.ends_at)
    assert_bounded(lambda: availability.find_conflict(span), day_before(loaded) + 2)


def test_a_signed_in_viewers_page(loaded):
    """An owner's view adds their own hidden moments and is bounded as well."""
    assert_bounded(lambda: list_newest(loaded.user), PAGE_SIZE * 5)
    year = Period.of(2000)
    bound = PAGE_SIZE * 5 + day_before(loaded)
    assert_bounded(lambda: list_in_period(loaded.user, year.starts_at, year.ends_at), bound)


def test_what_trends(loaded):
    """A walk along the index of heat, however many moments are liked."""
    moments = Moment.objects.visible_to(None)[:2000]
    Like.objects.bulk_create(Like(user=loaded.user, moment=moment) for moment in moments)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE like_tallies")
    assert_bounded(lambda: trending.list_trending(None, 20), 20 * 6)


@pytest.mark.parametrize(
    "words", ["test", "amber", "amber birch", "number-word-nowhere", "load -amber"]
)
def test_a_search(loaded, monkeypatch, words):
    """The newest are looked through; then the words' index is asked, for no more than match."""
    monkeypatch.setattr(searching, "MAX_SCANNED", 500)
    monkeypatch.setattr(searching, "MAX_RANKED", 20)
    titles = Moment.objects.visible_to(None).filter(title__contains="amber")
    both = titles.filter(title__contains="birch").count()
    assert_bounded(lambda: searching.search(None, parse(words)), 500 + 4 * both + 200)


def test_what_is_new(loaded):
    """Feeds: by index, of everybody, of a person, of a tag."""
    bound = feeds.FEED_SIZE * 6
    assert_bounded(feeds.recently_published, bound)
    assert_bounded(lambda: feeds.recently_published_by(loaded.user), bound)
    tag = list_tags_in_use(None).rows[0]
    assert_bounded(lambda: feeds.recently_tagged(tag), bound)


def test_a_sitemap(loaded):
    """The index reads counts; a file reads its own period and no more."""
    assert_bounded(feeds.sitemap_periods, MAX_UNFOLDED_DAYS)
    month = get_period(Level.MONTH, loaded.starts_at)
    begin = Moment.objects.filter(starts_at__gte=month.starts_at, starts_at__lt=month.ends_at)
    # A bitmap's rows count twice: in its index and in its table.
    assert_bounded(lambda: feeds.sitemap_entries(month), 2 * begin.count())
