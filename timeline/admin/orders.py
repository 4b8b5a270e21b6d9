"""Orders and payment events in the admin: read-only, with an action that refunds orders."""

from __future__ import annotations

from functools import partial

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from momentverse.admin.pagination import LargeTableAdmin
from timeline.admin.actions import confirm_with_reason
from timeline.core.public_ids import decode_id
from timeline.models import Checkout, Order, OrderEmail, OrderLogEntry, PaymentEvent
from timeline.services.claims.pricing import format_money
from timeline.services.payments import refunds


class ReadOnlyMixin:
    """Staff cannot add, change or delete these rows: only payments and refunds may change them."""

    model: type[Model]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [field.name for field in self.model._meta.fields]  # noqa: SLF001  documented API


class LogEntryInline(ReadOnlyMixin, admin.TabularInline):
    """The order's log: what happened, when, and who did it."""

    model = OrderLogEntry
    verbose_name_plural = "log"
    extra = 0


class CheckoutInline(ReadOnlyMixin, admin.StackedInline):
    """The attempts to pay the order, with the amounts that the provider captured."""

    model = Checkout
    extra = 0


class OrderEmailInline(ReadOnlyMixin, admin.TabularInline):
    """The e-mails about the order, and whether they were sent."""

    model = OrderEmail
    verbose_name_plural = "mails"
    extra = 0


@admin.register(Order)
class OrderAdmin(ReadOnlyMixin, LargeTableAdmin, admin.ModelAdmin):
    """List, search and show orders, and refund them with a reason."""

    list_display = ("public_id", "status", "price", "user", "moment", "created_at")
    list_filter = ("status",)
    list_select_related = ("user", "moment")
    ordering = ("-created_at",)
    search_fields = ("user__email",)
    search_help_text = "An order's number, an owner's @handle or e-mail address."
    inlines = (LogEntryInline, CheckoutInline, OrderEmailInline)
    actions = ("refund_orders",)

    @admin.display(description="price", ordering="amount")
    def price(self, order: Order) -> str:
        """Return the amount with its currency."""
        return format_money(order.amount, order.currency)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Search for a number, a handle or an e-mail address, exactly: each of them has an index."""
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
        """Ask for a reason, then refund the orders."""
        assert request.user.is_authenticated
        return confirm_with_reason(
            self,
            request,
            queryset.select_related("user", "moment"),
            partial(refunds.refund_order, actor=request.user),
            verb="refund",
            warning="The moment leaves the timeline, and the whole price goes back to who paid.",
        )


class AppliedFilter(admin.SimpleListFilter):
    """Filter events by whether they have been applied."""

    title = "applied"
    parameter_name = "applied"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[PaymentEvent]
    ) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "Not yet")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[PaymentEvent]
    ) -> QuerySet[PaymentEvent]:
        if self.value() is None:
            return queryset
        return queryset.filter(applied_at__isnull=self.value() == "no")


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyMixin, LargeTableAdmin, admin.ModelAdmin):
    """The webhook events that providers have sent, and their outcomes."""

    list_display = ("received_at", "provider", "kind", "event_id", "applied_at", "outcome")
    list_filter = ("provider", AppliedFilter)
    ordering = ("-received_at",)
    search_fields = ("=event_id", "=session_id", "=payment_id")
