"""Stripe's messages: which are believed, what they are about, and which it still has."""

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
from tests.support.stripe_double.messages import altered
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import Event, InvalidEvent, ProviderUnavailable
from timeline.services.payments.providers.stripe import StripeProvider


@pytest.fixture
def session_id(provider: StripeProvider, asked: MakeRequest) -> str:
    """An open session."""
    return provider.create_session(asked()).id


@pytest.fixture
def completed(stripe_double: StripeDouble, session_id: str) -> dict[str, Any]:
    """The message that it was paid."""
    stripe_double.pay(session_id)
    [event] = stripe_double.events
    return event


def read(double: StripeDouble, provider: StripeProvider, event: dict[str, Any]) -> Event:
    return provider.verify_event(*double.signed(event))


# What they are about


def test_a_session_was_paid(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    session_id: str,
    completed: dict[str, Any],
):
    assert read(stripe_double, provider, completed) == Event(
        id=completed["id"], kind="checkout.session.completed", session_id=session_id
    )


@pytest.mark.parametrize("what", ["succeed_async", "fail_async"])
def test_money_that_came_later_or_not(
    stripe_double: StripeDouble, provider: StripeProvider, session_id: str, what: str
):
    """Fault 5, fault 6."""
    stripe_double.pay_unpaid(session_id)
    getattr(stripe_double, what)(session_id)
    events = [read(stripe_double, provider, event) for event in stripe_double.events]
    assert [event.session_id for event in events] == [session_id] * 2
    assert all(event.is_relevant for event in events)


def test_a_session_was_closed(
    stripe_double: StripeDouble, provider: StripeProvider, session_id: str
):
    stripe_double.expire(session_id)
    event = read(stripe_double, provider, stripe_double.events[-1])
    assert (event.kind, event.session_id) == ("checkout.session.expired", session_id)


def test_a_refund(stripe_double: StripeDouble, provider: StripeProvider, session_id: str):
    """Fault 24."""
    payment = stripe_double.pay(session_id)["payment_intent"]
    stripe_double.fail_refund(stripe_double.refund(payment)["id"])
    for kind in ("charge.refunded", "refund.failed"):
        [event] = stripe_double.events_of(kind)
        found = read(stripe_double, provider, event)
        assert (found.payment_id, found.session_id, found.is_relevant) == (payment, "", True)


def test_a_dispute(stripe_double: StripeDouble, provider: StripeProvider, session_id: str):
    """Fault 25."""
    payment = stripe_double.pay(session_id)["payment_intent"]
    stripe_double.win_dispute(stripe_double.open_dispute(payment)["id"])
    events = [read(stripe_double, provider, event) for event in stripe_double.events[1:]]
    assert [event.kind.rpartition(".")[2] for event in events] == [
        "created",
        "funds_reinstated",
        "closed",
    ]
    assert {event.payment_id for event in events} == {payment}


