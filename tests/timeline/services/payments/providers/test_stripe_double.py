"""The double is as strict as Stripe where we rely on it, and can be driven from elsewhere."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.payments import MakeRequest
from tests.support.servers import ROOT, wait_until
from tests.support.stripe_double import RemoteDouble, StripeDouble
from tests.support.stripe_double.api import parse_form
from timeline.services.payments.providers.base import InvalidEvent, ProviderUnavailable
from timeline.services.payments.providers.stripe import StripeProvider

CREATE = "POST /v1/checkout/sessions"


class _Endpoint(BaseHTTPRequestHandler):
    """Answers 400 to what is not signed with the right secret."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.server.provider.verify_event(body, self.headers["Stripe-Signature"])
            status = 200
        except InvalidEvent:
            status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint(provider: StripeProvider) -> Iterator[str]:
    """An address that messages are posted to."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        server.provider = provider
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_parameters_are_nested():
    assert parse_form("a=1&b[c][0]=2&b[c][1]=%C3%A9&d[]=") == {
        "a": "1",
        "b": {"c": {"0": "2", "1": "é"}},
        "d": "",
    }


def test_one_key_at_once_is_a_conflict(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    stripe_double.slow(60, CREATE)
    with pytest.raises(ProviderUnavailable, match="in-progress"):
        provider.create_session(asked())


def test_a_key_is_forgotten_after_a_day(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    payment = stripe_double.pay(provider.create_session(asked()).id)["payment_intent"]
    first = provider.refund(payment, 100, "refund")
    stripe_double.set_clock(24 * 3600 + 60)
    assert provider.refund(payment, 100, "refund") != first


def test_messages_are_posted(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest, endpoint: str
):
    stripe_double.pay(provider.create_session(asked()).id)
    [event] = stripe_double.events
    assert stripe_double.deliver(endpoint, event, times=10, at_once=5) == [200] * 10
    assert stripe_double.deliver(endpoint, event, offset=-301) == [400]
    assert stripe_double.deliver(endpoint, event, secret="whsec_guessed") == [400]
    assert stripe_double.deliver(endpoint, event, altered=True) == [400]


def test_it_is_driven_from_elsewhere(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest, endpoint: str
):
    remote = RemoteDouble(stripe_double.url)
    session = provider.create_session(asked())
    assert remote.pay(session=remote.find(key="order-1"))["payment_status"] == "paid"
    assert remote.totals() == {"captured": 600, "refunded": 0}
    [event] = remote.state()["events"]
    assert remote.deliver(url=endpoint, events=[event["id"]], times=2) == [200, 200]
    with pytest.raises(ValueError, match="complete"):
        remote.pay(session=session.id)


def test_it_runs_in_a_process_of_its_own():
    command = [sys.executable, "-m", "tests.support.stripe_double", "--live"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        remote = RemoteDouble(url)
        wait_until(lambda: remote.state()["sessions"] == [], "it answers")
        process.terminate()
