"""Reports in the admin: a queue, and actions to dismiss, hide or revoke."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from momentverse.admin.pagination import LargeTableAdmin
from timeline.admin.actions import confirm_with_reason
from timeline.models import Moment, Report
from timeline.services import moderation
from timeline.services.payments import refunds

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices  # only in the type stubs
    from django.contrib.admin.views.main import ChangeList


class StatusFilter(admin.SimpleListFilter):
    """Filter by status. Without a choice it shows open reports."""

    title = "status"
    parameter_name = "status"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Return each status, and “all”."""
        return [*Report.Status.choices, ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        """Leave out Django's own “All”: here, no choice means open reports."""
        yield from list(super().choices(changelist))[1:]

    def value(self) -> str:
        """Return the chosen status, ``open`` by default."""
        return super().value() or Report.Status.OPEN.value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        chosen = self.value()
        return queryset if chosen == "all" else queryset.filter(status=chosen)


@admin.register(Report)
class ReportAdmin(LargeTableAdmin, admin.ModelAdmin):
    """The queue of reports, oldest first.

    Staff close reports with actions. Reports come from visitors and stay on
    record, so staff can neither add, nor edit, nor delete them.
    """

    list_display = ("moment_link", "reason", "excerpt", "owner", "reporter", "created_at", "status")
    list_display_links = ("reason",)
    list_filter = (StatusFilter, "reason")
    list_select_related = ("moment__user", "reporter")
    ordering = ("created_at",)
    fields = (
        "moment_link", "reason", "comment", "reporter", "created_at", "status", "resolution",
        "handled_by", "handled_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("dismiss", "hide", "revoke")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    @admin.display(description="moment")
    def moment_link(self, report: Report) -> SafeString:
        """Link to the moment in the admin: staff cannot open the page of a hidden one."""
        address = reverse("admin:timeline_moment_change", args=[report.moment_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, report.moment.title)

    @admin.display(description="owner")
    def owner(self, report: Report) -> str:
        """Return the name of the moment's owner."""
        return str(report.moment.user)

    @admin.display(description="comment")
    def excerpt(self, report: Report) -> str:
        """Return the beginning of the comment."""
        return report.comment if len(report.comment) <= 80 else f"{report.comment[:79]}…"

    @admin.action(description="Dismiss: the moment stays as it is", permissions=["change"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then close the reports of these moments."""
        assert request.user.is_authenticated
        apply = partial(
            moderation.close_reports, outcome=Report.Status.DISMISSED, staff=request.user
        )
        return self._confirm(request, queryset, apply, "dismiss", "The moments stay as they are.")

    @admin.action(description="Hide the moment from all but its owner", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then hide the moments."""
        assert request.user.is_authenticated
        apply = partial(moderation.hide, staff=request.user)
        return self._confirm(
            request, queryset, apply, "hide", moderation.HIDE_MESSAGE, irreversible=False
        )

    @admin.action(description="Revoke the moment, pay it back", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then revoke the moments."""
        assert request.user.is_authenticated
        apply = partial(_revoke, staff=request.user)
        return self._confirm(
            request, queryset, apply, "revoke", "Others can claim the span at once."
        )

    def _confirm(
        self,
        request: HttpRequest,
        queryset: QuerySet[Report],
        apply: Callable[[Moment, str], None],
        verb: str,
        warning: str,
        *,
        irreversible: bool = True,
    ) -> HttpResponse | None:
        """Ask for a reason, then call ``apply`` with the moment of each open report."""

        def apply_to_report(report: Report, reason: str) -> None:
            report.refresh_from_db(fields=["status"])
            # If several reports of one moment are selected, the first one closes them all.
            if report.status == Report.Status.OPEN:
                apply(report.moment, reason)
                self.log_change(request, report.moment, f"{verb}, as reported: {reason}")

        return confirm_with_reason(
            self,
            request,
            queryset.select_related("moment__user"),
            apply_to_report,
            verb=verb,
            warning=warning,
            irreversible=irreversible,
        )


def _revoke(moment: Moment, reason: str, *, staff: User) -> None:
    refunds.revoke_and_refund(moment, reason, actor=staff)
    moderation.on_revoked(moment, reason, staff=staff)
