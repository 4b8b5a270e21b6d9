"""The URL of Stripe's webhook. Enter it in Stripe's dashboard."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from timeline.services.payments.providers import get_provider
from timeline.views.payments import webhooks


@csrf_exempt  # the signature proves who sent it
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Receive an event from Stripe. 404 if ``STRIPE_WEBHOOK_SECRET`` is not set."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise Http404
    signature = request.headers.get("Stripe-Signature", "")
    return webhooks.handle_webhook(request, get_provider("stripe"), signature)


urlpatterns = [path("", webhook, name="stripe-webhook")]
