"""Receive webhooks of payment providers."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException

from timeline.services.payments import events
from timeline.services.payments.providers.base import InvalidEvent, Provider

logger = logging.getLogger("timeline.payments")


def handle_webhook(request: HttpRequest, provider: Provider, signature: str) -> HttpResponse:
    """Verify a webhook and store its event, which is applied afterwards.

    A bad signature is answered with 400 and no detail. If the database is down, the
    response is 503, and the provider sends the event again.
    """
    try:
        event = provider.verify_event(request.body, signature)
    except (InvalidEvent, RawPostDataException):
        logger.warning("%s: a message that it did not sign was refused", provider.name)
        return HttpResponse(status=400, content_type="text/plain")
    events.receive_event(provider, event)
    return HttpResponse(status=200, content_type="text/plain")
