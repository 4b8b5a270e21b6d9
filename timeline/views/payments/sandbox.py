"""The sandbox's checkout page: it stands in for a provider's page, and says so.

Its buttons simulate buyers, banks and networks: pay, decline, let the session
expire, pay and close the window, pay too late.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from momentverse.http.redirects import see_other
from timeline.models import SandboxSession
from timeline.services.payments import events
from timeline.services.payments.providers import get_provider, sandbox
from timeline.services.payments.providers.base import Event, ProviderRefused, Session, SessionState

NOT_PAYABLE_MESSAGE = "This session takes no money any more."


@require_http_methods(["GET", "HEAD", "POST"])
def checkout_page(request: HttpRequest, session_id: str) -> HttpResponse:
    """Show the amount to pay, and carry out the action that the buyer chose."""
    if settings.PRODUCTION:
        raise Http404
    try:
        session = get_provider("sandbox").get_session(session_id)
    except ProviderRefused:
        raise Http404("The sandbox has no such session.") from None
    if request.method != "POST":
        return _render(request, session)
    action = _ACTIONS.get(request.POST.get("play", ""))
    if action is None:
        return _render(request, session, "Choose one of the buttons.", status=400)
    return action(request, session)


def _pay(request: HttpRequest, session: Session) -> HttpResponse:
    """Take the money, send the event, and redirect the buyer back."""
    if not sandbox.pay(session.id):
        return _render(request, _reload(session), NOT_PAYABLE_MESSAGE, status=409)
    _send_event(session)
    return see_other(SandboxSession.objects.get(pk=session.id).success_url)


def _pay_and_close(request: HttpRequest, session: Session) -> HttpResponse:
    """Take the money and send the event. The buyer never returns: the event alone settles it."""
    if not sandbox.pay(session.id):
        return _render(request, _reload(session), NOT_PAYABLE_MESSAGE, status=409)
    _send_event(session)
    return _render(request, _reload(session), "Paid. You can close this window; the site is told.")


def _decline(request: HttpRequest, session: Session) -> HttpResponse:
    """Let the bank decline. The buyer may try again."""
    return _render(
        request, session, "The bank declined this payment. Nothing was taken.", status=402
    )


def _time_out(request: HttpRequest, session: Session) -> HttpResponse:
    """Expire the session without a payment, and send the event."""
    get_provider("sandbox").expire_session(session.id)
    _send_event(session)
    return _render(request, _reload(session), "The time to pay is over. The site is told.")


def _pay_late(request: HttpRequest, session: Session) -> HttpResponse:
    """Expire the session, then take the money all the same, as slow payment methods do."""
    get_provider("sandbox").expire_session(session.id)
    _send_event(session)
    if not sandbox.pay(session.id, allow_expired=True):
        return _render(request, _reload(session), NOT_PAYABLE_MESSAGE, status=409)
    _send_event(session)
    return see_other(SandboxSession.objects.get(pk=session.id).success_url)


_ACTIONS: dict[str, Callable[[HttpRequest, Session], HttpResponse]] = {
    "pay": _pay,
    "pay-and-close": _pay_and_close,
    "decline": _decline,
    "time-out": _time_out,
    "pay-late": _pay_late,
}


def _reload(session: Session) -> Session:
    return get_provider("sandbox").get_session(session.id)


def _send_event(session: Session) -> None:
    """Hand an event to the site, as a provider's webhook would."""
    event = Event(f"evt_{secrets.token_urlsafe(18)}", "session.changed", session_id=session.id)
    events.receive_event(get_provider("sandbox"), event)


def _render(
    request: HttpRequest, session: Session, message: str = "", *, status: int = 200
) -> HttpResponse:
    stored = SandboxSession.objects.get(pk=session.id)
    context = {
        "session": stored,
        "is_open": session.state is SessionState.OPEN,
        "state": stored.get_state_display(),
        "message": message,
    }
    return render(request, "timeline/sandbox/checkout.html", context, status=status)
