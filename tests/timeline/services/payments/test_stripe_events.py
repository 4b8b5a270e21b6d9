"""Stripe's events: what they are about, which signatures are accepted, and how they are listed."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from typing import Any

import pytest
from django.utils import timezone

from tests.support.payments import MakeRequest
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_double.messages import tamper
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import Event, InvalidEvent, ProviderUnavailable
from timeline.services.payments.providers.stripe import StripeProvider


@pytest.fixture
def session_id(provider: StripeProvider, make_request: MakeRequest) -> str:
    """An open session."""
    return provider.create_session(make_request()).id


@pytest.fixture
def completed(stripe_double: StripeDouble, session_id: str) -> dict[str, Any]:
    """The event of its payment."""
    stripe_double.pay(session_id)
    [event] = stripe_double.events
    return event


def verify(double: StripeDouble, provider: StripeProvider, event: dict[str, Any]) -> Event:
    return provider.verify_event(*double.signed(event))


# What they are about


def test_paid_session(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    session_id: str,
    completed: dict[str, Any],
):
    assert verify(stripe_double, provider, completed) == Event(
        id=completed["id"], kind="checkout.session.completed", session_id=session_id
    )


@pytest.mark.parametrize("what", ["succeed_async", "fail_async"])
def test_later_money_and_failed_money(
    stripe_double: StripeDouble, provider: StripeProvider, session_id: str, what: str
):
    """Fault 5, fault 6."""
    stripe_double.pay_async(session_id)
    getattr(stripe_double, what)(session_id)
    events = [verify(stripe_double, provider, event) for event in stripe_double.events]
    assert [event.session_id for event in events] == [session_id] * 2
    assert all(event.is_relevant for event in events)


def test_expired_session(stripe_double: StripeDouble, provider: StripeProvider, session_id: str):
    stripe_double.expire(session_id)
    event = verify(stripe_double, provider, stripe_double.events[-1])
    assert (event.kind, event.session_id) == ("checkout.session.expired", session_id)


def test_refund(stripe_double: StripeDouble, provider: StripeProvider, session_id: str):
    """Fault 24."""
    payment = stripe_double.pay(session_id)["payment_intent"]
    stripe_double.fail_refund(stripe_double.refund(payment)["id"])
    for kind in ("charge.refunded", "refund.failed"):
        [event] = stripe_double.events_of(kind)
        verified = verify(stripe_double, provider, event)
        assert (verified.payment_id, verified.session_id, verified.is_relevant) == (
            payment,
            "",
            True,
        )


def test_dispute(stripe_double: StripeDouble, provider: StripeProvider, session_id: str):
    """Fault 25."""
    payment = stripe_double.pay(session_id)["payment_intent"]
    stripe_double.win_dispute(stripe_double.open_dispute(payment)["id"])
    events = [verify(stripe_double, provider, event) for event in stripe_double.events[1:]]
    assert [event.kind.rpartition(".")[2] for event in events] == [
        "created",
        "funds_reinstated",
        "closed",
    ]
    assert {event.payment_id for event in events} == {payment}


def test_unknown_kind_is_not_relevant(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23."""
    event = verify(stripe_double, provider, completed | {"type": "customer.created"})
    assert (event.is_relevant, event.session_id, event.payment_id) == (False, "", "")


