"""The double as an HTTP server, and the faults that a test can inject."""

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
from tests.support.stripe_double.account import Account, ApiError, StripeObject, new_id
from tests.support.stripe_double.keys import IdempotencyKeys, Response


@dataclass
class Fault:
    """An injected fault of the calls that match ``call``, for so many times."""

    kind: str  # stall, slow, drop, fail or respond_with
    call: str
    times: int | None
    seconds: float = 0
    status: int = 0
    code: str = ""
    cleared: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Request:
    """A received API call."""

    method: str
    path: str
    params: dict[str, Any]
    headers: dict[str, str]  # their names in lower case

    @property
    def call(self) -> str:
        """The method and the route, without ids."""
        return f"{self.method} {api.match_route(self.method, self.path)[0]}"


class StripeDouble(Account):
    """A double of Stripe with one account. The package's docstring lists its features."""

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
        self._keys = IdempotencyKeys(self.now)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear_faults()
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a process of ours uses this double."""
        return {
            "PAYMENT_PROVIDER": "stripe",
            "STRIPE_SECRET_KEY": self.key,
            "STRIPE_WEBHOOK_SECRET": self.secret,
            "STRIPE_API_URL": self.url,
        }

    @property
    def calls(self) -> Counter[str]:
        """The number of calls, by name."""
        with self.lock:
            return Counter(request.call for request in self.requests)

    # Webhooks

    def signed(
        self, event: StripeObject, offset: float = 0, secret: str | None = None
    ) -> tuple[bytes, str]:
        """Return an event as Stripe would post it now: its body and its signature header."""
        return messages.sign(event, int(self.now() + offset), secret or self.secret)

    def deliver(
        self,
        url: str,
        *events: StripeObject,
        times: int = 1,
        at_once: int = 1,
        offset: float = 0,
        secret: str | None = None,
        tampered: bool = False,
    ) -> list[int]:
        """Post these events, or all events, and return the statuses of the responses."""
        chosen = [event for event in events or self.events_of() for _ in range(times)]
        signed = [self.signed(event, offset, secret) for event in chosen]
        if tampered:
            signed = [(messages.tamper(body), header) for body, header in signed]
        return messages.post_all(url, signed, at_once)

    # Faults

    def slow(self, seconds: float, call: str = "*", times: int | None = 1) -> None:
        """Do the work and respond late."""
        self._add_fault(Fault("slow", call, times, seconds=seconds))

    def stall(self, seconds: float, call: str = "*", times: int | None = 1) -> None:
        """Wait so long without doing the work, then respond with 503."""
        self._add_fault(Fault("stall", call, times, seconds=seconds))

    def drop(self, call: str = "*", times: int | None = 1) -> None:
        """Do the work and close the connection without a response."""
        self._add_fault(Fault("drop", call, times))

    def fail(self, call: str = "*", times: int | None = 1) -> None:
        """Do the work, respond with 500, and store that response under the key."""
        self._add_fault(Fault("fail", call, times))

    def respond_with(
        self, status: int, call: str = "*", times: int | None = 1, code: str = ""
    ) -> None:
        """Do no work and respond with an error, which is not stored."""
        self._add_fault(Fault("respond_with", call, times, status=status, code=code))

    def clear_faults(self) -> None:
        """End all faults."""
        with self.lock:
            for fault in self._faults:
                fault.cleared.set()
            self._faults.clear()
            self.refunds_refused = 0

    def _add_fault(self, fault: Fault) -> None:
        with self.lock:
            self._faults.append(fault)

    def _take_fault(self, request: Request) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if fault.times != 0 and fnmatchcase(request.call, fault.call):
                    fault.times = fault.times and fault.times - 1
                    return fault
            return None

    # Responding

    def respond(self, request: Request) -> Response | None:
        """Handle a call and return the response; None to close the connection."""
        with self.lock:
            self.requests.append(request)
        fault = self._take_fault(request)
        try:
            response = self._authorize_and_handle(request, fault)
        except ApiError as error:
            response = _build_error(error)
        return None if fault and fault.kind == "drop" else response

    def _authorize_and_handle(self, request: Request, fault: Fault | None) -> Response:
        if fault and fault.kind == "stall":
            fault.cleared.wait(fault.seconds)
            raise ApiError(503, "This is a fault.")
        if fault and fault.kind == "respond_with":
            raise ApiError(fault.status, "This is a fault.", code=fault.code)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise ApiError(401, "Invalid API Key provided: ***", code="api_key_invalid")
        key = request.headers.get("idempotency-key")
        return self._handle_once(key, request, fault) if key else self._handle(request, fault)

    def _handle_once(self, key: str, request: Request, fault: Fault | None) -> Response:
        if len(key) > 255:
            raise ApiError(400, "The idempotency key is too long.")
        stored = self._keys.acquire(key, (request.method, request.path, request.params))
        if stored:
            return stored
        try:
            response = self._handle(request, fault)
        except ApiError as error:
            if error.stored:
                self._keys.store(key, _build_error(error))
            else:
                self._keys.release(key)
            raise
        except BaseException:
            self._keys.release(key)
            raise
        self._keys.store(key, response)
        return response

    def _handle(self, request: Request, fault: Fault | None) -> Response:
        body = api.handle_call(self, request.method, request.path, request.params)
        if fault and fault.kind == "slow":
            fault.cleared.wait(fault.seconds)
        if fault and fault.kind == "fail":
            return _build_error(ApiError(500, "An error occurred with our connection."))
        return Response(200, body, {})

    def call_method(self, method: str, arguments: dict[str, Any]) -> Any:
        """Call one of the methods in ``REMOTE``, for another process."""
        if method not in REMOTE:
            raise ApiError(404, f"There is no /double/{method}.")
        if method == "deliver":
            wanted = arguments.pop("events", ())
            events = [event for event in self.events_of() if event["id"] in wanted]
            return self.deliver(arguments.pop("url"), *events, **arguments)
        return getattr(self, method)(**arguments)

    def state(self) -> StripeObject:
        """Return the sessions, events, totals and calls."""
        with self.lock:
            return {
                "sessions": self.sessions(),
                "events": self.events_of(),
                "totals": self.totals(),
                "calls": self.calls,
            }


REMOTE = frozenset(
    "pay pay_async succeed_async fail_async expire refund fail_refund open_dispute win_dispute"
    " lose_dispute close_dispute change_session set_clock forget_events find_session sessions"
    " open_sessions captured refunded totals events_of deliver stall slow drop fail respond_with"
    " clear_faults refuse_refunds state".split()
)


def _build_error(error: ApiError) -> Response:
    headers = {500: "false", 409: "true"}
    retry = headers.get(error.status)
    return Response(
        error.status,
        {"error": error.error},
        {"Stripe-Should-Retry": retry} if retry else {},
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._respond("")

    def do_POST(self) -> None:
        self._respond(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def _respond(self, body: str) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/double/"):
            response = self._handle_remote(parts.path.removeprefix("/double/"), body)
        else:
            params = api.parse_form(body or parts.query)
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = self.server.double.respond(
                Request(self.command, parts.path, params, headers)
            )
        if response is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._send(response)

    def _handle_remote(self, method: str, body: str) -> Response:
        try:
            return Response(
                200, self.server.double.call_method(method, json.loads(body or "{}")), {}
            )
        except (ApiError, TypeError, ValueError) as error:
            return Response(400, {"error": str(error)}, {})

    def _send(self, response: Response) -> None:
        body = json.dumps(response.body).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Request-Id": new_id("req"),
        } | response.headers
        try:
            self.send_response(response.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client has closed the connection
