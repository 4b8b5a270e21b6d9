"""E-mails about orders: each is sent once, and a failing mail server changes no order."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.db.models import F

from tests.support.servers import find_free_port
from timeline.models import OrderEmail, OrderStatus, Status
from timeline.services.payments import emails

OWNED = (Status.ACTIVE, OrderStatus.PAID)


def make_older(**time):
    OrderEmail.objects.update(created_at=F("created_at") - dt.timedelta(**time))


@pytest.fixture
def mail_server_down(settings):
    """Take the mail server down. Return a function that restores it."""
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", find_free_port()

    def restore():
        settings.EMAIL_BACKEND = working

    return restore


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    shop.buy(moment)
    [message] = mail.outbox
    assert message.to == [moment.user.email]
    email = OrderEmail.objects.get()
    assert email.state == OrderEmail.State.SENT
    assert not emails.send_email(email.pk)
    assert len(mail.outbox) == 1


def test_rejected_mail_is_retried_and_the_purchase_stands(shop, claim, mail_server_down):
    """Fault 31."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    assert shop.state(moment) == OWNED
    email = OrderEmail.objects.get()
    assert (email.state, email.attempts) == (OrderEmail.State.WAITING, 1)
    assert email.error
    mail_server_down()
    make_older(minutes=1)
    call_command("send_order_emails")
    call_command("send_order_emails")
    assert len(mail.outbox) == 1
    email.refresh_from_db()
    assert (email.state, email.error) == (OrderEmail.State.SENT, "")


def test_mail_is_retried_for_days_at_growing_intervals(shop, claim, mail_server_down):
    """Fault 31: it is still retried after two and a half days."""
    shop.buy(claim("1969-07-20"))
    for _ in range(100):
        call_command("send_order_emails")
    assert OrderEmail.objects.get().attempts == 1
    for _ in range(30):  # two hours pass each time
        make_older(hours=2)
        for _ in range(5):
            call_command("send_order_emails")
    assert OrderEmail.objects.get().attempts < 66
    mail_server_down()
    make_older(hours=6)
    call_command("send_order_emails")
    assert len(mail.outbox) == 1


def test_concurrent_workers_send_one_mail(shop, claim, mail_server_down):
    shop.buy(claim("1969-07-20"))
    mail_server_down()
    make_older(hours=1)

    def run(_):
        try:
            call_command("send_order_emails")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))
    assert len(mail.outbox) == 1


def test_mail_of_a_worker_that_died_while_sending_is_not_sent_again(shop, claim, mail_server_down):
    """It may have arrived. The order's page shows the same information."""
    shop.buy(claim("1969-07-20"))
    OrderEmail.objects.update(state=OrderEmail.State.SENDING)
    mail_server_down()
    make_older(hours=1)
    call_command("send_order_emails")
    assert mail.outbox == []


def test_erased_account_gets_no_mail(shop, claim, claimant, mail_server_down):
    shop.buy(claim("1969-07-20"))
    type(claimant).objects.filter(pk=claimant.pk).update(is_active=False)
    mail_server_down()
    make_older(hours=1)
    call_command("send_order_emails")
    assert mail.outbox == []
    assert OrderEmail.objects.get().state == OrderEmail.State.SENT
