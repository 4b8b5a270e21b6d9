"""The double of Stripe: as strict as Stripe where we rely on it, and usable from another process."""

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
    """Responds with 400 to a body that is not signed with the right secret."""

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
        """Log nothing."""


@pytest.fixture
def endpoint(provider: StripeProvider) -> Iterator[str]:
    """The URL of a webhook."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        server.provider = provider
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_parse_form_nests_parameters():
    assert parse_form("a=1&b[c][0]=2&b[c][1]=%C3%A9&d[]=") == {
        "a": "1",
        "b": {"c": {"0": "2", "1": "é"}},
        "d": "",
    }


def test_concurrent_calls_with_one_key_conflict(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    stripe_double.slow(60, CREATE)
    with pytest.raises(ProviderUnavailable, match="in-progress"):
        provider.create_session(make_request())


def test_key_expires_after_a_day(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    payment = stripe_double.pay(provider.create_session(make_request()).id)["payment_intent"]
    first = provider.refund(payment, 100, "refund")
    stripe_double.set_clock(24 * 3600 + 60)
    assert provider.refund(payment, 100, "refund") != first


def test_deliver_posts_signed_events(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest, endpoint: str
):
    stripe_double.pay(provider.create_session(make_request()).id)
    [event] = stripe_double.events
    assert stripe_double.deliver(endpoint, event, times=10, at_once=5) == [200] * 10
    assert stripe_double.deliver(endpoint, event, offset=-301) == [400]
    assert stripe_double.deliver(endpoint, event, secret="whsec_guessed") == [400]
    assert stripe_double.deliver(endpoint, event, tampered=True) == [400]


def test_remote_double(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest, endpoint: str
):
    remote = RemoteDouble(stripe_double.url)
    session = provider.create_session(make_request())
    assert remote.pay(session=remote.find_session(key="order-1"))["payment_status"] == "paid"
    assert remote.totals() == {"captured": 600, "refunded": 0}
    [event] = remote.state()["events"]
    assert remote.deliver(url=endpoint, events=[event["id"]], times=2) == [200, 200]
    with pytest.raises(ValueError, match="complete"):
        remote.pay(session=session.id)


def test_it_runs_in_its_own_process():
    command = [sys.executable, "-m", "tests.support.stripe_double", "--live"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        remote = RemoteDouble(url)
        wait_until(lambda: remote.state()["sessions"] == [], "the double to respond")
        process.terminate()
