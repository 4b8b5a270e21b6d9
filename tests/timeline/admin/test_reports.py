"""Reports in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from timeline.models import Moment, Report, Status, Visibility
from timeline.services import moderation

pytestmark = pytest.mark.django_db
LIST = "/admin/timeline/report/"
MOMENTS = "/admin/timeline/moment/"


@pytest.fixture
def report(make_moment):
    moment = make_moment("1969-07-20", title="Landing")
    return moderation.report(moment, Report.Reason.WRONG, "<b>It was the 21st.</b>", None)


def run_action(client, action, *rows, address=LIST, reason="it names a child"):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = client.post(address, chosen)
    assert page.status_code == 200
    return client.post(address, chosen | {"confirmed": "yes", "reason": reason}, follow=True)


def test_it_works(admin_client, report):
    page = admin_client.get(LIST).text
    assert "Landing" in page
    assert "&lt;b&gt;It was the 21st." in page
    assert admin_client.get(f"{LIST}{report.pk}/change/").status_code == 200


def test_it_checks_access(client, owner, report):
    client.force_login(owner)
    assert client.get(LIST).status_code == 302


def test_hide_needs_a_reason_is_logged_and_closes_the_report(admin_client, report):
    run_action(admin_client, "hide", report)
    moment = Moment.objects.get()
    assert (moment.visibility, moment.hidden_reason) == (Visibility.PRIVATE, "it names a child")
    logged = {(entry.content_type.model, entry.change_message) for entry in LogEntry.objects.all()}
    assert logged == {
        ("report", "hide: it names a child"), ("moment", "hide, as reported: it names a child"),
    }  # fmt: skip
    assert "Landing" not in admin_client.get(LIST).text
    assert "Landing" in admin_client.get(f"{LIST}?status=hidden").text
    assert "Landing" in admin_client.get(f"{LIST}?status=all").text


def test_revoke_takes_the_moment_off_the_timeline(admin_client, report):
    run_action(admin_client, "revoke", report)
    assert Moment.objects.get().status == Status.REVOKED
    assert Report.objects.get().status == Report.Status.REVOKED


def test_dismiss_leaves_the_moment_unchanged(admin_client, report):
    run_action(admin_client, "dismiss", report)
    assert Moment.objects.get().visibility == Visibility.PUBLIC
    assert Report.objects.get().status == Report.Status.DISMISSED


def test_reports_of_one_moment_are_closed_together(admin_client, report):
    second = moderation.report(report.moment, Report.Reason.SPAM, "", None)
    page = run_action(admin_client, "hide", report, second).text
    assert "2 done: hide." in page
    assert set(Report.objects.values_list("status", flat=True)) == {"hidden"}


def test_hide_and_unhide_work_in_the_list_of_moments(admin_client, report):
    moment = report.moment
    run_action(admin_client, "hide_moments", moment, address=MOMENTS)
    assert Moment.objects.get().hidden_at
    run_action(admin_client, "unhide_moments", moment, address=MOMENTS)
    assert Moment.objects.get().visibility == Visibility.PUBLIC


def test_form_cannot_unhide_a_moment(admin_client, report, owner):
    moderation.hide(report.moment, "reason", staff=owner)
    response = admin_client.post(
        f"{MOMENTS}{report.moment_id}/change/",
        {"title": "Landing", "user": owner.pk, "time_zone": "UTC", "visibility": "public",
         "starts_at_0": "1969-07-20", "starts_at_1": "00:00:00", "ends_at_0": "1969-07-20",
         "ends_at_1": "00:01:00", "tag_list": ""},
    )  # fmt: skip
    assert response.status_code == 200
    assert "Staff has hidden it" in response.text


def test_reports_can_be_neither_added_nor_deleted(admin_client, report):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{report.pk}/delete/", {"post": "yes"}).status_code == 403
