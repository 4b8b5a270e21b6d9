"""One's own orders: what was bought, what it cost, what became of the money."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.core.span_display import SpanDisplay
from timeline.models import Checkout, Order

PAGE_SIZE = 25
ORDER_NOT_FOUND_MESSAGE = "There is no such order, or it is not yours."


@require_safe
@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    """List one's orders, newest first; a page is cut by when they were made."""
    assert request.user.is_authenticated
    own = Order.objects.filter(user=request.user).select_related("moment")
    before = _cut(request)
    if before is not None:
        own = own.filter(created_at__lt=before)
    found = list(own.order_by("-created_at")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    older = shown[-1].created_at.isoformat() if len(found) > PAGE_SIZE else ""
    return render(request, "orders/list.html", {"orders": shown, "older": older, "cut": before})


@require_safe
@login_required
def order_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one order: the receipt when it is paid, and its log."""
    assert request.user.is_authenticated
    found = Order.objects.filter(user=request.user, pk=pk).select_related("moment").first()
    if found is None:
        raise Http404(ORDER_NOT_FOUND_MESSAGE)
    context = {
        "order": found,
        "moment": found.moment,
        "told": SpanDisplay.of_moment(found.moment),
        "payments": Checkout.objects.filter(order=found, captured__gt=0).select_related("refund"),
        "entries": found.log_entries.all(),
    }
    return render(request, "orders/order.html", context)


def _cut(request: HttpRequest) -> dt.datetime | None:
    """Return the instant that the page is cut before, to the microsecond; None for the first page."""
    text = request.GET.get("before", "")
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
