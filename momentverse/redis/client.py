"""A Redis client that sends the commands of all waiting threads in one round trip.

django-redis and the client behind it take five times as long for an MGET, mostly for a pool,
retries and pickling, which a page cache does not need.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TypeAlias

from hiredis import pack_command
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

# What Django's cache raises while Redis is unavailable.
CACHE_ERRORS = (RedisError, OSError)

# A command's name and its arguments.
Command: TypeAlias = tuple[str | bytes | int | float, ...]
# An error reply is a value: it belongs to one command, not to the round trip.
Reply: TypeAlias = "bytes | int | list[Reply] | ResponseError | None"


@dataclass(eq=False, slots=True)
class _Call:
    """The commands of one thread, and then their replies or the error."""

    commands: tuple[Command, ...]
    # Acquired by the thread that waits, released by the thread that has sent its commands.
    done: threading.Lock = field(default_factory=threading.Lock)
    replies: list[Reply] | None = None
    error: RedisError | None = None


class RedisClient:
    """Redis (or Valkey) at ``url``; each call returns or fails within ``timeout_seconds``.

    All threads share one connection. While one thread waits for replies, the calls of the
    others queue up, and the next round trip sends them all. So the busier the process, the
    fewer round trips per request.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            protocol=2,
            retry=None,
        )
        self._connection = pool.make_connection()
        self._lock = threading.Lock()
        self._queue: list[_Call] = []
        self._is_sending = False

    def execute(self, *commands: Command) -> list[Reply]:
        """Send all commands at once and return their replies; an error reply is returned, not raised.

        Raises RedisError if Redis is unavailable or does not answer in time.
        """
        call = _Call(commands)
        with self._lock:
            self._queue.append(call)
            must_wait = self._is_sending
            self._is_sending = True
            if must_wait:
                call.done.acquire()
        if must_wait:
            # The sending thread releases it, with our replies or because it is our turn to send.
            call.done.acquire()
        if call.replies is None and call.error is None:
            self._send_queue()
        if call.error is not None:
            raise call.error
        return call.replies or []

    def _send_queue(self) -> None:
        """Send all queued calls, ours among them. Wake their threads, and one that queued meanwhile."""
        with self._lock:
            calls, self._queue = self._queue, []
        try:
            self._send(calls)
        except RedisError as error:
            for call in calls:
                call.error = error
        finally:
            # Even if something ends this thread in between, nobody waits for ever.
            for call in calls:
                if call.replies is None and call.error is None:
                    call.error = RedisConnectionError("the sending thread was stopped")
            with self._lock:
                following = self._queue[:1]
                self._is_sending = bool(following)
            for call in calls[1:] + following:
                call.done.release()

    def _send(self, calls: list[_Call]) -> None:
        packed = b"".join(
            pack_command(command)  # type: ignore[arg-type]  # its stub takes one element only
            for call in calls
            for command in call.commands
        )
        count = sum(len(call.commands) for call in calls)
        try:
            replies = self._exchange(packed, count)
        except RedisConnectionError:
            # The connection may have been closed since its last use, by a restart of Redis, say.
            replies = self._exchange(packed, count)
        for call in calls:
            call.replies = replies[: len(call.commands)]
            del replies[: len(call.commands)]

    def _exchange(self, packed: bytes, count: int) -> list[Reply]:
        connection = self._connection
        connection.send_packed_command([packed], check_health=False)  # type: ignore[no-untyped-call]
        replies: list[Reply] = []
        for _ in range(count):
            try:
                replies.append(connection.read_response())
            except ResponseError as error:
                replies.append(error)
        return replies
