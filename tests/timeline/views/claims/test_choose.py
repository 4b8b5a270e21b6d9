"""Choose a time (free, taken, skipped, repeated, out of range) and hold it."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.claims import let_time_pass, span_of
from tests.support.examples import scale_examples
from tests.support.text import collapse_whitespace
from timeline.core.exceptions import TimelineBusy
from timeline.models import Moment, Status, Visibility
from timeline.services.claims import holds

pytestmark = pytest.mark.django_db

URL = "/claim/"
QUERY = {"date": "1969-07-20", "time": "20:17:40", "zone": "UTC", "minutes": "1"}
BUTTON = {"start": "1969-07-20T20:17:40Z", "seconds": "60", "zone": "UTC"}
SPAN = span_of("1969-07-20T20:17:40Z", 60)


def get_form(client, **changed):
    return client.get(URL, QUERY | changed)


def test_it_works(client):
    """No log-in is needed to see whether a span is free."""
    page = get_form(client)
    assert page.status_code == 200
    assert "This span is free" in page.text
    assert "Sunday 20 July 1969, 20:17:40" in page.text
    assert "5.00 EUR" in page.text


def test_empty_form_is_prefilled_from_the_query_and_the_account(client, claimant):
    assert 'value="1969-07-20"' in client.get(URL, {"date": "1969-07-20"}).text
    claimant.time_zone = "Asia/Tokyo"
    claimant.save()
    client.force_login(claimant)
    assert 'value="Asia/Tokyo"' in client.get(URL).text


def test_span_stays_when_the_person_changes_their_zone_meanwhile(client, claimant):
    """Edge case 28: the form and its button send the zone that they were made with."""
    claimant.time_zone = "Asia/Tokyo"
    claimant.save()
    client.force_login(claimant)
    (zone,) = re.findall(r'name="zone" value="([^"]+)"', client.get(URL).text)
    claimant.time_zone = "America/New_York"
    claimant.save()
    page = get_form(client, zone=zone, date="1969-07-21", time="05:17:40")
    assert "20:17:40</time> in UTC" in page.text
    claimant.time_zone = "Europe/Berlin"
    claimant.save()
    _, button = page.text.split('action="/claim/hold/"')
    button = dict(re.findall(r'name="(start|seconds|zone)" value="([^"]+)"', button))
    assert client.post("/claim/hold/", button).status_code == 303
    moment = Moment.objects.get()
    assert (moment.span, moment.time_zone) == (SPAN, "Asia/Tokyo")


def test_local_time_is_shown_as_well(client):
    page = get_form(client, zone="new york", time="16:17:40")
    assert (
        "20:17:40</time> in UTC, which is 16:17:40 in New York (UTC−4), for 1 min."
        in collapse_whitespace(page.text)
    )


def test_offset_with_seconds_is_shown(client):
    """Edge case 3."""
    page = get_form(client, zone="Berlin", date="1850-01-01", time="00:53:28")
    assert "Tuesday 1 January 1850, 00:00:00</time> in UTC" in page.text
    assert "(UTC+0:53:28)" in page.text


def test_taken_span_is_409_with_free_spans_nearby(client, make_moment):
    """Edge case 7: each of the nearest free spans has a button to hold it."""
    make_moment("1969-07-20T20:17:00Z", 90, title="Secret words", visibility=Visibility.PRIVATE)
    page = get_form(client)
    assert page.status_code == 409
    assert "This span is taken" in page.text
    for start in ("20T20:16:00Z", "20T20:18:30Z", "21T20:17:40Z", "19T20:17:40Z"):
        assert f'name="start" value="1969-07-{start}"' in page.text
    # Edge case 15: only the fact that it is taken is public.
    assert "Secret words" not in page.text


def test_span_being_paid_for_says_until_when(client, claim):
    """Edge case 9."""
    moment = claim("1969-07-20T20:17:40Z")
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
    page = get_form(client)
    assert page.status_code == 409
    assert "This span is being paid for" in page.text
    assert f"{moment.held_until:%H:%M} UTC" in page.text


def test_own_hold_links_to_its_claim(client, claim, claimant):
    moment = claim("1969-07-20T20:17:40Z")
    client.force_login(claimant)
    page = get_form(client)
    assert page.status_code == 200
    assert "You hold this span" in page.text
    assert reverse("timeline:claim", args=[moment.pk]) in page.text


def test_skipped_time_offers_both_neighbours(client):
    """Edge case 1: a skipped time is never shifted silently."""
    page = get_form(client, date="2024-03-31", time="02:30", zone="Berlin")
    assert page.status_code == 400
    assert "There is no such time" in page.text
    for time, utc in (("01%3A59%3A59", "00:59:59"), ("03%3A00%3A00", "01:00:00")):
        assert f"date=2024-03-31&amp;time={time}&amp;zone=Berlin&amp;minutes=1" in page.text
        assert f"{utc} in UTC" in page.text


@pytest.mark.parametrize(("fold", "utc"), [("0", "00:30:00"), ("1", "01:30:00")])
def test_repeated_time_offers_both_instants(client, fold, utc):
    """Edge case 2: the two readings do not overlap, and each can be claimed."""
    query = {"date": "2024-10-27", "time": "02:30", "zone": "Berlin", "hours": "1", "minutes": "0"}
    page = get_form(client, **query)
    assert page.status_code == 400
    assert "That time comes twice" in page.text
    assert f"fold={fold}" in page.text
    chosen = get_form(client, **query, fold=fold)
    assert chosen.status_code == 200
    assert f"Sunday 27 October 2024, {utc}</time> in UTC" in chosen.text


def test_span_across_the_end_of_summer_time_has_its_elapsed_duration(client):
    """Edge case 2: 02:00 to 03:00 in local time may be two hours; the elapsed time counts."""
    page = get_form(client, date="2024-10-27", time="01:30", zone="Berlin", hours="2", minutes="")
    assert "for 2 h." in page.text
    assert "5.50 EUR" in page.text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"time": "23:59:60"}, "Leap seconds have no place"),  # Edge case 4
        ({"time": "20:17:40.5"}, "whole seconds"),  # Edge case 5
        ({"minutes": "0.5"}, "whole seconds"),
        ({"minutes": "0"}, "one second to 24 hours"),
        ({"minutes": "-1"}, "one second to 24 hours"),
        ({"hours": "24"}, "one second to 24 hours"),
        ({"hours": "25"}, "one second to 24 hours"),
        ({"time": "24:00"}, "midnight is 00:00 of the next day"),  # Edge case 6
        ({"date": "1900-02-29"}, "There is no such day"),
        ({"date": "0000-01-01"}, "There is no such day"),
        ({"date": "-100-01-01"}, "There is no such day"),
        ({"date": "10000-01-01"}, "at most 10 characters"),
        ({"date": "0001-01-01"}, "The timeline runs from"),
        ({"date": "9999-12-31"}, "The timeline runs from"),
        ({"date": "9999-12-31", "time": "23:59:59"}, "There is no such time"),
        ({"date": "9999-12-31", "time": "23:59", "zone": "Honolulu"}, "The timeline runs from"),
        ({"date": "0001-01-02", "time": "00:30", "zone": "Tokyo"}, "The timeline runs from"),
        ({"zone": "Atlantis"}, "No clock is known"),
        ({"date": ""}, "Choose a day"),
        ({"time": ""}, "Say when it begins"),
        ({"zone": ""}, "Say whose clock"),
        ({"date": "\0"}, "Null characters"),
    ],
)
def test_invalid_input_is_refused_with_a_sentence(client, changed, message):
    page = client.get(URL, QUERY | changed)
    if "\0" in "".join(changed.values()):
        assert page.status_code == 400  # refused before any form sees it
        return
    assert page.status_code == 400
    assert message in page.text


def test_first_and_last_span_of_the_timeline_are_free(client):
    """Edge case 6."""
    assert get_form(client, date="0001-01-02", time="00:00").status_code == 200
    assert get_form(client, date="9999-12-30", time="23:59", minutes="1").status_code == 200


def test_hold_redirects_to_the_claim(client, claimant):
    client.force_login(claimant)
    response = client.post("/claim/hold/", BUTTON)
    moment = Moment.objects.get()
    assert response.status_code == 303
    assert response["Location"] == reverse("timeline:claim", args=[moment.pk])
    assert (moment.status, moment.span, moment.user) == (Status.HELD, SPAN, claimant)


def test_hold_sent_twice_is_one_claim(client, claimant):
    """Edge case 8: a double click, or back and forward."""
    client.force_login(claimant)
    first, second = (client.post("/claim/hold/", BUTTON)["Location"] for _ in range(2))
    assert first == second
    assert Moment.objects.count() == 1


def test_hold_of_a_taken_span_shows_free_spans(client, claimant, rival):
    """Fault 19."""
    holds.hold(rival, SPAN)
    client.force_login(claimant)
    page = client.post("/claim/hold/", BUTTON)
    assert page.status_code == 409
    assert 'name="start" value="1969-07-20T20:18:40Z"' in page.text


def test_fourth_hold_is_refused_and_lists_the_three(client, claimant):
    for day in (1, 2, 3):
        holds.hold(claimant, span_of(f"2001-01-0{day}"))
    client.force_login(claimant)
    page = client.post("/claim/hold/", BUTTON)
    assert page.status_code == 409
    assert "the most at a time" in page.text
    assert page.text.count("A moment without a title yet") == 3


def test_hold_on_locked_days_is_503(client, claimant, monkeypatch):
    """Fault 30: a retry in a moment helps."""

    def busy(*arguments, **named):
        raise TimelineBusy

    monkeypatch.setattr(holds, "try_fast_hold", busy)
    client.force_login(claimant)
    page = client.post("/claim/hold/", BUTTON)
    assert page.status_code == 503
    assert "Try again in a moment" in page.text


@pytest.mark.parametrize(
    "changed",
    [
        {"start": "now"}, {"start": ""}, {"seconds": "0"}, {"seconds": "-1"}, {"seconds": "1e3"},
        {"seconds": "86401"}, {"seconds": "9" * 30}, {"zone": "Atlantis"},
        {"start": "9999-12-31T00:00:00Z"},
    ],
)  # fmt: skip
def test_forged_button_is_400(client, claimant, changed):
    client.force_login(claimant)
    response = client.post("/claim/hold/", BUTTON | changed)
    assert response.status_code == 400
    assert not Moment.objects.exists()


def test_get_holds_nothing(client, claimant):
    """Edge case 25: a prefetch has no side effects."""
    client.force_login(claimant)
    assert client.get("/claim/hold/", BUTTON).status_code == 405
    assert not Moment.objects.exists()


def test_chosen_span_is_held_after_log_in(client, claimant):
    response = client.post("/claim/hold/", BUTTON | {"zone": "Tokyo"})
    assert response["Location"] == "/accounts/login/?next=/claim/continue/"
    client.force_login(claimant)  # keeps the visitor's session, as a log-in does
    response = client.get("/claim/continue/")
    moment = Moment.objects.get()
    assert response["Location"] == reverse("timeline:claim", args=[moment.pk])
    assert (moment.span, moment.time_zone) == (SPAN, "Asia/Tokyo")
    # It is carried out only once.
    holds.give_back(moment)
    assert client.get("/claim/continue/")["Location"] == "/claim/"


def test_span_taken_during_log_in_is_409(client, claimant, rival):
    client.post("/claim/hold/", BUTTON)
    holds.hold(rival, SPAN)
    client.force_login(claimant)
    page = client.get("/claim/continue/")
    assert page.status_code == 409
    assert "These are free" in page.text


def test_expired_hold_of_somebody_else_can_be_held(client, claimant, rival):
    """Edge case 9."""
    let_time_pass(holds.hold(rival, SPAN))
    client.force_login(claimant)
    assert client.post("/claim/hold/", BUTTON).status_code == 303


def test_page_is_never_cached(client):
    """Edge case 16: it may show the viewer's own claims, and is true only now."""
    assert client.get(URL)["Cache-Control"] == "private, no-store"
    assert get_form(client)["Cache-Control"] == "private, no-store"


text = st.text(
    alphabet=st.characters(codec="utf-8") | st.sampled_from("0123456789:-./"), max_size=24
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(200)
)
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("date", "time", "zone", "hours", "minutes", "seconds", "fold"),
            text
            | st.sampled_from(["0001-01-01", "9999-12-31", "23:59:59", "Kiritimati", "24", "1"]),
        ),
    )
)
def test_random_input_is_never_a_500(client, query):
    """The goal: 10,000 random and hostile inputs to the forms cause no response with status 500."""
    client.raise_request_exception = False
    assert get_form(client, **query).status_code in (200, 400, 409)
