"""Search: a query finds the same moments on both databases, and never a hidden one."""

from __future__ import annotations

import threading

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import scale_examples
from timeline.core.exceptions import SearchRefused
from timeline.core.search_query import MAX_LENGTH, parse
from timeline.core.spans import parse_instant
from timeline.db.search_index import drop_search_index, install_search_index
from timeline.models import Moment, MomentTag, Status, Tag, Visibility
from timeline.selectors import search as searching
from timeline.selectors.search import SearchCursor, search
from timeline.services.placement import save_moment

pytestmark = pytest.mark.django_db


def search_titles(words: str, viewer=None, **options) -> list[str]:
    return [hit.moment.title for hit in search(viewer, parse(words), **options).hits]


def get_indexed_ids() -> set[int]:
    """Return the ids of all moments in the index."""
    column = "rowid" if connection.vendor == "sqlite" else "moment_id"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM moment_search")
        return {pk for (pk,) in cursor.fetchall()}


def test_it_works(make_tagged_moment):
    make_tagged_moment(
        "1969-07-20", "moon", "apollo-11", title="The Eagle has landed", place="Tranquility Base",
        story="A small step onto grey dust.",
    )  # fmt: skip
    make_tagged_moment("1969-07-21", title="Something else")
    for words in ("eagle", "EAGLES", "moon", "apollo-11", "apollo", "tranquility", "dust", "landed",
                  "eagle moon dust", "@ada eagle"):  # fmt: skip
        assert search_titles(words) == ["The Eagle has landed"], words
    for words in ("seagle", "eagle venus", "eagle -moon", "@bob eagle", "@nobody-there eagle"):
        assert search_titles(words) == [], words


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ('"blue moon"', ["Blue moon"]),
        ("moon blue", ["Moon over blue water", "Blue moon"]),
        ('moon -"blue moon"', ["Moon over blue water", "Moon"]),
        ("water OR moon", ["Moon over blue water", "Moon", "Blue moon"]),
        ("moon -blue", ["Moon"]),
        ("water OR moon -blue", ["Moon over blue water", "Moon"]),
    ],
)
def test_phrases_alternatives_and_exclusions(make_moment, words, titles):
    make_moment("1969-07-20", title="Blue moon")
    make_moment("1969-07-21", title="Moon")
    make_moment("1969-07-22", title="Moon over blue water")
    assert sorted(search_titles(words)) == sorted(titles)


@pytest.mark.parametrize(
    "words", ["", "  ", '""', "-", "!?", "OR", "-moon", "moon OR -blue", "@ada"]
)
def test_search_without_a_positive_term_is_refused(words):
    with pytest.raises(SearchRefused):
        parse(words)


def test_too_long_search_is_refused():
    for words in ("x" * (MAX_LENGTH + 1), "x " * 30):
        with pytest.raises(SearchRefused):
            parse(words)


def test_title_weighs_more_than_story(make_moment):
    make_moment("1969-07-20", title="Eagle")
    make_moment("1969-07-21", title="Later", story="About an eagle, all in all.")
    assert search_titles("eagle") == ["Eagle", "Later"]


def test_search_between_two_instants(make_moment):
    for day in (19, 20, 21):
        make_moment(f"1969-07-{day}", title=f"Eagle {day}")
    start, end = parse_instant("1969-07-20"), parse_instant("1969-07-21")
    assert search_titles("eagle", start=start, end=end) == ["Eagle 20"]
    assert sorted(search_titles("eagle", start=start)) == ["Eagle 20", "Eagle 21"]


def test_hits_are_marked_and_texts_are_escaped(make_moment):
    """Edge case 22."""
    make_moment(
        "1969-07-20", title="<b>Eagle</b> & \ue000co\ue001",
        story="<script>alert(1)</script> said the eagle.",
    )  # fmt: skip
    (one,) = search(None, parse("eagle")).hits
    assert "<mark>Eagle</mark>" in one.title
    assert "<mark>eagle</mark>" in one.excerpt
    assert "&lt;b&gt;" in one.title
    assert "<b>" not in one.title
    assert "<script" not in one.excerpt


def test_pages_of_results_neither_repeat_nor_skip(make_moment, monkeypatch):
    """Edge case 18: across pages and across batches of ranked matches, while moments are added."""
    monkeypatch.setattr(searching, "MAX_RANKED", 7)
    query = parse("eagle")
    titles = [f"{'Eagle' if day % 3 else 'Nest'} {day}" for day in range(1, 21)]
    for day, title in enumerate(titles, 1):
        make_moment(f"1969-07-{day:02}", title=title, story="eagle")
    seen, cursor, rounds = [], SearchCursor(), 0
    while cursor is not None:
        results = search(None, query, cursor=cursor, size=3)
        seen += [hit.moment.title for hit in results.hits]
        cursor = results.next_cursor
        rounds += 1
        make_moment(f"1970-01-{rounds:02}", title="New", story="eagle")
        assert rounds < 30
    assert sorted(title for title in seen if title != "New") == sorted(titles)


def test_cursor_of_a_deleted_moment_still_works(make_moment):
    """Edge case 18."""
    moments = [make_moment(f"1969-07-{day:02}", title=f"Eagle {day}") for day in range(1, 5)]
    results = search(None, parse("eagle"), size=2)
    assert [hit.moment.title for hit in results.hits] == ["Eagle 4", "Eagle 3"]
    moments[2].delete()
    results = search(None, parse("eagle"), cursor=results.next_cursor, size=2)
    assert [hit.moment.title for hit in results.hits] == ["Eagle 2", "Eagle 1"]


