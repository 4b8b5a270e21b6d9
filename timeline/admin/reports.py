"""What people have reported, in the admin: a queue, and what can be done about each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from momentverse.admin.pagination import LargeTableAdmin
from timeline.admin.actions import confirm_with_reason
from timeline.models import Moment, Report
from timeline.services import moderation
from timeline.services.payments import refunds

Decision = Callable[[Moment, str], None]


class StatusFilter(admin.SimpleListFilter):
    """Open reports, unless others are asked for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer each status, and all."""
        return [*Report.Status.choices, ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Leave out Django's own word for no choice: that is “open” here."""
        yield from list(super().choices(changelist))[1:]

    def value(self) -> str:
        """Return what is chosen, ``open`` when nothing is."""
        return super().value() or Report.Status.OPEN.value

    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        """Keep the chosen ones."""
        chosen = self.value()
        return queryset if chosen == "all" else queryset.filter(status=chosen)


class ReportAdmin(LargeTableAdmin, admin.ModelAdmin):
    """The queue, oldest first; reports are read and settled, never written here."""

    list_display = ("moment_link", "reason", "excerpt", "owner", "reporter", "created_at", "status")
    list_display_links = ("reason",)
    list_filter = (StatusFilter, "reason")
    list_select_related = ("moment__user", "reporter")
    ordering = ("created_at",)
    fields = (
        "moment_link", "reason", "comment", "reporter", "created_at", "status", "resolution", "handled_by",
        "handled_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ("dismiss", "hide", "revoke")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say no: reports come from people."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no: what was settled stays on record."""
        return False

    @admin.display(description="moment")
    def moment_link(self, report: Report) -> SafeString:
        """Lead to the moment in the admin: a hidden one has no page for staff."""
        address = reverse("admin:timeline_moment_change", args=[report.moment_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', address, report.moment.title)

    @admin.display(description="owner")
    def owner(self, report: Report) -> str:
        """Name whose moment it is."""
        return str(report.moment.user)

    @admin.display(description="comment")
    def excerpt(self, report: Report) -> str:
        """Show how the comment begins."""
        return report.comment if len(report.comment) <= 80 else f"{report.comment[:79]}…"

    @admin.action(description="Dismiss: the moment stays as it is", permissions=["change"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then close the reports of these moments."""
        assert request.user.is_authenticated
        staff = request.user

        def decide(moment: Moment, reason: str) -> None:
            moderation.close_reports(moment, Report.Status.DISMISSED, reason, staff)

        return self._ask(request, queryset, decide, "dismiss", "The moments stay as they are.")

    @admin.action(description="Hide the moment from all but its owner", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then hide the moments."""
        assert request.user.is_authenticated
        staff = request.user

        def decide(moment: Moment, reason: str) -> None:
            moderation.hide(moment, reason, staff=staff)

        return self._ask(request, queryset, decide, "hide", moderation.HIDE_MESSAGE, final=False)

    @admin.action(description="Revoke the moment, pay it back", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Report]) -> HttpResponse | None:
        """Ask for a reason, then take the moments off the timeline."""
        assert request.user.is_authenticated
        staff = request.user

        def decide(moment: Moment, reason: str) -> None:
            refunds.revoke_and_refund(moment, reason, actor=staff)
            moderation.on_revoked(moment, reason, staff=staff)

        return self._ask(request, queryset, decide, "revoke", "Others can claim the span at once.")

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Report],
        decide: Decision,
        verb: str,
        consequence: str,
        *,
        final: bool = True,
    ) -> HttpResponse | None:
        def settle(report: Report, reason: str) -> None:
            report.refresh_from_db(fields=["status"])
            # Of several reports of one moment the first settles all.
            if report.status == Report.Status.OPEN:
                decide(report.moment, reason)
                self.log_change(request, report.moment, f"{verb}, as reported: {reason}")

        rows = queryset.select_related("moment__user")
        return confirm_with_reason(
            self, request, rows, settle, verb=verb, consequence=consequence, final=final
        )