def test_an_unknown_kind(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23."""
    event = read(stripe_double, provider, completed | {"type": "customer.created"})
    assert (event.is_relevant, event.session_id, event.payment_id) == (False, "", "")


def test_a_refund_of_what_was_not_paid_by_a_session(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    about = {"object": {"id": "ch_1", "object": "charge", "payment_intent": None}}
    event = completed | {"type": "charge.refunded", "data": about}
    assert not read(stripe_double, provider, event).is_relevant


def test_the_other_mode_is_told(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23: who ignores it is not the provider."""
    event = read(stripe_double, provider, completed | {"livemode": True})
    assert event.is_live is not provider.is_live


def test_another_account(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23: one that is connected to ours."""
    assert not read(stripe_double, provider, completed | {"account": "acct_1"}).is_relevant


# Which are believed


def test_forged(stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]):
    """Fault 21: signed, but not with our secret; the refusal does not say so."""
    with pytest.raises(InvalidEvent) as refused:
        provider.verify_event(*stripe_double.signed(completed, secret="whsec_guessed"))
    assert str(refused.value) == ""


def test_altered(stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]):
    """Fault 21."""
    body, signature = stripe_double.signed(completed)
    with pytest.raises(InvalidEvent):
        provider.verify_event(altered(body), signature)


@pytest.mark.parametrize("seconds", [-301, 310])
def test_signed_at_another_time(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    seconds: int,
):
    """Fault 21, fault 22: refused, and told, for the signature is right."""
    with pytest.raises(InvalidEvent):
        provider.verify_event(*stripe_double.signed(completed, offset=seconds))
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "clock" in record.getMessage()
    assert completed["id"] in record.getMessage()


def test_our_clock_is_ten_minutes_ahead(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
):
    """Fault 22: a message of now is refused; what it is about can be asked for."""
    stripe_double.set_clock(-600)
    with pytest.raises(InvalidEvent):
        read(stripe_double, provider, completed)
    assert "clock" in caplog.text
    assert provider.get_session(completed["data"]["object"]["id"]).payment_id


@pytest.mark.parametrize("seconds", [-290, 290])
def test_signed_a_little_while_ago(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any], seconds: int
):
    assert provider.verify_event(*stripe_double.signed(completed, offset=seconds)).is_relevant


def test_a_second_time_does_not_make_an_old_signature_new(
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
def test_no_signature(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    completed: dict[str, Any],
    signature: str,
    caplog: pytest.LogCaptureFixture,
):
    """Fault 21. Strangers write nothing into the log as errors either."""
    body, _ = stripe_double.signed(completed)
    with pytest.raises(InvalidEvent):
        provider.verify_event(body, signature)
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"[]", b"\0"])
def test_no_message(stripe_double: StripeDouble, provider: StripeProvider, body: bytes):
    """Fault 21: with a signature of another one."""
    _, signature = stripe_double.signed({})
    with pytest.raises(InvalidEvent):
        provider.verify_event(body, signature)


def test_signed_with_an_old_secret_and_ours(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """While a secret is changed, Stripe signs with both."""
    body, old = stripe_double.signed(completed, secret="whsec_old")
    _, ours = stripe_double.signed(completed)
    assert provider.verify_event(body, f"{old},{ours.partition(',')[2]}").is_relevant


# Which it still has


def test_missed_messages_are_listed(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    asked: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    """Fault 8: all pages of them, those that say something to us."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    for number in range(3):
        session = provider.create_session(asked(f"order-{number}"))
        stripe_double.refund(stripe_double.pay(session.id)["payment_intent"])
    listed = list(provider.list_events(timezone.now() - dt.timedelta(days=3)))
    sent = stripe_double.events_of("checkout.session.completed", "charge.refunded")
    assert [event.id for event in listed] == [event["id"] for event in reversed(sent)]
    assert all(event.session_id or event.payment_id for event in listed)


def test_only_kinds_that_say_something_are_asked_for(
    stripe_double: StripeDouble, provider: StripeProvider
):
    list(provider.list_events(timezone.now()))
    [call] = stripe_double.requests
    kinds = call.params["types"].values()
    assert "checkout.session.expired" in kinds
    assert len(kinds) <= 20  # Stripe takes no more


def test_listed_messages_about_nothing_of_ours_are_left_out(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 23."""
    about = {"object": {"id": "ch_1", "object": "charge", "payment_intent": None}}
    stripe_double.events[:] = [completed | {"type": "charge.refunded", "data": about}]
    assert list(provider.list_events(timezone.now() - dt.timedelta(minutes=1))) == []


def test_messages_before_that_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    assert list(provider.list_events(timezone.now() + dt.timedelta(minutes=1))) == []


def test_messages_that_are_too_old_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Fault 9: the list of sessions has what they were about."""
    stripe_double.forget_events()
    since = timezone.now() - dt.timedelta(days=3)
    assert list(provider.list_events(since)) == []
    assert [session.key for session in provider.list_sessions(since)] == ["order-1"]


def test_messages_cannot_be_listed_now(stripe_double: StripeDouble, provider: StripeProvider):
    stripe_double.answer(503, times=None)
    with pytest.raises(ProviderUnavailable):
        list(provider.list_events(timezone.now()))


def test_a_message_is_read_as_it_was_sent(
    stripe_double: StripeDouble, provider: StripeProvider, completed: dict[str, Any]
):
    """Bytes are what is signed: a title in any script stays what it is."""
    completed["data"]["object"]["metadata"]["title"] = "Møment 瞬間"
    body, signature = stripe_double.signed(completed)
    assert json.loads(body) == completed
    assert provider.verify_event(body, signature).id == completed["id"]
