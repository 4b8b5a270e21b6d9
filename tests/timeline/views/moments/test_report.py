"""The form for reporting a moment, for anonymous visitors and logged-in people."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.test import Client

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Report, Status, Visibility

pytestmark = pytest.mark.django_db
REPORT = {"reason": "wrong", "comment": "It was the 21st."}


@pytest.fixture(autouse=True)
def _reset_throttle(db):
    caches["throttle"].clear()


def report_url(moment: Moment) -> str:
    return f"/moments/{moment.public_id}/report/"


def test_it_works(client, make_moment):
    moment = make_moment("1969-07-20", title="Landing")
    assert report_url(moment) in client.get(moment.get_absolute_url()).text
    page = client.get(report_url(moment)).text
    assert "Landing" in page
    assert 'value="spam"' in page
    response = client.post(report_url(moment), REPORT)
    assert (response.status_code, response["Location"]) == (303, f"{report_url(moment)}?sent")
    assert "Thank you" in client.get(response["Location"]).text
    report = Report.objects.get()
    assert (report.moment, report.reason, report.comment) == (moment, "wrong", REPORT["comment"])
    assert report.reporter is None


def test_anonymous_report_starts_no_session(client, make_moment, settings):
    """Edge case 16: with a session, every later page would have to be rendered for this visitor alone."""
    moment = make_moment("1969-07-20")
    client.get(report_url(moment))
    client.post(report_url(moment), REPORT)
    assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_reporter_is_stored(client, make_moment, stranger):
    client.force_login(stranger)
    client.post(report_url(make_moment("1969-07-20")), REPORT)
    assert Report.objects.get().reporter == stranger


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"reason": "nothing"},
        {"reason": "spam", "comment": "x" * 1001},
        {"reason": "spam", "comment": "\0"},
    ],
)
def test_invalid_report_is_refused(client, make_moment, data):
    response = client.post(report_url(make_moment("1969-07-20")), data)
    assert response.status_code == 400
    assert "errorlist" in response.text
    assert not Report.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("fields", [{"visibility": Visibility.PRIVATE}, {"status": Status.REVOKED}])
def test_invisible_moment_is_404(client, make_moment, fields, method):
    """Edge case 15: the response equals that for a moment that does not exist."""
    moment = make_moment("1969-07-20", **fields)
    response = getattr(client, method)(report_url(moment), REPORT)
    missing = getattr(client, method)(f"/moments/{encode_id(random_id())}/report/", REPORT)
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content
    assert not Report.objects.exists()


def test_csrf_token_is_required(make_moment):
    client = Client(enforce_csrf_checks=True)
    assert client.post(report_url(make_moment("1969-07-20")), REPORT).status_code == 403


def test_reports_are_throttled(make_moment):
    moment = make_moment("1969-07-20")
    responses = [Client().post(report_url(moment), REPORT) for _ in range(7)]
    assert [response.status_code for response in responses] == [303] * 5 + [429] * 2
    assert int(responses[-1]["Retry-After"]) > 0
    assert Client(REMOTE_ADDR="198.51.100.7").post(report_url(moment), REPORT).status_code == 303


def test_owner_sees_no_report_link(client, make_moment, owner):
    moment = make_moment("1969-07-20")
    client.force_login(owner)
    assert "/report/" not in client.get(moment.get_absolute_url()).text
