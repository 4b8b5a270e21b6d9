"""Where entries and generations are stored: in Redis for all processes, or in this process."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings
from redis.exceptions import RedisError

from momentverse.page_cache.generations import FileGenerations, new_generation
from momentverse.page_cache.groups import EVERYTHING, GENERATIONS, Generations
from momentverse.ratelimit.limiter import Limiter
from momentverse.redis.breaker import CircuitBreaker
from momentverse.redis.client import Command, RedisClient, Reply

logger = logging.getLogger("momentverse.page_cache")

PREFIX = "momentverse-pages:"
# The holder of a refresh lock has this long to render the page; then another worker may try.
REFRESH_LOCK_MS = 10_000
RETRY_BUMP_SECONDS = 1.0
# The most bytes that the store in the process holds.
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class LookupResult:
    """What the store has under one key, and the current generations of all groups."""

    stored: bytes | None
    generations: Generations


class Store(Protocol):
    """Stores entries and generations.

    While a store is unavailable, lookups return None, every caller acquires the refresh lock, and the
    other methods do nothing.
    """

    def lookup(self, key: str) -> LookupResult | None:
        """Fetch an entry and the generations."""
        return self.lookup_many([key])[0]

    def lookup_many(self, keys: Sequence[str]) -> list[LookupResult | None]:
        """Fetch several entries, each with the generations."""

    def acquire_refresh_lock(self, key: str) -> bool:
        """Return whether the caller got the lock, and so has to render this page."""

    def release_refresh_lock(self, key: str) -> None:
        """Let another worker render the page."""

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        """Store entries, by key, for some seconds."""

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new generations, which makes all their entries stale."""


