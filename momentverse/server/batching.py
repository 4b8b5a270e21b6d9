"""The worker that answers together what came together, as far as the page cache has it at hand.

A thread that is woken for one request costs more than a cached page: waking it,
its round trip to Redis, and the way back to the event loop are each a fight for
the interpreter. So requests for pages that anybody may see gather while one
thread of their own is at work; then it takes all of them, asks Redis once, and
answers what is at hand without ever waiting for a client. What is not at hand
goes to the other threads with what has been found out about it. The busier a
process is, the less a hit costs; and pages from the cache are answered while every
other thread waits for a slow database.

An application takes part by two methods, ``is_for_everybody`` and
``prefetch``, as ``page_cache.wsgi`` has them; any other one is served as by
``PatientWorker``. gunicorn's access log and its hooks around a request do not
see what is answered here; the site's own log does.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from gunicorn.http import wsgi

from momentverse.server.worker import Connection, PatientWorker

# So that nobody waits for more than this many others.
MOST_TOGETHER = 64

# What an application leaves in an environment for later begins so.
OWN_NAMES = "momentverse."

Environ = dict[str, Any]


class Outcome(Enum):
    """What becomes of a connection whose request was answered together with others."""

    KEEP = auto()
    CLOSE = auto()
    IS_BEING_SENT = auto()


class Outbox:
    """Stands where gunicorn expects a socket, and keeps what it sends."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Take some bytes."""
        self._parts.append(data)

    def emptied(self) -> bytes:
        """Return all that was sent."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


@dataclass(slots=True)
class Prepared:
    """A request that has been read."""

    conn: Connection
    environ: Environ
    response: wsgi.Response
    outbox: Outbox


class BatchingWorker(PatientWorker):
    """PatientWorker, with one thread more for what can be answered together."""

    wsgi: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._gathering: deque[Connection] = deque()
        self._is_at_work = False
        # What is known of the request that a thread is to answer.
        self._known = threading.local()

    def init_process(self) -> None:
        """Start what belongs to this process, after the fork."""
        self._together = ThreadPoolExecutor(1, thread_name_prefix="together")
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        self._application: Any = self.wsgi
        self._may_gather = getattr(self._application, "is_for_everybody", None)
        self.wsgi = self._with_what_is_known

    def _with_what_is_known(self, environ: Environ, start_response: Any) -> Any:
        environ |= getattr(self._known, "of_request", {})
        return self._application(environ, start_response)

    # In the event loop

    def start(self, conn: Connection) -> None:
        """Let a request gather with others, or have a thread answer it."""
        if self._may_gather and not conn.gathered.is_large and self._may_gather(conn.gathered.data):
            self._gathering.append(conn)
        else:
            super().start(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what there is to do, then have answered what has gathered in it."""
        super().wait_for_and_dispatch_events(timeout)
        self._answer_what_gathered()

    def _answer_what_gathered(self) -> None:
        if self._is_at_work or not self._gathering:
            return
        self._is_at_work = True
        number = min(MOST_TOGETHER, len(self._gathering))
        together = [self._gathering.popleft() for _ in range(number)]
        outcomes: dict[Connection, Outcome] = {}
        future = self._together.submit(self._answer_together, together, outcomes)
        future.add_done_callback(
            partial(self.method_queue.defer, self._finish_together, together, outcomes)
        )

    def _finish_together(
        self,
        together: list[Connection],
        outcomes: dict[Connection, Outcome],
        future: Future[None],
    ) -> None:
        self._is_at_work = False
        if error := future.exception():
            self.log.error("What came together is answered one by one: %r", error)
        for conn in together:
            outcome = outcomes.get(conn)
            if outcome is None:
                conn.begin_again()
                self.enqueue_req(conn)
            elif outcome is not Outcome.IS_BEING_SENT:
                self.finish(conn, keep=outcome is Outcome.KEEP)

    # In the thread of what is answered together

    def _answer_together(
        self, together: list[Connection], outcomes: dict[Connection, Outcome]
    ) -> None:
        """Answer what is at hand, and say what is to become of its connections."""
        read = [one for conn in together if (one := self._read(conn))]
        at_hand = self._application.prefetch([one.environ for one in read])
        for one, is_at_hand in zip(read, at_hand, strict=True):
            if is_at_hand:
                answer = self._answer(one)
                keep = not one.response.should_close() and one.conn.parser.finish_body()
                outcomes[one.conn] = self._send(one.conn, answer, keep=keep)
            else:
                one.conn.known = _left_by_application(one.environ)

    def _read(self, conn: Connection) -> Prepared | None:
        """Read a request; None if gunicorn has something to say about it: an error, "100 Continue"."""
        outbox = Outbox()
        try:
            request = next(conn.parser)
            response, environ = wsgi.create(request, outbox, conn.client, conn.server, self.cfg)
        except Exception:  # noqa: BLE001  it is read again where all of them are dealt with
            return None
        environ["wsgi.multithread"] = True
        return Prepared(conn, environ, response, outbox)

    def _answer(self, one: Prepared) -> bytes:
        self.nr += 1
        is_full = len(self.keepalived_conns) >= self.max_keepalived
        if is_full or not self.alive or not self.cfg.keepalive:
            one.response.force_close()
        for chunk in self._application(one.environ, one.response.start_response):
            one.response.write(chunk)
        one.response.close()
        return one.outbox.emptied()

    def _send(self, conn: Connection, answer: bytes, *, keep: bool) -> Outcome:
        """Send as much as the client takes at once; the rest is for a thread that may wait."""
        try:
            sent = conn.sock.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            return Outcome.CLOSE
        if sent < len(answer):
            future = self.tpool.submit(self._send_rest, conn, answer[sent:], keep)
            future.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))
            return Outcome.IS_BEING_SENT
        return Outcome.KEEP if keep else Outcome.CLOSE

    # In the other threads

    @staticmethod
    def _send_rest(conn: Connection, rest: bytes, keep: bool) -> bool:
        conn.sock.setblocking(True)
        conn.sock.sendall(rest)
        return keep

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request with what is known of it."""
        self._known.of_request, conn.known = conn.known, {}
        return super().handle_request(req, conn)


def _left_by_application(environ: Environ) -> Environ:
    """Return what the application has added under its own names."""
    return {name: value for name, value in environ.items() if name.startswith(OWN_NAMES)}
