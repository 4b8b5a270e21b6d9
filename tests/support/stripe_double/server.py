"""The double of Stripe as an HTTP server, with its faults."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.stripe_double import api, messages
from tests.support.stripe_double.account import Account, Refused, Thing, new_id
from tests.support.stripe_double.keys import Answer, Keys


@dataclass
class Fault:
    """What goes wrong with the calls that ``call`` matches, so many times."""

    kind: str  # stall, slow, drop, fail or answer
    call: str
    times: int | None
    seconds: float = 0
    status: int = 0
    code: str = ""
    healed: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Request:
    """A call that came."""

    method: str
    path: str
    params: dict[str, Any]
    headers: dict[str, str]  # their names in lower case

    @property
    def call(self) -> str:
        """Its name: the path without ids."""
        return f"{self.method} {api.matched(self.method, self.path)[0]}"


class StripeDouble(Account):
    """Stripe, with one account. See the package for what it can do."""

    def __init__(
        self, *, live: bool = False, key: str = "", secret: str = "whsec_double", port: int = 0
    ) -> None:
        self.key = key or f"sk_{'live' if live else 'test'}_double"
        self.secret = secret
        self.requests: list[Request] = []
        self._faults: list[Fault] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.double = self
        super().__init__(live=live, url=f"http://127.0.0.1:{self._server.server_port}")
        self._keys = Keys(self.now)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Return what tells a process of ours to use this Stripe."""
        return {
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": self.key,
            "STRIPE_WEBHOOK_SECRET": self.secret,
            "STRIPE_API_URL": self.url,
        }

    @property
    def calls(self) -> Counter[str]:
        """How often each was called."""
        with self.lock:
            return Counter(request.call for request in self.requests)

    # Messages

    def signed(
        self, event: Thing, offset: float = 0, secret: str | None = None
    ) -> tuple[bytes, str]:
        """Return an event as Stripe would post it now: the body and the signature's header."""
        return messages.sign(event, int(self.now() + offset), secret or self.secret)

    def deliver(
        self,
        url: str,
        *events: Thing,
        times: int = 1,
        at_once: int = 1,
        offset: float = 0,
        secret: str | None = None,
        altered: bool = False,
    ) -> list[int]:
        """Post events, all of them where none is given; return the answers' statuses."""
        chosen = [event for event in events or self.events_of() for _ in range(times)]
        signed = [self.signed(event, offset, secret) for event in chosen]
        if altered:
            signed = [(messages.altered(body), header) for body, header in signed]
        return messages.post_all(url, signed, at_once)

    # Faults

    def slow(self, seconds: float, call: str = "*", times: int | None = 1) -> None:
        """Do the work and answer late."""
        self._break(Fault("slow", call, times, seconds=seconds))

    def stall(self, seconds: float, call: str = "*", times: int | None = 1) -> None:
        """Do nothing, for that long, and say "later"."""
        self._break(Fault("stall", call, times, seconds=seconds))

    def drop(self, call: str = "*", times: int | None = 1) -> None:
        """Do the work and hang up without an answer."""
        self._break(Fault("drop", call, times))

    def fail(self, call: str = "*", times: int | None = 1) -> None:
        """Do the work, answer 500, and keep that under the key."""
        self._break(Fault("fail", call, times))

    def answer(self, status: int, call: str = "*", times: int | None = 1, code: str = "") -> None:
        """Do nothing and answer with an error, which is not kept."""
        self._break(Fault("answer", call, times, status=status, code=code))

    def heal(self) -> None:
        """Let all be well again."""
        with self.lock:
            for fault in self._faults:
                fault.healed.set()
            self._faults.clear()
            self.refunds_refused = 0

    def _break(self, fault: Fault) -> None:
        with self.lock:
            self._faults.append(fault)

    def _fault_of(self, request: Request) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if fault.times != 0 and fnmatchcase(request.call, fault.call):
                    fault.times = fault.times and fault.times - 1
                    return fault
            return None

    # Answering

    def respond(self, request: Request) -> Answer | None:
        """Answer a call; None is to hang up."""
        with self.lock:
            self.requests.append(request)
        fault = self._fault_of(request)
        try:
            answer = self._admit(request, fault)
        except Refused as refused:
            answer = _error(refused)
        return None if fault and fault.kind == "drop" else answer

    def _admit(self, request: Request, fault: Fault | None) -> Answer:
        if fault and fault.kind == "stall":
            fault.healed.wait(fault.seconds)
            raise Refused(503, "This is a fault.")
        if fault and fault.kind == "answer":
            raise Refused(fault.status, "This is a fault.", code=fault.code)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused(401, "Invalid API Key provided: ***", code="api_key_invalid")
        key = request.headers.get("idempotency-key")
        return self._once(key, request, fault) if key else self._work(request, fault)

    def _once(self, key: str, request: Request, fault: Fault | None) -> Answer:
        if len(key) > 255:
            raise Refused(400, "The idempotency key is too long.")
        kept = self._keys.take(key, (request.method, request.path, request.params))
        if kept:
            return kept
        try:
            answer = self._work(request, fault)
        except Refused as refused:
            if refused.kept:
                self._keys.keep(key, _error(refused))
            else:
                self._keys.release(key)
            raise
        except BaseException:
            self._keys.release(key)
            raise
        self._keys.keep(key, answer)
        return answer

    def _work(self, request: Request, fault: Fault | None) -> Answer:
        body = api.answer(self, request.method, request.path, request.params)
        if fault and fault.kind == "slow":
            fault.healed.wait(fault.seconds)
        if fault and fault.kind == "fail":
            return _error(Refused(500, "An error occurred with our connection."))
        return Answer(200, body, {})

    def do(self, method: str, arguments: dict[str, Any]) -> Any:
        """Call one of the public methods, for another process."""
        if method not in REMOTE:
            raise Refused(404, f"There is no /double/{method}.")
        if method == "deliver":
            wanted = arguments.pop("events", ())
            events = [event for event in self.events_of() if event["id"] in wanted]
            return self.deliver(arguments.pop("url"), *events, **arguments)
        return getattr(self, method)(**arguments)

    def state(self) -> Thing:
        """Return all there is to look at."""
        with self.lock:
            return {
                "sessions": self.sessions(),
                "events": self.events_of(),
                "totals": self.totals(),
                "calls": self.calls,
            }


REMOTE = frozenset(
    "pay pay_unpaid succeed_async fail_async expire refund fail_refund open_dispute win_dispute"
    " lose_dispute close_dispute change set_clock forget_events find sessions open_sessions captured"
    " refunded totals events_of deliver stall slow drop fail answer heal refuse_refunds state".split()
)


def _error(refused: Refused) -> Answer:
    headers = {500: "false", 409: "true"}
    retry = headers.get(refused.status)
    return Answer(
        refused.status,
        {"error": refused.error},
        {"Stripe-Should-Retry": retry} if retry else {},
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def _answer(self, body: str) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/double/"):
            answer = self._driven(parts.path.removeprefix("/double/"), body)
        else:
            params = api.parse_form(body or parts.query)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = self.server.double.respond(Request(self.command, parts.path, params, headers))
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(answer)

    def _driven(self, method: str, body: str) -> Answer:
        try:
            return Answer(200, self.server.double.do(method, json.loads(body or "{}")), {})
        except (Refused, TypeError, ValueError) as error:
            return Answer(400, {"error": str(error)}, {})

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Request-Id": new_id("req"),
        } | answer.headers
        try:
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # who asked has not waited
