"""Reports about moments, and what staff can do: dismiss them, hide the moment, or revoke it.

Hiding a moment makes it private and keeps it private. Every query for other
people already checks the visibility, so no other code needs to know about
hiding. The check constraint ``moment_hidden_is_private`` enforces it. A hidden
moment keeps its span, and its owner still sees it, with the reason.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from accounts.mail import build_html_email
from accounts.models import User
from momentverse import page_cache
from timeline.core.exceptions import ReportRefused
from timeline.core.text import normalize_text
from timeline.models import Moment, Report, Status, Visibility
from timeline.services.placement import lock_spans, retry_on_conflict

# The n-th attempt to send a mail comes n² minutes after the last: three days in all.
MAX_ATTEMPTS = 23
MINUTE = dt.timedelta(minutes=1)
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
            _tell_owner_later(moment, "hidden")
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
            _tell_owner_later(moment, "shown")
    if not changed:
        raise ReportRefused(f"“{moment.title}” is not hidden.")


def on_revoked(moment: Moment, reason: str, *, staff: User) -> None:
    """Close the reports of a moment that was just revoked, and e-mail its owner."""
    close_reports(moment, reason, outcome=Report.Status.REVOKED, staff=staff)
    _tell_owner_later(moment, "revoked")


def close_reports(moment: Moment, resolution: str, *, outcome: Report.Status, staff: User) -> None:
    """Close all open reports of a moment."""
    moment.reports.filter(status=Report.Status.OPEN).update(
        status=outcome, resolution=resolution, handled_at=Now(), handled_by=staff
    )


def _tell_owner_later(moment: Moment, what: str) -> None:
    if tell_owner.get_backend().supports_defer:
        # A queue in the database: the mail is owed with what it tells, or neither is stored.
        tell_owner.enqueue(moment.pk, what)
    else:
        # When it is committed: a mail cannot be taken back. Robust: what staff decided stands without it.
        transaction.on_commit(lambda: tell_owner.enqueue(moment.pk, what), robust=True)


@task()
def tell_owner(pk: int, what: str, attempts: int = 0) -> None:
    """Background task: tell a moment's owner that it was ``hidden``, ``shown`` again or ``revoked``.

    The reason is read from the moment: what a task is given stays in the queue's table.
    A mail that the server refuses is tried again, n² minutes later, for three days;
    without a queue it is not, and the owner reads it in their list of moments.
    """
    moment = Moment.objects.select_related("user").get(pk=pk)
    if not moment.user.is_active or moment.user.is_curator:
        return
    try:
        _mail(moment, what).send()
    except OSError:  # smtplib's errors are such
        if attempts >= MAX_ATTEMPTS or not tell_owner.get_backend().supports_defer:
            raise
        later = timezone.now() + (attempts + 1) ** 2 * MINUTE
        tell_owner.using(run_after=later).enqueue(pk, what, attempts + 1)


def _mail(moment: Moment, what: str) -> EmailMultiAlternatives:
    context = {
        "moment": moment,
        "reason": moment.status_reason if what == "revoked" else moment.hidden_reason,
        "moment_address": settings.SITE_URL + moment.get_absolute_url(),
        "mine_address": settings.SITE_URL + reverse("timeline:mine"),
    }
    subject = " ".join(render_to_string(f"mail/moment_{what}_subject.txt", context).split())
    body = render_to_string(f"mail/moment_{what}_message.txt", context).strip()
    return build_html_email(subject, body, moment.user.email)
