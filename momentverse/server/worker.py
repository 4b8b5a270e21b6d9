"""gunicorn's threaded worker, patient with slow clients and careful when it stops.

gunicorn gives each connection a thread before it has sent anything, and waits
in the event loop for a client to close what is finished; so a handful of slow
clients can take every thread, or the loop. Here a thread is given to whole
requests only. The loop gathers a request's head, and a body of usual size, as
they trickle in; bodies beyond that are read by at most half of the threads. And
a connection is closed without waiting for its client.

A stopping worker first takes what waits in the listener's queue, then closes
the listener: closing it with connections in its queue would reset them.
"""

from __future__ import annotations

import ctypes
import errno
import re
import selectors
import socket
import struct
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import http
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import TConn, ThreadWorker

# A thread waits so long for the next bytes of a large body, or for room to send more of an answer.
STALLED_SECONDS = 10
# How long a client may take to close a connection that is done with.
LINGER_SECONDS = 2.0
# A stopping worker keeps quiet connections so long, for requests that are on their way. Whoever keeps
# connections to us (a load balancer) lets go of quiet ones sooner than that.
STOPPING_SECONDS = 5.0
MAX_HEAD_BYTES = 64 * 1024
# Forms fit; pictures do not.
GATHERED_BODY_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
MAX_DRAINED = 4096
# Its functions, called without letting go of the interpreter.
LIBC = ctypes.PyDLL(None)

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
NO_CONNECTION = {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED}
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r?$")
_TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding:")
_EXPECT = re.compile(rb"(?im)^expect:")


class Gathered:
    """The bytes of a request so far."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self._whole_at = 0
        # Whether a thread has to read the body from the client.
        self.is_large = False

    def add(self, data: bytes) -> None:
        """Take what has arrived."""
        self.data += data

    def is_too_large(self) -> bool:
        """Tell whether the head goes on and on."""
        return not self._whole_at and len(self.data) > MAX_HEAD_BYTES

    def is_whole(self) -> bool:
        """Tell whether a thread can answer without waiting: for all of it, or for a large body's head."""
        if not self._whole_at:
            end = self.data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES + 4)
            if end < 0:
                return False
            self._whole_at = end + 4 + self._body_to_gather(bytes(self.data[: end + 2]))
        return len(self.data) >= self._whole_at

    def _body_to_gather(self, head: bytes) -> int:
        length = _CONTENT_LENGTH.search(head)
        size = int(length[1]) if length else 0
        self.is_large = size > GATHERED_BODY_BYTES or bool(_TRANSFER_ENCODING.search(head))
        # Who expects "100 Continue" sends nothing before the thread has said it.
        return 0 if self.is_large or _EXPECT.search(head) else size