def test_refund_without_a_payment_is_not_relevant(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    data = {"object": {"id": "ch_1", "object": "charge", "payment_intent": None}}
    event = completed | {"type": "charge.refunded", "data": data}
    assert not verify(stripe_double, provider, event).is_relevant


def test_event_of_the_other_mode_is_marked(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23: ``receive_event`` ignores it, not the provider."""
    event = verify(stripe_double, provider, completed | {"livemode": True})
    assert event.is_live is not provider.is_live


def test_event_of_a_connected_account_is_not_relevant(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23."""
    assert not verify(stripe_double, provider, completed | {"account": "acct_1"}).is_relevant


# Signatures


def test_forged_signature_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 21: signed with another secret. The error does not say so."""
    with pytest.raises(InvalidEvent) as error:
        provider.verify_event(*stripe_double.signed(completed, secret="whsec_guessed"))
    assert str(error.value) == ""


def test_tampered_body_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 21."""
    body, signature = stripe_double.signed(completed)
    with pytest.raises(InvalidEvent):
        provider.verify_event(tamper(body), signature)


@pytest.mark.parametrize("seconds", [-301, 310])
def test_wrong_signing_time_is_refused_and_logged(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    seconds: int,
):
    """Fault 21, fault 22: it is logged because the signature itself is right."""
    with pytest.raises(InvalidEvent):
        provider.verify_event(*stripe_double.signed(completed, offset=seconds))
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "clock" in record.getMessage()
    assert completed["id"] in record.getMessage()


def test_session_can_be_fetched_while_our_clock_is_wrong(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
):
    """Fault 22: its event is refused."""
    stripe_double.set_clock(-600)
    with pytest.raises(InvalidEvent):
        verify(stripe_double, provider, completed)
    assert "clock" in caplog.text
    assert provider.get_session(completed["data"]["object"]["id"]).payment_id


@pytest.mark.parametrize("seconds", [-290, 290])
def test_small_clock_difference_is_accepted(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any], seconds: int
):
    assert provider.verify_event(*stripe_double.signed(completed, offset=seconds)).is_relevant


def test_second_timestamp_does_not_renew_an_old_signature(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 21."""
    body, signature = stripe_double.signed(completed, offset=-3600)
    for forged in (f"{signature},t={int(time.time())}", f"t={int(time.time())},{signature}"):
        with pytest.raises(InvalidEvent):
            provider.verify_event(body, forged)


@pytest.mark.parametrize(
    "signature",
    ["", ",", "t=,v1=", "t=1", "v1=1", "t=x,v1=1", "t=1,v1=é", f"t={'9' * 5000},v1=1", "t", "\0"],
)
def test_malformed_signature_is_refused_without_an_error_in_the_log(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    signature: str,
    caplog: pytest.LogCaptureFixture,
):
    """Fault 21."""
    body, _ = stripe_double.signed(completed)
    with pytest.raises(InvalidEvent):
        provider.verify_event(body, signature)
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[]", b"\0"])
def test_malformed_body_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, body: bytes
):
    """Fault 21: with the signature of another body."""
    _, signature = stripe_double.signed({})
    with pytest.raises(InvalidEvent):
        provider.verify_event(body, signature)


def test_one_matching_signature_of_two_is_enough(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """While a secret is being replaced, Stripe signs with the old and the new one."""
    body, old = stripe_double.signed(completed, secret="whsec_old")
    _, ours = stripe_double.signed(completed)
    assert provider.verify_event(body, f"{old},{ours.partition(',')[2]}").is_relevant


# The event list


def test_all_pages_of_relevant_events_are_listed(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    """Fault 8."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    for number in range(3):
        session = provider.create_session(make_request(f"order-{number}"))
        stripe_double.refund(stripe_double.pay(session.id)["payment_intent"])
    listed = list(provider.list_events(timezone.now() - dt.timedelta(days=3)))
    sent = stripe_double.events_of("checkout.session.completed", "charge.refunded")
    assert [event.id for event in listed] == [event["id"] for event in reversed(sent)]
    assert all(event.session_id or event.payment_id for event in listed)


def test_only_relevant_kinds_are_requested(stripe_double: StripeDouble, provider: StripeProvider):
    list(provider.list_events(timezone.now()))
    [call] = stripe_double.requests
    kinds = call.params["types"].values()
    assert "checkout.session.expired" in kinds
    assert len(kinds) <= 20  # the most that Stripe accepts


def test_irrelevant_events_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23."""
    data = {"object": {"id": "ch_1", "object": "charge", "payment_intent": None}}
    stripe_double.events[:] = [completed | {"type": "charge.refunded", "data": data}]
    assert list(provider.list_events(timezone.now() - dt.timedelta(minutes=1))) == []


def test_earlier_events_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    assert list(provider.list_events(timezone.now() + dt.timedelta(minutes=1))) == []


def test_events_that_stripe_no_longer_stores_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 9: the sessions are still listed."""
    stripe_double.forget_events()
    since = timezone.now() - dt.timedelta(days=3)
    assert list(provider.list_events(since)) == []
    assert [session.key for session in provider.list_sessions(since)] == ["order-1"]


def test_listing_events_while_stripe_is_down_is_unavailable(
    stripe_double: StripeDouble, provider: StripeProvider
):
    stripe_double.respond_with(503, times=None)
    with pytest.raises(ProviderUnavailable):
        list(provider.list_events(timezone.now()))


def test_any_script_is_verified(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """The signature covers bytes, so a title may be in any script."""
    completed["data"]["object"]["metadata"]["title"] = "Møment 瞬間"
    body, signature = stripe_double.signed(completed)
    assert json.loads(body) == completed
    assert provider.verify_event(body, signature).id == completed["id"]
