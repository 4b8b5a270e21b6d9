"""Orders in the admin: to be read, and paid back; with the log of who did what."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from momentverse.admin.pagination import LargeTableAdmin
from timeline.admin.actions import confirm_with_reason
from timeline.core.public_ids import decode_id
from timeline.models import Checkout, Order, OrderEmail, OrderLogEntry, PaymentEvent
from timeline.services.claims.pricing import format_money
from timeline.services.payments import refunds


class ReadOnlyMixin:
    """Nothing is added, changed or deleted by hand: money has its own ways."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Say no."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say no."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return all fields."""
        return [field.name for field in self.model._meta.fields]  # type: ignore[attr-defined]  # noqa: SLF001


class EntryInline(ReadOnlyMixin, admin.TabularInline):
    """The order's log: what happened, when, and who did it."""

    model = OrderLogEntry
    verbose_name_plural = "log"
    extra = 0


class CheckoutInline(ReadOnlyMixin, admin.StackedInline):
    """Attempts to pay, with what the provider took."""

    model = Checkout
    extra = 0


class NoticeInline(ReadOnlyMixin, admin.TabularInline):
    """Mails that the order owes, and whether they went out."""

    model = OrderEmail
    verbose_name_plural = "mails"
    extra = 0


@admin.register(Order)
class OrderAdmin(ReadOnlyMixin, LargeTableAdmin, admin.ModelAdmin):
    """List and read orders; refund them with a reason."""

    list_display = ("public_id", "status", "price", "user", "moment", "created_at")
    list_filter = ("status",)
    list_select_related = ("user", "moment")
    ordering = ("-created_at",)
    search_fields = ("user__email",)
    search_help_text = "An order's number, an owner's @handle or e-mail address."
    inlines = (EntryInline, CheckoutInline, NoticeInline)
    actions = ("refund_orders",)

    @admin.display(description="price", ordering="amount")
    def price(self, order: Order) -> str:
        """Return the amount with its currency."""
        return format_money(order.amount, order.currency)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Search what an index answers: a number, a handle, an address."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.startswith("@"):
            return queryset.filter(user__handle=term[1:].lower()), False
        try:
            return queryset.filter(pk=decode_id(term)), False
        except ValueError:
            return queryset.filter(user__email=term.lower().replace("\0", "")), False

    @admin.action(description="Refund: take the moment off and pay it back", permissions=["change"])
    def refund_orders(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        """Ask for a reason, then refund."""
        assert request.user.is_authenticated
        decide = partial(self._refund, actor=request.user)
        return confirm_with_reason(
            self,
            request,
            queryset.select_related("user", "moment"),
            decide,
            verb="refund",
            warning="The moment leaves the timeline, and the whole price goes back to who paid.",
        )

    @staticmethod
    def _refund(order: Order, reason: str, *, actor: Any) -> None:
        refunds.refund_order(order, actor, reason)


class WaitingFilter(admin.SimpleListFilter):
    """Events that could not be applied yet."""

    title = "applied"
    parameter_name = "applied"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer both."""
        return [("yes", "Yes"), ("no", "Not yet")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PaymentEvent]
    ) -> QuerySet[PaymentEvent]:
        """Keep what was chosen."""
        if self.value() is None:
            return queryset
        return queryset.filter(applied_at__isnull=self.value() == "no")


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyMixin, LargeTableAdmin, admin.ModelAdmin):
    """What providers have sent, and what came of it."""

    list_display = ("received_at", "provider", "kind", "event_id", "applied_at", "outcome")
    list_filter = ("provider", WaitingFilter)
    ordering = ("-received_at",)
    search_fields = ("=event_id", "=session_id", "=payment_id")