# The index has public moments only.


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_hidden_moments_are_not_indexed(make_tagged_moment, owner, stranger, visibility):
    """Edge case 15: so they cannot influence results, ranks or the duration of a search."""
    make_tagged_moment("1969-07-20", "canary", title="Canary", visibility=visibility)
    for viewer in (None, stranger, owner):
        assert search_titles("canary", viewer) == []
    assert get_indexed_ids() == set()


@pytest.mark.parametrize("status", [Status.HELD, Status.PAYING, Status.REVOKED, Status.RELEASED])
def test_inactive_moments_are_not_indexed(make_moment, status):
    make_moment("1969-07-20", title="Canary", status=status, held_until=parse_instant("2100-01-01"))
    assert get_indexed_ids() == set()


def test_index_follows_every_change(make_tagged_moment):
    moment = make_tagged_moment("1969-07-20", "moon", title="Canary")
    Moment.objects.update(visibility=Visibility.PRIVATE)
    assert get_indexed_ids() == set()
    Moment.objects.update(visibility=Visibility.PUBLIC, title="Eagle")
    assert (search_titles("canary"), search_titles("eagle"), search_titles("moon")) == (
        [],
        ["Eagle"],
        ["Eagle"],
    )
    moment.refresh_from_db()
    moment.story, moment.place = "dust", "crater"
    save_moment(moment)
    assert (search_titles("dust"), search_titles("crater")) == (["Eagle"], ["Eagle"])
    moment.moment_tags.all().delete()
    assert search_titles("moon") == []
    tag = Tag.objects.get()
    MomentTag.objects.create(moment=moment, tag=tag)
    tag.name = "lunar"
    tag.save()
    assert (search_titles("moon"), search_titles("lunar")) == ([], ["Eagle"])
    Moment.objects.update(status=Status.REVOKED)
    assert get_indexed_ids() == set()
    Moment.objects.update(status=Status.ACTIVE)
    assert get_indexed_ids() == {moment.pk}
    moment.delete()
    assert get_indexed_ids() == set()


@pytest.mark.django_db(transaction=True)
def test_installing_the_index_fills_it_and_can_be_repeated(make_tagged_moment):
    """A migration that was killed runs again."""
    make_tagged_moment("1969-07-20", "moon", title="Eagle")
    make_tagged_moment("1969-07-21", title="Canary", visibility=Visibility.PRIVATE)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM moment_search")
    assert search_titles("eagle") == []
    with connection.schema_editor() as editor:
        install_search_index(apps, editor)
    with connection.schema_editor() as editor:
        install_search_index(apps, editor)
    assert (search_titles("eagle"), search_titles("moon"), len(get_indexed_ids())) == (
        ["Eagle"],
        ["Eagle"],
        1,
    )


@pytest.mark.django_db(transaction=True)
def test_dropping_and_installing_the_index_fills_it_again(make_moment):
    make_moment("1969-07-20", title="Eagle")
    with connection.schema_editor(atomic=False) as editor:
        drop_search_index(apps, editor)
    assert "moment_search" not in connection.introspection.table_names()
    with connection.schema_editor(atomic=False) as editor:
        install_search_index(apps, editor)
    assert "Eagle" in search_titles("eagle")


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_index(make_moment):
    make_moment("1969-07-20")
    call_command("flush", interactive=False, verbosity=0)
    assert get_indexed_ids() == set()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_concurrent_changes_of_title_and_tags_are_both_indexed(make_moment, close_connections):
    """The second transaction waits for the first, and indexes what both have written."""
    moment = make_moment("1969-07-20", title="Before")
    tags = [Tag.objects.create(name=f"tag-{number}") for number in range(8)]
    start = threading.Barrier(9)

    def retitle():
        start.wait()
        for number in range(8):
            Moment.objects.filter(pk=moment.pk).update(title=f"After {number}")
        connection.close()

    def tag_it(tag):
        start.wait()
        MomentTag.objects.create(moment=moment, tag=tag)
        connection.close()

    threads = [threading.Thread(target=retitle)]
    threads += [threading.Thread(target=tag_it, args=[tag]) for tag in tags]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = "after 7 " + " ".join(f'"tag-{number}"' for number in range(8))
    assert search_titles(everything) == ["After 7"]


@pytest.mark.postgresql
def test_slow_search_is_refused(make_moment, monkeypatch):
    make_moment("1969-07-20", title="Eagle")
    monkeypatch.setattr(searching, "STATEMENT_TIMEOUT", "1ms")
    monkeypatch.setattr(searching, "NEWEST_MATCHES_SQL", "SELECT pg_sleep(1)")
    with pytest.raises(SearchRefused, match="too much"):
        search_titles("eagle")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(200)
)
@given(text=st.text(max_size=60) | st.text(alphabet="ab \"-@OR*():^{}+\\'&|!<>~", max_size=30))
def test_no_input_causes_an_error(make_moment, text):
    """Random and hostile input causes no error, and none of it is interpreted as SQL."""
    text = text.encode(errors="replace").decode().replace("\0", "")
    try:
        query = parse(text)
    except SearchRefused:
        return
    search(None, query)