class RedisStore(Store):
    """A store that all processes share. One MGET fetches an entry and all generations."""

    def __init__(self, redis: RedisClient, breaker: CircuitBreaker, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._breaker = breaker
        self._prefix = prefix
        self._generation_keys = [f"{prefix}group:{name}" for name in GENERATIONS]
        # Set while Redis is unavailable: a write during that time may not have been recorded.
        self._outage = threading.Event()
        self._retry_lock = threading.Lock()

    def lookup_command(self, key: str) -> Command:
        """Return the command that fetches an entry and the generations.

        The caller may send it together with other commands and pass the reply to ``parse_replies``.
        """
        return ("MGET", self._prefix + key, *self._generation_keys)

    def parse_replies(
        self, replies: Sequence[Reply] | None, number: int
    ) -> list[LookupResult | None]:
        """Return the results of ``number`` lookup commands; all are None if Redis was unavailable."""
        if replies is None or _has_failed(replies):
            self._outage.set()
            return [None] * number
        if self._outage.is_set():
            # A write during the outage may have failed to invalidate what was stored before it.
            self._outage.clear()
            self.bump([EVERYTHING])
            return [None] * number
        return [self._parse_reply(*cast(list[bytes | None], reply)) for reply in replies]

    def _parse_reply(self, stored: bytes | None, *generations: bytes | None) -> LookupResult | None:
        current = (
            self._seed_generations() if None in generations else cast(Sequence[bytes], generations)
        )
        if not current:
            return None
        return LookupResult(stored, tuple(generation.decode() for generation in current))

    def lookup_many(self, keys: Sequence[str]) -> list[LookupResult | None]:
        commands = [self.lookup_command(key) for key in keys]
        return self.parse_replies(self._execute(*commands), len(keys))

    def acquire_refresh_lock(self, key: str) -> bool:
        replies = self._execute(("SET", self._lock_key(key), "1", "NX", "PX", REFRESH_LOCK_MS))
        return replies is None or replies[0] is not None

    def release_refresh_lock(self, key: str) -> None:
        self._execute(("DEL", self._lock_key(key)))

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        self._execute(
            *(("SET", self._prefix + key, stored, "EX", seconds) for key, stored in entries.items())
        )

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new generations.

        If Redis is unavailable, a thread invalidates everything as soon as it is back.
        """
        command = ["MSET"]
        for name in names:
            command += [self._generation_keys[GENERATIONS.index(name)], new_generation()]
        replies = self._execute(tuple(command))
        if _has_failed(replies) and self._retry_lock.acquire(blocking=False):
            threading.Thread(target=self._retry_bump, name="page-cache-bump", daemon=True).start()

    def _retry_bump(self) -> None:
        key = self._generation_keys[GENERATIONS.index(EVERYTHING)]
        command = ("SET", key, new_generation())
        # Without the breaker, which would let this thread try only now and then.
        while _has_failed(_execute_or_none(self._redis, command)):
            time.sleep(RETRY_BUMP_SECONDS)
        self._retry_lock.release()

    def _seed_generations(self) -> list[bytes]:
        """Give a generation to the groups that have none (any more).

        Returns the generations of all groups, or an empty list if Redis is unavailable.
        """
        seeds = (("SET", key, new_generation(), "NX") for key in self._generation_keys)
        replies = self._execute(*seeds, ("MGET", *self._generation_keys))
        if replies is None or _has_failed(replies):
            return []
        return cast(list[bytes], replies[-1])

    def _lock_key(self, key: str) -> str:
        return f"{self._prefix}refresher:{key}"

    def _execute(self, *commands: Command) -> list[Reply] | None:
        return self._breaker.call(lambda: self._redis.execute(*commands), lambda: None)


def _execute_or_none(redis: RedisClient, command: Command) -> list[Reply] | None:
    try:
        return redis.execute(command)
    except RedisError:
        return None


def _has_failed(replies: Sequence[Reply] | None) -> bool:
    """Return whether Redis was unavailable or refused a command (a replica, a full memory)."""
    return replies is None or any(isinstance(reply, RedisError) for reply in replies)


class MemoryStore(Store):
    """Stores entries in this process, at most ``MAX_BYTES``; the least recently used go first."""

    def __init__(self, generations_file: Path) -> None:
        self._generations = FileGenerations(generations_file)
        # By key: the instant at which the entry expires, by `time.monotonic`, and the entry.
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        # By key: the instant at which the refresh lock expires.
        self._refresh_locks: dict[str, float] = {}
        self._lock = threading.Lock()

    def lookup_many(self, keys: Sequence[str]) -> list[LookupResult | None]:
        generations = self._generations.read()
        return [LookupResult(self._get(key), generations) for key in keys]

    def _get(self, key: str) -> bytes | None:
        with self._lock:
            expires, stored = self._entries.get(key, (0.0, None))
            if stored is not None:
                if expires < time.monotonic():
                    self._remove(key)
                    stored = None
                else:
                    self._entries.move_to_end(key)
        return stored

    def acquire_refresh_lock(self, key: str) -> bool:
        with self._lock:
            now = time.monotonic()
            if self._refresh_locks.get(key, 0.0) > now:
                return False
            self._refresh_locks[key] = now + REFRESH_LOCK_MS / 1000
            return True

    def release_refresh_lock(self, key: str) -> None:
        with self._lock:
            self._refresh_locks.pop(key, None)

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        with self._lock:
            for key, stored in entries.items():
                self._remove(key)
                self._entries[key] = (time.monotonic() + seconds, stored)
                self._bytes += len(key) + len(stored)
            while self._bytes > MAX_BYTES:
                self._remove(next(iter(self._entries)))

    def bump(self, names: Iterable[str]) -> None:
        self._generations.bump(names)

    def _remove(self, key: str) -> None:
        if removed := self._entries.pop(key, None):
            self._bytes -= len(key) + len(removed[1])


def build_store(limiter: Limiter) -> Store:
    """Return the store that the settings ask for.

    It uses the limiter's connection if limits and pages share one Redis.
    """
    if not settings.REDIS_URL:
        return MemoryStore(settings.DATA_DIR / "page_generations")
    if limiter.redis is not None and is_redis_shared():
        return RedisStore(limiter.redis, limiter.breaker)
    redis = RedisClient(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)
    return RedisStore(redis, CircuitBreaker())


def is_redis_shared() -> bool:
    """Return whether pages and limits are in the same Redis, so that one round trip serves both."""
    return bool(settings.REDIS_URL) and settings.LIMITS_REDIS_URL == settings.REDIS_URL
