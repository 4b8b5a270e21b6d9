"""The sandbox's till: a page that plays a provider's, plainly marked as one.

Its buttons do what buyers, banks and networks do: pay, be declined, go away,
pay and close the window, pay when it is too late.
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


@require_http_methods(["GET", "HEAD", "POST"])
def checkout_page(request: HttpRequest, session_id: str) -> HttpResponse:
    """Show what is to be paid, and play what the buyer chose."""
    if settings.PRODUCTION:
        raise Http404
    try:
        session = get_provider("sandbox").get_session(session_id)
    except ProviderRefused:
        raise Http404("The sandbox has no such session.") from None
    if request.method != "POST":
        return _render(request, session)
    play = _ACTIONS.get(request.POST.get("play", ""))
    if play is None:
        return _render(request, session, "Choose one of the buttons.", status=400)
    return play(request, session)


def _pay(request: HttpRequest, session: Session) -> HttpResponse:
    """The money is taken, the site is told, and the buyer comes back."""
    if not sandbox.pay(session.id):
        return _render(
            request, _reload(session), "This session takes no money any more.", status=409
        )
    _send_event(session)
    return see_other(SandboxSession.objects.get(pk=session.id).success_url)


def _pay_and_close(request: HttpRequest, session: Session) -> HttpResponse:
    """The money is taken and the buyer never comes back: the message alone settles it."""
    if not sandbox.pay(session.id):
        return _render(
            request, _reload(session), "This session takes no money any more.", status=409
        )
    _send_event(session)
    return _render(request, _reload(session), "Paid. You can close this window; the site is told.")


def _decline(request: HttpRequest, session: Session) -> HttpResponse:
    """The bank says no; the buyer may try again."""
    return _render(
        request, session, "The bank declined this payment. Nothing was taken.", status=402
    )


def _time_out(request: HttpRequest, session: Session) -> HttpResponse:
    """The session ends without a payment, and the site is told."""
    get_provider("sandbox").expire_session(session.id)
    _send_event(session)
    return _render(request, _reload(session), "The time to pay is over. The site is told.")


def _pay_late(request: HttpRequest, session: Session) -> HttpResponse:
    """The session ends, and then money arrives all the same, as slow ways to pay have it."""
    get_provider("sandbox").expire_session(session.id)
    _send_event(session)
    if not sandbox.pay(session.id, allow_expired=True):
        return _render(
            request, _reload(session), "This session takes no money any more.", status=409
        )
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
    """Send the site a message, as a provider does."""
    event = Event(f"evt_{secrets.token_urlsafe(18)}", "session.changed", session_id=session.id)
    events.receive_event(get_provider("sandbox"), event)


def _render(
    request: HttpRequest, session: Session, said: str = "", *, status: int = 200
) -> HttpResponse:
    stored = SandboxSession.objects.get(pk=session.id)
    context = {
        "session": stored,
        "is_open": session.state is SessionState.OPEN,
        "state": stored.get_state_display(),
        "said": said,
    }
    return render(request, "sandbox/till.html", context, status=status)
