"""Mails about orders: what they tell stands, whatever becomes of them; each goes out once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.db.models import F

from tests.support.servers import free_port
from timeline.models import OrderEmail, OrderStatus, Status
from timeline.services.payments import emails

OWNED = (Status.ACTIVE, OrderStatus.PAID)


def let_pass(**time):
    OrderEmail.objects.update(created_at=F("created_at") - dt.timedelta(**time))


@pytest.fixture
def no_mail_server(settings):
    """Return a function that brings the mail server back."""
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()

    def back():
        settings.EMAIL_BACKEND = working

    return back


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    shop.buy(moment)
    [message] = mail.outbox
    assert message.to == [moment.user.email]
    notice = OrderEmail.objects.get()
    assert notice.state == OrderEmail.State.SENT
    assert not emails.send_email(notice.pk)
    assert len(mail.outbox) == 1


def test_the_mail_server_is_away(shop, claim, no_mail_server):
    """Fault 31: ownership kept, the mail is tried again."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    assert shop.state(moment) == OWNED
    notice = OrderEmail.objects.get()
    assert (notice.state, notice.attempts) == (OrderEmail.State.WAITING, 1)
    assert notice.error
    no_mail_server()
    let_pass(minutes=1)
    call_command("send_order_emails")
    call_command("send_order_emails")
    assert len(mail.outbox) == 1
    notice.refresh_from_db()
    assert (notice.state, notice.error) == (OrderEmail.State.SENT, "")


def test_the_mail_server_is_away_for_a_weekend(shop, claim, no_mail_server):
    """Fault 31: it is tried ever more rarely, and after two days and a half still."""
    shop.buy(claim("1969-07-20"))
    for _ in range(100):
        call_command("send_order_emails")
    assert OrderEmail.objects.get().attempts == 1
    for _ in range(30):  # two hours at a time
        let_pass(hours=2)
        for _ in range(5):
            call_command("send_order_emails")
    assert OrderEmail.objects.get().attempts < 66
    no_mail_server()
    let_pass(hours=6)
    call_command("send_order_emails")
    assert len(mail.outbox) == 1


def test_several_workers_send_one(shop, claim, no_mail_server):
    shop.buy(claim("1969-07-20"))
    no_mail_server()
    let_pass(hours=1)

    def run(_):
        try:
            call_command("send_order_emails")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))
    assert len(mail.outbox) == 1


def test_whose_worker_died_while_sending_is_left(shop, claim, no_mail_server):
    """It may have arrived; the order's page tells the same."""
    shop.buy(claim("1969-07-20"))
    OrderEmail.objects.update(state=OrderEmail.State.SENDING)
    no_mail_server()
    let_pass(hours=1)
    call_command("send_order_emails")
    assert mail.outbox == []


def test_who_has_been_erased_gets_none(shop, claim, claimant, no_mail_server):
    shop.buy(claim("1969-07-20"))
    type(claimant).objects.filter(pk=claimant.pk).update(is_active=False)
    no_mail_server()
    let_pass(hours=1)
    call_command("send_order_emails")
    assert mail.outbox == []
    assert OrderEmail.objects.get().state == OrderEmail.State.SENT
