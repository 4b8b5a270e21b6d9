"""Moments and tags in the admin."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.support.text import collapse_whitespace
from timeline.core.exceptions import TimelineBusy
from timeline.models import Moment, MomentTag, Status, Tag, Visibility
from timeline.services import placement, rollups

LIST = "/admin/timeline/moment/"
pytestmark = pytest.mark.django_db


def build_form_data(owner, **fields):
    return {
        "title": "Landing", "story": "", "place": "", "user": owner.pk, "time_zone": "UTC",
        "visibility": "public", "source": "",
        "starts_at_0": "1969-07-20", "starts_at_1": "20:17:40",
        "ends_at_0": "1969-07-20", "ends_at_1": "20:18:40",
        "tag_list": "",
    } | fields  # fmt: skip


def test_it_works(admin_client, make_moment):
    make_moment("1969-07-20T20:17:40Z", title="Landing")
    page = admin_client.get(LIST)
    assert page.status_code == 200
    assert "Landing" in page.text


@pytest.mark.parametrize("url", [LIST, LIST + "add/", "/admin/timeline/tag/", "/admin/"])
def test_it_checks_access(client, owner, url):
    client.force_login(owner)
    assert client.get(url).status_code == 302


@pytest.mark.parametrize(
    ("query", "expected"),
    [("land", True), ("1969", True), ("1969-07", True), ("1969-07-20", True), ("1970", False),
     ("@ada", True), ("@bob", False), ("1969-99", False), ("0000", False),
     ("x" * 2000, False)],
)  # fmt: skip
def test_search_finds_titles_periods_and_owners(admin_client, make_moment, query, expected):
    make_moment("1969-07-20", title="Landing")
    page = admin_client.get(f"{LIST}?q={query}")
    assert page.status_code == 200
    assert ("field-title" in page.text) == expected


def test_search_finds_an_id(admin_client, make_moment):
    moment = make_moment("1969-07-20")
    make_moment("1969-07-21")
    assert admin_client.get(f"{LIST}?q={moment.public_id}").text.count("field-title") == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [("status__exact=active", 2), ("status__exact=revoked", 0), ("visibility__exact=private", 1),
     ("period=1969", 1), ("period=2026", 0), ("period=junk", 2)],
)  # fmt: skip
def test_filters(admin_client, make_moment, query, expected):
    make_moment("1969-07-20")
    make_moment("1971-07-21", visibility=Visibility.PRIVATE)
    page = admin_client.get(f"{LIST}?{query}")
    assert page.text.count("field-title") == expected


def test_word_of_eleven_letters_is_not_treated_as_an_id(admin_client, make_moment):
    make_moment("1969-07-20", title="Earthquakes of the Moon")
    assert "field-title" in admin_client.get(f"{LIST}?q=Earthquakes").text


@pytest.mark.parametrize("page", ["change", "delete"])
def test_number_of_queries_does_not_depend_on_tags(admin_client, make_tagged_moment, page):
    def queries(moment):
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(f"{LIST}{moment.pk}/{page}/").status_code == 200
        return len(captured)

    first = make_tagged_moment("1969-07-20", "one")
    queries(first)  # fill Django's own caches
    baseline = queries(first)
    assert queries(make_tagged_moment("1969-07-21", *(f"tag-{n}" for n in range(12)))) == baseline


def test_tag_is_deleted_without_listing_its_moments(admin_client, make_tagged_moment):
    make_tagged_moment("1969-07-20", "moon")
    tag = Tag.objects.get()
    page = admin_client.get(f"/admin/timeline/tag/{tag.pk}/delete/")
    assert "moon" in page.text
    admin_client.post(f"/admin/timeline/tag/{tag.pk}/delete/", {"post": "yes"})
    assert not Tag.objects.exists()
    assert Moment.objects.count() == 1


@pytest.mark.parametrize("mode", ["one", "many"])
def test_locked_days_are_reported_and_nothing_is_deleted(
    admin_client, make_moment, monkeypatch, mode
):
    moment = make_moment("1969-07-20")

    def busy(days):
        raise TimelineBusy("Many people are writing here.")

    monkeypatch.setattr(placement, "_lock_days", busy)
    if mode == "one":
        url, fields = f"{LIST}{moment.pk}/delete/", {"post": "yes"}
    else:
        url, fields = LIST, select(moment, action="delete_selected", post="yes")
    page = admin_client.post(url, fields, follow=True)
    assert page.status_code == 200
    assert "Many people are writing here." in page.text
    assert Moment.objects.exists()
    assert not LogEntry.objects.exists()


def test_list_neither_counts_the_table_nor_queries_each_row(admin_client, make_moment):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            admin_client.get(LIST)
        return [query["sql"] for query in captured if "moments" in query["sql"]]

    make_moment("1969-07-20T00:00:00Z")
    baseline = queries()
    for minute in range(1, 20):
        make_moment(f"1969-07-20T00:{minute:02}:00Z")
    many = queries()
    assert len(many) == len(baseline) <= 3
    for sql in many:
        assert "COUNT" not in sql or "LIMIT 10000" in sql, sql


def test_moment_is_added(admin_client, owner):
    response = admin_client.post(LIST + "add/", build_form_data(owner))
    assert response.status_code == 302
    moment = Moment.objects.get()
    assert (moment.status, moment.starts_iso) == (Status.ACTIVE, "1969-07-20T20:17:40Z")
    assert moment.tzdata_version


def test_moment_is_added_with_tags(admin_client, owner):
    admin_client.post(LIST + "add/", build_form_data(owner, tag_list="Moon, first steps,"))
    moment = Moment.objects.get()
    assert {tag.name for tag in moment.tags.all()} == {"moon", "first-steps"}
    assert {link.starts_at for link in MomentTag.objects.all()} == {moment.starts_at}
    url = f"{LIST}{moment.pk}/change/"
    assert 'value="first-steps, moon"' in admin_client.get(url).text
    admin_client.post(url, build_form_data(owner, tag_list="apollo, moon"))
    assert {tag.name for tag in moment.tags.all()} == {"moon", "apollo"}


def test_overlap_is_an_error_of_the_form(admin_client, make_moment, owner):
    """Edge case 31: the same constraint as on the site, with a readable error."""
    make_moment("1969-07-20T20:18:39Z", title="First come")
    response = admin_client.post(LIST + "add/", build_form_data(owner))
    assert response.status_code == 200
    assert "This span is taken: “First come” holds 20 July 1969, 20:18:39 UTC" in response.text
    assert Moment.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_span_taken_between_check_and_save_is_an_error_of_the_form(
    admin_client, make_moment, owner, monkeypatch
):
    """Somebody else takes the span after the form's check has passed.

    On SQLite the form's transaction is the only writer from its beginning, so
    nobody can.
    """
    real = placement.save_moment

    def come_first():
        make_moment("1969-07-20T20:17:40Z", title="Somebody else")
        connection.close()

    def place(moment):
        monkeypatch.setattr(placement, "save_moment", real)
        with ThreadPoolExecutor(1) as other:
            other.submit(come_first).result()
        return real(moment)

    monkeypatch.setattr(placement, "save_moment", place)
    response = admin_client.post(LIST + "add/", build_form_data(owner))
    assert response.status_code == 200
    assert "This span is taken: “Somebody else” holds" in response.text
    assert Moment.objects.get().title == "Somebody else"


def test_moving_a_moment_checks_for_overlaps(admin_client, make_moment, owner):
    make_moment("1970-01-01", title="First come")
    moment = make_moment("1969-07-20T20:17:40Z")
    url = f"{LIST}{moment.pk}/change/"
    occupied = build_form_data(owner, starts_at_0="1970-01-01", starts_at_1="00:00:30",
                    ends_at_0="1970-01-01", ends_at_1="00:02:00")  # fmt: skip
    assert "This span is taken" in admin_client.post(url, occupied).text
    free = build_form_data(owner, ends_at_1="20:30:00")
    assert admin_client.post(url, free).status_code == 302
    moment.refresh_from_db()
    assert moment.length == "12 min 20 s"


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"ends_at_1": "20:17:40"}, "ends after it starts"),
     ({"ends_at_0": "1969-07-22"}, "24 hours"),
     ({"starts_at_1": "20:17:60"}, "valid time"),
     ({"title": "\u200b"}, "can be seen"),
     ({"title": "a\x00"}, "Null characters"),
     ({"time_zone": "Moon/Tranquility"}, "time zone such as"),
     ({"tag_list": "日本"}, "no letter from a to z"),
     ({"starts_at_0": "0001-01-01", "ends_at_0": "0001-01-01"}, "runs from")],
)  # fmt: skip
def test_invalid_input_is_an_error_of_the_form(admin_client, owner, fields, message):
    response = admin_client.post(LIST + "add/", build_form_data(owner, **fields))
    assert response.status_code == 200
    assert message in response.text
    assert not Moment.objects.exists()


def select(*moments, **fields):
    return {"_selected_action": [moment.pk for moment in moments]} | fields


def test_revoke_asks_for_confirmation(admin_client, make_moment):
    moment = make_moment("1969-07-20", title="Landing")
    page = admin_client.post(LIST, select(moment, action="revoke_moments"))
    assert "You are about to revoke 1 moment" in collapse_whitespace(page.text)
    assert "Landing" in page.text
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_revoke_needs_a_reason(admin_client, make_moment):
    moment = make_moment("1969-07-20")
    page = admin_client.post(
        LIST, select(moment, action="revoke_moments", confirmed="1", reason="")
    )
    assert "This field is required" in page.text
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_revoke_is_logged(admin_client, make_moment):
    moment = make_moment("1969-07-20")
    fields = select(moment, action="revoke_moments", confirmed="1", reason="asked by the owner")
    page = admin_client.post(LIST, fields, follow=True)
    assert "1 done: revoke." in page.text
    moment.refresh_from_db()
    assert (moment.status, moment.status_reason) == (Status.REVOKED, "asked by the owner")
    entry = LogEntry.objects.get()
    assert "asked by the owner" in entry.change_message
    assert entry.user == User.objects.get(is_superuser=True)
    assert rollups.find_differences() == []


def test_release_of_an_active_moment_shows_an_error(admin_client, make_moment):
    moment = make_moment("1969-07-20", title="Landing")
    fields = select(moment, action="release_moments", confirmed="1", reason="x")
    page = admin_client.post(LIST, fields, follow=True)
    assert "“Landing” is active and cannot become released." in page.text
    assert not LogEntry.objects.exists()


def test_bulk_delete_frees_spans_and_updates_counts(admin_client, make_moment):
    """Edge case 32."""
    moments = [make_moment(f"1969-07-2{day}") for day in range(3)]
    page = admin_client.post(
        LIST, select(*moments, action="delete_selected", post="yes"), follow=True
    )
    assert "Successfully deleted 3 moments" in page.text
    assert rollups.find_differences() == []
    assert make_moment("1969-07-20").pk


def test_owner_with_moments_cannot_be_deleted(admin_client, make_moment, owner):
    make_moment("1969-07-20")
    page = admin_client.get(f"/admin/accounts/user/{owner.pk}/delete/")
    assert re.search(
        r"would require deleting|cannot be deleted|protected", page.text, re.IGNORECASE
    )


def test_admin_csp_differs_only_in_trusted_types(admin_client, client):
    ours = client.get("/")["Content-Security-Policy"]
    admins = admin_client.get(LIST)["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in ours
    as_set = lambda policy: {part.strip() for part in policy.split(";")}  # noqa: E731
    assert as_set(ours) - as_set(admins) == {"require-trusted-types-for 'script'"}
    assert not as_set(admins) - as_set(ours)