class WholeBody:
    """gunicorn's reader of a body, but a part is not passed off as the whole when the client leaves."""

    def __init__(self, reader: LengthReader) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, or what is left. Raises ConnectionResetError when that is not sent."""
        wanted = min(size, self._reader.length)
        data: bytes = self._reader.read(size)
        if len(data) < wanted:
            raise ConnectionResetError(errno.ECONNRESET, "the client left before the body's end")
        return data


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One connection, and what it has sent of its next request."""

    parser: Any

    def __init__(self, worker: PatientWorker, *arguments: Any) -> None:
        super().__init__(worker.cfg, *arguments)
        self._worker = worker
        self.gathered = Gathered()
        # What has been found out about the request before a thread has it.
        self.known: dict[str, Any] = {}
        # No thread waits for first bytes: they are there before it is asked.
        self.data_ready = True
        # On the socket itself, for gunicorn makes it blocking again for each request.
        stalled = struct.pack("ll", STALLED_SECONDS, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, stalled)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stalled)

    def receive(self) -> bytes | None:
        """Return what has arrived; b"" when the client has gone, None when nothing has."""
        try:
            data: bytes = self.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""
        return data

    def close(self, graceful: bool = False) -> None:
        """Close at once, or when the client has closed its side as well."""
        if graceful:
            self._worker.linger(self)
        else:
            super().close()

    def hand_to_parser(self) -> None:
        """Let gunicorn's parser begin with what has been gathered."""
        if self.parser is None:
            self.parser = http.get_parser(self.cfg, self.sock, self.client)
        self.parser.unreader.unread(bytes(self.gathered.data))

    def begin_again(self) -> None:
        """Let a parser read once more what has been gathered."""
        self.parser = None
        self.hand_to_parser()


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gthread, with requests gathered by the event loop. All but ``handle_request`` runs in its thread."""

    # A request has to be there this many seconds after its first byte, or after it could have come;
    request_seconds = 15.0
    # a large body, so many seconds after a thread has begun to read it.
    large_body_seconds = 120.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._lingering: deque[Connection] = deque()
        self._large_allowed = max(1, self.cfg.threads // 2)
        # With the instant at which each is given up.
        self._large_running: dict[Connection, float] = {}
        self._large_waiting: deque[Connection] = deque()

    # From connection to thread

    def accept(self, listener: Any) -> bool:
        """Take one connection from the listener's queue; tell whether there was one."""
        try:
            client, _ = listener.accept()
        except OSError as error:
            if error.errno not in NO_CONNECTION:
                raise
            return False
        self._take(client, listener)
        return True

    def _take(self, client: socket.socket, listener: Any) -> None:
        try:
            address = client.getpeername()
        except OSError:  # gone already
            client.close()
            return
        self.nr_conns += 1
        self._go_on(Connection(self, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """Begin with the next request of a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._go_on(conn)

    def on_pending_socket_readable(self, conn: Connection, client: Any) -> None:
        """Go on with a request that has come in part."""
        data = conn.receive()
        if data is None:
            return
        conn.gathered.add(data)
        if not data or conn.gathered.is_whole() or conn.gathered.is_too_large():
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._decide(conn, is_gone=not data)

    def _go_on(self, conn: Connection) -> None:
        data = conn.receive()
        conn.gathered.add(data or b"")
        self._decide(conn, is_gone=data == b"")

    def _decide(self, conn: Connection, *, is_gone: bool = False) -> None:
        """Drop, answer or await a request, by what has come of it."""
        if is_gone:
            self._drop(conn)
        elif conn.gathered.is_whole():
            conn.hand_to_parser()
            self.start(conn)
        elif conn.gathered.is_too_large():
            self._refuse(conn)
        else:
            conn.timeout = time.monotonic() + self.request_seconds
            self.pending_conns.append(conn)
            readable = partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def start(self, conn: Connection) -> None:
        """Have a whole request answered."""
        if conn.gathered.is_large:
            if len(self._large_running) >= self._large_allowed:
                self._large_waiting.append(conn)
                return
            self._large_running[conn] = time.monotonic() + self.large_body_seconds
        self.enqueue_req(conn)

    def _refuse(self, conn: Connection) -> None:
        with suppress(OSError):
            conn.sock.send(TOO_LARGE)
        self.nr_conns -= 1
        conn.close(graceful=True)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    # In a thread

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer; a client that stopped taking its answer is dropped like one that has gone."""
        if isinstance(req.body.reader, LengthReader):
            req.body.reader = WholeBody(req.body.reader)
        try:
            return super().handle_request(req, conn)
        except BlockingIOError as error:
            raise BrokenPipeError(errno.EPIPE, "the client stalled") from error

    # From thread to next request, or to the end

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """Keep or close the connection of an answered request."""
        if self._large_running.pop(conn, None) is not None and self._large_waiting:
            self.start(self._large_waiting.popleft())
        self.finish(conn, keep=not fs.cancelled() and not fs.exception() and fs.result())

    def finish(self, conn: Connection, *, keep: bool) -> None:
        """Wait for the next request on a connection, or close it."""
        if not keep:
            self.nr_conns -= 1
            conn.close(graceful=True)
            return
        conn.sock.setblocking(False)
        # Reading a body may have read into the next request.
        conn.gathered = Gathered(conn.parser.unreader.take_buffered())
        if conn.gathered.data:
            self._decide(conn)
            return
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOPPING_SECONDS)
        self.keepalived_conns.append(conn)
        readable = partial(self.on_client_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def linger(self, conn: Connection) -> None:
        """Say that we are done, and close when the client has read it: sooner would reset the connection."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        self.nr_conns += 1
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_lingering, conn))

    def _on_lingering(self, conn: Connection, client: Any) -> None:
        if conn.receive() == b"":
            self._lingering.remove(conn)
            self.poller.unregister(client)
            self._drop(conn)

    def murder_pending(self) -> None:
        """Close what has taken too long, to come or to go."""
        super().murder_pending()
        while self._lingering and self._lingering[0].timeout <= time.monotonic():
            conn = self._lingering.popleft()
            self.poller.unregister(conn.sock)
            self._drop(conn)
        for conn, until in self._large_running.items():
            if until <= time.monotonic():
                with suppress(OSError):
                    # The thread that reads it finds an end, and answers that it was too soon.
                    conn.sock.shutdown(socket.SHUT_RD)

    # The end of the worker

    def set_accept_enabled(self, enabled: bool) -> None:
        """Open or close the door; a stopping worker lets in who stands before it, then takes it away."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            for _ in range(MAX_DRAINED):
                if not self.accept(listener) and self._close_if_nobody_waits(listener):
                    break
            else:
                listener.close()

    def _close_if_nobody_waits(self, listener: socket.socket) -> bool:
        """Close a listener, or take who has come since the last look; tell whether it is closed.

        The look and the closing are one step for the other threads: the interpreter,
        which ``accept`` lets go of, could come back milliseconds later, and whoever has come
        meanwhile would be reset.
        """
        accepted = LIBC.accept(listener.fileno(), None, None)
        if accepted < 0:
            LIBC.close(listener.fileno())
            listener.detach()
            return True
        self._take(socket.socket(fileno=accepted), listener)
        return False

    def _cap_keepalive(self, deadline: float) -> None:
        """Close quiet connections soon. Both queues stay in order, for all in them is capped alike."""
        deadline = time.monotonic() + STOPPING_SECONDS
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)
