"""A person's own orders: the list, and one order with its receipt and its log."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.core.span_display import SpanDisplay
from timeline.models import Checkout, Order
from timeline.selectors.pagination import paginate
from timeline.views.pagination import pagination_context, parse_cursor

PAGE_SIZE = 25
ORDER_NOT_FOUND_MESSAGE = "There is no such order, or it is not yours."


@require_safe
@login_required
def order_list(request: HttpRequest) -> HttpResponse:
    """List the person's orders, newest first. ``?before=`` is the creation time that a page ends at."""
    assert request.user.is_authenticated
    cursor = parse_cursor(request, _parse_time, params=("before",))
    own = Order.objects.filter(user=request.user).select_related("moment")
    page = paginate(own, "created_at", cursor, size=PAGE_SIZE, descending=True)
    context = pagination_context(page, cursor, dt.datetime.isoformat)
    return render(request, "timeline/orders/list.html", context)


@require_safe
@login_required
def order_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one order with its log. It is the receipt once the order is paid."""
    assert request.user.is_authenticated
    order = Order.objects.filter(user=request.user, pk=pk).select_related("moment").first()
    if order is None:
        raise Http404(ORDER_NOT_FOUND_MESSAGE)
    context = {
        "order": order,
        "moment": order.moment,
        "display": SpanDisplay.of_moment(order.moment),
        "payments": Checkout.objects.filter(order=order, captured__gt=0).select_related("refund"),
        "log_entries": order.log_entries.all(),
    }
    return render(request, "timeline/orders/order.html", context)


def _parse_time(text: str) -> dt.datetime | None:
    """Return a time with a zone, to the microsecond. None, for the first page, if it is not one."""
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None
