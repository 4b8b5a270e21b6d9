"""Reports about moments, and what staff can do: dismiss them, hide the moment, or revoke it.

Hiding a moment makes it private and keeps it private. Every query for other
people already checks the visibility, so no other code needs to know about
hiding. The check constraint ``moment_hidden_is_private`` enforces it. A hidden
moment keeps its span, and its owner still sees it, with the reason.
"""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from accounts.mail import RetrySchedule, render_email
from accounts.models import User
from momentverse import page_cache
from timeline.core.exceptions import ReportRefused
from timeline.core.text import normalize_text
from timeline.models import Moment, Report, Status, Visibility
from timeline.services.placement import lock_spans, retry_on_conflict

# The waits count from the last attempt: 1² + 2² + … + 23² minutes are three days.
RETRIES = RetrySchedule(max_attempts=24)
# What happened to the moment; also part of the names of the mail's templates.
Change = Literal["hidden", "shown", "revoked"]
HIDE_MESSAGE = "Nobody but its owner sees it then; the owner is told, with the reason."
UNHIDE_MESSAGE = "Whoever saw it before sees it again; the owner is told."


def report(moment: Moment, reason: str, comment: str, reporter: User | None) -> Report:
    """Report a moment to staff.

    If the reporter already has an open report of this moment, it is changed
    instead. Raises ValidationError for a comment that cannot be stored.
    """
    fields = {"reason": reason, "comment": normalize_text(comment)}
    if reporter is None:
        return Report.objects.create(moment=moment, **fields)
    open_reports = Report.objects.filter(
        moment=moment, reporter=reporter, status=Report.Status.OPEN
    )
    with transaction.atomic():
        existing = open_reports.select_for_update().first()
        if existing is None:
            return Report.objects.create(moment=moment, reporter=reporter, **fields)
        open_reports.filter(pk=existing.pk).update(**fields)
    return existing


@retry_on_conflict
def hide(moment: Moment, reason: str, *, staff: User) -> None:
    """Hide an active moment from everybody but its owner, close its open reports and e-mail the owner.

    Raises ReportRefused if it is already hidden or not on the timeline, and TimelineBusy.
    """
    visible = Moment.objects.filter(pk=moment.pk, status=Status.ACTIVE, hidden_at=None)
    with lock_spans([moment.span]):
        changed = visible.update(
            visibility_before_hiding=F("visibility"), visibility=Visibility.PRIVATE,
            hidden_at=Now(), hidden_reason=reason, updated_at=Now(),
        )  # fmt: skip
        if changed:
            page_cache.purge()
            close_reports(moment, reason, outcome=Report.Status.HIDDEN, staff=staff)
            _queue_owner_email(moment, "hidden")
    if not changed:
        raise ReportRefused(f"“{moment.title}” is hidden already, or not on the timeline.")


@retry_on_conflict
def unhide(moment: Moment, reason: str) -> None:
    """Give a hidden moment its earlier visibility back, and e-mail the owner.

    Raises ReportRefused if it is not hidden, and TimelineBusy.
    """
    hidden = Moment.objects.filter(pk=moment.pk, status=Status.ACTIVE, hidden_at__isnull=False)
    with lock_spans([moment.span]):
        changed = hidden.update(
            visibility=F("visibility_before_hiding"), visibility_before_hiding="",
            hidden_at=None, hidden_reason="", updated_at=Now(),
        )  # fmt: skip
        if changed:
            _queue_owner_email(moment, "shown")
    if not changed:
        raise ReportRefused(f"“{moment.title}” is not hidden.")


def on_revoked(moment: Moment, reason: str, *, staff: User) -> None:
    """Close the reports of a moment that was just revoked, and e-mail its owner."""
    close_reports(moment, reason, outcome=Report.Status.REVOKED, staff=staff)
    _queue_owner_email(moment, "revoked")


def close_reports(moment: Moment, resolution: str, *, outcome: Report.Status, staff: User) -> None:
    """Close all open reports of a moment."""
    moment.reports.filter(status=Report.Status.OPEN).update(
        status=outcome, resolution=resolution, handled_at=Now(), handled_by=staff
    )


def _queue_owner_email(moment: Moment, change: Change) -> None:
    if send_owner_email_task.get_backend().supports_defer:
        # The queue is in the database: the change and its mail are stored together, or neither.
        send_owner_email_task.enqueue(moment.pk, change)
    else:
        # Without a queue the mail is sent now, so only after the commit. ``robust``: the decision
        # of staff stands even if the mail fails.
        transaction.on_commit(lambda: send_owner_email_task.enqueue(moment.pk, change), robust=True)


@task()
def send_owner_email_task(pk: int, change: Change, failures: int = 0) -> None:
    """Background task: e-mail a moment's owner about a decision of staff.

    The reason is read from the moment, because the arguments of a task stay in the
    queue's table. If the mail server rejects the mail, it is sent again later, for
    three days. Without a queue it is not; the owner sees the decision in their list
    of moments.
    """
    moment = Moment.objects.select_related("user").get(pk=pk)
    if not moment.user.is_active or moment.user.is_curator:
        return
    try:
        _build_owner_email(moment, change).send()
    except OSError:  # the base class of smtplib's errors
        failures += 1
        if not RETRIES.allows(failures) or not send_owner_email_task.get_backend().supports_defer:
            raise
        run_after = timezone.now() + RETRIES.get_delay(failures)
        send_owner_email_task.using(run_after=run_after).enqueue(pk, change, failures)


def _build_owner_email(moment: Moment, change: Change) -> EmailMultiAlternatives:
    context = {
        "moment": moment,
        "reason": moment.status_reason if change == "revoked" else moment.hidden_reason,
        "moment_address": settings.SITE_URL + moment.get_absolute_url(),
        "mine_address": settings.SITE_URL + reverse("timeline:mine"),
    }
    return render_email(f"timeline/mail/moment_{change}", context, moment.user.email)
