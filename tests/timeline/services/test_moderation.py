"""What is reported, and what staff does about it."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from momentverse.management.commands import worker
from tests.support.servers import free_port
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
    """A public moment of a person who can get mail, with an open report."""
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


def test_everything_that_others_see_follows(reported, staff, claimant, stranger):
    """Edge case 15: to hide is to make private, so nothing else needs to know of it."""
    likes.like(stranger, reported)
    hide(reported, staff)
    for viewer in (None, stranger, staff):
        for by_address in (False, True):
            assert not Moment.objects.visible_to(viewer, by_address=by_address).exists()
    assert Moment.objects.visible_to(claimant).get() == reported
    assert search.search(None, parse("canary")).found == []
    assert trending.list_trending(None) == []
    assert rollups.find_differences() == []
    assert sum(t.moments for t in rollups.recount().values()) == 0


@pytest.mark.parametrize("before", Visibility)
def test_shown_again_it_is_as_it_was(make_moment, staff, claimant, before):
    moment = make_moment("1969-07-20", user=claimant, visibility=before)
    hide(moment, staff)
    moderation.unhide(moment, "it is all right")
    moment.refresh_from_db()
    assert (moment.visibility, moment.hidden_at, moment.hidden_reason, moment.visibility_before_hiding) == (
        before, None, "", "",
    )  # fmt: skip
    assert rollups.find_differences() == []


def test_neither_is_done_twice(reported, staff):
    with pytest.raises(ReportRefused):
        moderation.unhide(reported, "x")
    hide(reported, staff)
    with pytest.raises(ReportRefused):
        moderation.hide(reported, "another reason", staff=staff)
    reported.refresh_from_db()
    assert reported.hidden_reason == "it names a child"


def test_what_is_off_the_timeline_is_not_hidden(make_moment, staff):
    moment = make_moment("1969-07-20", status="revoked")
    with pytest.raises(ReportRefused):
        moderation.hide(moment, "x", staff=staff)


def test_its_owner_may_change_words_but_not_who_sees_it(reported, staff):
    hide(reported, staff)
    details.edit_moment(
        reported, details.MomentDetails(title="Better", visibility=Visibility.PUBLIC)
    )
    reported.refresh_from_db()
    assert (reported.title, reported.visibility) == ("Better", Visibility.PRIVATE)


def test_the_database_keeps_it_hidden_whoever_writes(reported, staff):
    """The referee is the database: a copy read before cannot undo it either."""
    before = Moment.objects.get(pk=reported.pk)
    hide(reported, staff)
    with pytest.raises(IntegrityError), transaction.atomic():
        Moment.objects.update(visibility=Visibility.PUBLIC)
    with pytest.raises(IntegrityError), transaction.atomic():
        save_moment(before)


def test_its_span_stays_taken(reported, staff):
    hide(reported, staff)
    assert not availability.get_availability(reported.span).free


def test_one_person_has_one_open_report_of_a_moment(make_moment, stranger):
    moment = make_moment("1969-07-20")
    for words in ("first", "second"):
        moderation.report(moment, Report.Reason.SPAM, words, stranger)
    assert Report.objects.get().comment == "second"


@pytest.mark.parametrize("words", ["\0", "half \ud800"])
def test_words_that_cannot_be_kept_are_refused(make_moment, words):
    with pytest.raises(ValidationError):
        moderation.report(make_moment("1969-07-20"), Report.Reason.SPAM, words, None)


def test_a_mail_holds_no_line_of_a_title_that_is_a_header(
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
def test_a_mail_that_is_refused_is_sent_later(reported, staff, claimant, settings):
    """Owed with what it tells, and tried again by whoever empties the queue."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()  # nobody is there
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


def test_what_is_not_hidden_owes_no_mail(reported, staff, settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    with transaction.atomic():
        moderation.hide(reported, "it names a child", staff=staff)
        assert DBTaskResult.objects.exists()
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()


def test_a_curator_gets_no_mail(make_moment, staff, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        hide(make_moment("1969-07-20"), staff)
    assert mail.outbox == []


# What a person reported is theirs: exported, and erased without a trace.


def test_it_is_exported(reported, stranger):
    moderation.report(reported, Report.Reason.HATE, "against me", stranger)
    (file,) = reports.export(stranger)
    assert [(row["moment"], row["comment"], row["status"]) for row in file.content] == [
        (reported.public_id, "against me", "open")
    ]


def test_who_reported_is_erased_and_words_about_the_erased_too(reported, stranger, claimant, staff):
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
