"""Reports, and what staff can do about them."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from momentverse.management.commands import worker
from tests.support.servers import find_free_port
from timeline.core.exceptions import ReportRefused
from timeline.core.search_query import parse
from timeline.models import Moment, Report, Visibility
from timeline.selectors import availability, search, trending
from timeline.services import likes, moderation, rollups
from timeline.services.claims import details
from timeline.services.personal_data import reports
from timeline.services.placement import save_moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(rival):
    return rival


@pytest.fixture
def reported(make_moment, claimant):
    """A public moment with an open report. Its owner can receive mail."""
    moment = make_moment("1969-07-20", user=claimant, title="Canary")
    moderation.report(moment, Report.Reason.WRONG, "It was the 21st.", None)
    return moment


def hide(moment, staff, reason="it names a child"):
    moderation.hide(moment, reason, staff=staff)
    moment.refresh_from_db()


def test_it_works(reported, staff, claimant, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        hide(reported, staff)
    assert (reported.visibility, reported.hidden_reason) == (Visibility.PRIVATE, "it names a child")
    report = Report.objects.get()
    assert (report.status, report.resolution) == (Report.Status.HIDDEN, "it names a child")
    assert report.handled_by == staff
    assert report.handled_at is not None
    (message,) = mail.outbox
    assert message.to == [claimant.email]
    assert "it names a child" in message.body
    assert "hidden" in message.subject


def test_hidden_moment_disappears_for_everybody_else(reported, staff, claimant, stranger):
    """Edge case 15: a hidden moment is private, so no other query needs to know about hiding."""
    likes.like(stranger, reported)
    hide(reported, staff)
    for viewer in (None, stranger, staff):
        for by_address in (False, True):
            assert not Moment.objects.visible_to(viewer, by_address=by_address).exists()
    assert Moment.objects.visible_to(claimant).get() == reported
    assert search.search(None, parse("canary")).hits == []
    assert trending.list_trending(None) == []
    assert rollups.find_differences() == []
    assert sum(t.moments for t in rollups.recount().values()) == 0


@pytest.mark.parametrize("before", Visibility)
def test_unhide_restores_the_earlier_visibility(make_moment, staff, claimant, before):
    moment = make_moment("1969-07-20", user=claimant, visibility=before)
    hide(moment, staff)
    moderation.unhide(moment, "it is all right")
    moment.refresh_from_db()
    assert (moment.visibility, moment.hidden_at, moment.hidden_reason, moment.visibility_before_hiding) == (
        before, None, "", "",
    )  # fmt: skip
    assert rollups.find_differences() == []


def test_hide_and_unhide_cannot_be_repeated(reported, staff):
    with pytest.raises(ReportRefused):
        moderation.unhide(reported, "x")
    hide(reported, staff)
    with pytest.raises(ReportRefused):
        moderation.hide(reported, "another reason", staff=staff)
    reported.refresh_from_db()
    assert reported.hidden_reason == "it names a child"


def test_revoked_moment_cannot_be_hidden(make_moment, staff):
    moment = make_moment("1969-07-20", status="revoked")
    with pytest.raises(ReportRefused):
        moderation.hide(moment, "x", staff=staff)


def test_owner_can_edit_a_hidden_moment_but_not_its_visibility(reported, staff):
    hide(reported, staff)
    details.edit_moment(
        reported, details.MomentDetails(title="Better", visibility=Visibility.PUBLIC)
    )
    reported.refresh_from_db()
    assert (reported.title, reported.visibility) == ("Better", Visibility.PRIVATE)


def test_database_keeps_a_hidden_moment_private(reported, staff):
    """The database enforces it: saving a copy that was read earlier cannot undo it either."""
    before = Moment.objects.get(pk=reported.pk)
    hide(reported, staff)
    with pytest.raises(IntegrityError), transaction.atomic():
        Moment.objects.update(visibility=Visibility.PUBLIC)
    with pytest.raises(IntegrityError), transaction.atomic():
        save_moment(before)


def test_hidden_moment_keeps_its_span(reported, staff):
    hide(reported, staff)
    assert not availability.get_availability(reported.span).free


def test_second_report_by_the_same_person_replaces_the_first(make_moment, stranger):
    moment = make_moment("1969-07-20")
    for words in ("first", "second"):
        moderation.report(moment, Report.Reason.SPAM, words, stranger)
    assert Report.objects.get().comment == "second"


@pytest.mark.parametrize("words", ["\0", "half \ud800"])
def test_invalid_comment_is_refused(make_moment, words):
    with pytest.raises(ValidationError):
        moderation.report(make_moment("1969-07-20"), Report.Reason.SPAM, words, None)


def test_mail_subject_allows_no_header_injection(
    make_moment, staff, claimant, django_capture_on_commit_callbacks
):
    """Edge case 22."""
    moment = make_moment("1969-07-20", user=claimant, title="x")
    Moment.objects.filter(pk=moment.pk).update(title="x\nBcc: all@example.org")
    moment.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        moderation.hide(moment, "reason", staff=staff)
    assert "\n" not in mail.outbox[0].subject


@pytest.mark.django_db(transaction=True)
def test_refused_mail_is_retried_later(reported, staff, claimant, settings):
    """The mail is queued in the transaction of the change, and the worker retries it."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", find_free_port()  # nobody is there
    hide(reported, staff)
    worker._run_queued_tasks()
    waiting = DBTaskResult.objects.get(status="READY")
    assert waiting.run_after > timezone.now()
    settings.EMAIL_BACKEND = works
    worker._run_queued_tasks()
    assert mail.outbox == []  # its time has not come
    DBTaskResult.objects.filter(pk=waiting.pk).update(run_after=timezone.now())
    worker._run_queued_tasks()
    (message,) = mail.outbox
    assert message.to == [claimant.email]
    assert not DBTaskResult.objects.filter(status="READY").exists()


def test_rolled_back_hide_sends_no_mail(reported, staff, settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    with transaction.atomic():
        moderation.hide(reported, "it names a child", staff=staff)
        assert DBTaskResult.objects.exists()
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()


def test_curator_gets_no_mail(make_moment, staff, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        hide(make_moment("1969-07-20"), staff)
    assert mail.outbox == []


# Reports are personal data: exported, and erased without a trace.


def test_reports_are_exported(reported, stranger):
    moderation.report(reported, Report.Reason.HATE, "against me", stranger)
    (file,) = reports.export(stranger)
    assert [(row["moment"], row["comment"], row["status"]) for row in file.content] == [
        (reported.public_id, "against me", "open")
    ]


def test_erasure_removes_reporter_and_comments(reported, stranger, claimant, staff):
    moderation.report(reported, Report.Reason.HATE, "against me", stranger)
    reports.erase(stranger)
    assert set(Report.objects.values_list("reporter", "comment")) == {
        (None, "It was the 21st."), (None, ""),
    }  # fmt: skip
    hide(reported, staff)
    reports.erase(claimant)
    reports.erase(staff)
    assert set(Report.objects.values_list("comment", "resolution", "handled_by")) == {
        ("", "", None)
    }
