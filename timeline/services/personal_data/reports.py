"""Export and erasure of reports by and about a person.

A report and its outcome stay. The reporter and their comment are erased, and so
are comments about the moments of an erased person.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from accounts.models import User
from accounts.privacy.registry import PersonalFile, Source, anonymise_admin_log
from timeline.core.public_ids import encode_id
from timeline.models import Report

EXPORT_BATCH = 500
CONSEQUENCES = ("What you reported stays without your name and your words.",)


def export(user: User) -> Iterator[PersonalFile]:
    """Yield all reports by a person, oldest first."""
    reports = Report.objects.filter(reporter=user).order_by("created_at", "pk")
    data = [
        {
            "moment": encode_id(report.moment_id),
            "reason": report.reason,
            "comment": report.comment,
            "created_at": report.created_at,
            "status": report.status,
        }
        for report in reports.iterator(chunk_size=EXPORT_BATCH)
    ]
    if data:
        yield PersonalFile("reports.json", "Moments that you reported, and what came of it.", data)


def erase(user: User) -> bool:
    """Erase a person from reports by them and about their moments. One call erases everything."""
    by_or_about = Report.objects.filter(Q(reporter=user) | Q(moment__user=user))
    ids = list(by_or_about.order_by("pk").values_list("pk", flat=True))
    reports = Report.objects.filter(pk__in=ids)
    reports.filter(reporter=user).update(reporter=None)
    reports.exclude(comment="", resolution="").update(comment="", resolution="")
    Report.objects.filter(handled_by=user).update(handled_by=None)
    anonymise_admin_log(Report, ids)
    return False


SOURCE = Source("reports", CONSEQUENCES, export, erase)
