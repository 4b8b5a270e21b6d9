"""Reporting a moment by form, as a visitor and signed in."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.test import Client

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Report, Status, Visibility

pytestmark = pytest.mark.django_db
SENT = {"reason": "wrong", "words": "It was the 21st."}


@pytest.fixture(autouse=True)
def _no_attempts_yet(db):
    caches["throttle"].clear()


def address_of(moment: Moment) -> str:
    return f"/moments/{moment.public_id}/report/"


def test_it_works(client, make_moment):
    moment = make_moment("1969-07-20", title="Landing")
    assert address_of(moment) in client.get(moment.get_absolute_url()).text
    page = client.get(address_of(moment)).text
    assert "Landing" in page
    assert 'value="spam"' in page
    response = client.post(address_of(moment), SENT)
    assert (response.status_code, response["Location"]) == (303, f"{address_of(moment)}?sent")
    assert "Thank you" in client.get(response["Location"]).text
    report = Report.objects.get()
    assert (report.moment, report.reason, report.comment) == (moment, "wrong", SENT["words"])
    assert report.reporter is None


def test_a_visitor_gets_no_session_for_it(client, make_moment, settings):
    """Edge case 16: or every page would be built for them alone from then on."""
    moment = make_moment("1969-07-20")
    client.get(address_of(moment))
    client.post(address_of(moment), SENT)
    assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_who_is_signed_in_is_kept_with_it(client, make_moment, stranger):
    client.force_login(stranger)
    client.post(address_of(make_moment("1969-07-20")), SENT)
    assert Report.objects.get().reporter == stranger


@pytest.mark.parametrize(
    "sent",
    [{}, {"reason": "nothing"}, {"reason": "spam", "words": "x" * 1001}, {"reason": "spam", "words": "\0"}],
)  # fmt: skip
def test_what_it_does_not_understand_is_said(client, make_moment, sent):
    response = client.post(address_of(make_moment("1969-07-20")), sent)
    assert response.status_code == 400
    assert "errorlist" in response.text
    assert not Report.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("fields", [{"visibility": Visibility.PRIVATE}, {"status": Status.REVOKED}])
def test_what_one_cannot_see_is_404(client, make_moment, fields, method):
    """Edge case 15: word for word like what does not exist."""
    moment = make_moment("1969-07-20", **fields)
    response = getattr(client, method)(address_of(moment), SENT)
    missing = getattr(client, method)(f"/moments/{encode_id(random_id())}/report/", SENT)
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content
    assert not Report.objects.exists()


def test_it_needs_the_forms_token(make_moment):
    client = Client(enforce_csrf_checks=True)
    assert client.post(address_of(make_moment("1969-07-20")), SENT).status_code == 403


def test_too_many_are_refused(make_moment):
    moment = make_moment("1969-07-20")
    answers = [Client().post(address_of(moment), SENT) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 0
    assert Client(REMOTE_ADDR="198.51.100.7").post(address_of(moment), SENT).status_code == 303


def test_the_owner_is_not_asked_to_report_their_own(client, make_moment, owner):
    moment = make_moment("1969-07-20")
    client.force_login(owner)
    assert "/report/" not in client.get(moment.get_absolute_url()).text
