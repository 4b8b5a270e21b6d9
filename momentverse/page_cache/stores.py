"""Where entries and the groups' tokens are kept: in Redis for all processes, or in this one."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from django.conf import settings
from redis.exceptions import RedisError

from momentverse.page_cache.generations import FileTokens, new_token
from momentverse.page_cache.groups import EVERYTHING, TOKENS, Tokens
from momentverse.ratelimit.limiter import Limiter
from momentverse.redis.breaker import Breaker
from momentverse.redis.client import Command, Redis

logger = logging.getLogger("momentverse.page_cache")

PREFIX = "momentverse-pages:"
# Who makes a page has this long; then somebody else may try.
REFRESHER_MS = 10_000
RETRY_BUMP_AFTER_SECONDS = 1.0
# What the cache in the process holds at most.
MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Looked:
    """What the store says of one key: an entry, if there is one, and the tokens of all groups."""

    kept: bytes | None
    tokens: Tokens


class Store(Protocol):
    """Somewhere to keep pages. Of a store that is away, ``look`` says None and the rest does nothing."""

    def look(self, key: str) -> Looked | None:
        """Fetch an entry and the tokens."""
        return self.look_all([key])[0]

    def look_all(self, keys: Sequence[str]) -> list[Looked | None]:
        """Fetch some entries, each with the tokens."""

    def become_refresher(self, key: str) -> bool:
        """Tell whether the caller is the one who makes this page now."""

    def resign(self, key: str) -> None:
        """Let somebody else make it."""

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        """Keep some entries."""

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new tokens: what was made before is old."""


class RedisStore(Store):
    """Pages that all processes share. An entry and all tokens come in one MGET."""

    def __init__(self, redis: Redis, breaker: Breaker, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._breaker = breaker
        self._prefix = prefix
        self._token_keys = [f"{prefix}group:{name}" for name in TOKENS]
        # Set while Redis is away: a write of these minutes may have told it nothing.
        self._missed = threading.Event()
        self._retrying = threading.Lock()

    def question(self, key: str) -> Command:
        """Return the command that asks for an entry and the tokens, for whoever asks more with it."""
        return ("MGET", self._prefix + key, *self._token_keys)

    def looked(self, replies: list[Any] | None, number: int) -> list[Looked | None]:
        """Return what the replies to ``number`` questions say; None where they say nothing."""
        if replies is None or _failed(replies):
            self._missed.set()
            return [None] * number
        if self._missed.is_set():
            # Whatever was kept before the outage may be what a write in it was to make old.
            self._missed.clear()
            self.bump([EVERYTHING])
            return [None] * number
        return [self._looked(*reply) for reply in replies]

    def _looked(self, kept: bytes | None, *tokens: bytes | None) -> Looked | None:
        found = self._seeded() if None in tokens else cast(Sequence[bytes], tokens)
        return Looked(kept, tuple(token.decode() for token in found)) if found else None

    def look_all(self, keys: Sequence[str]) -> list[Looked | None]:
        """Fetch some entries, each with the tokens."""
        return self.looked(self._ask(*(self.question(key) for key in keys)), len(keys))

    def become_refresher(self, key: str) -> bool:
        """Tell whether the caller is the one who makes this page now."""
        asked = self._ask(("SET", self._refresher(key), "1", "NX", "PX", REFRESHER_MS))
        return asked is None or asked[0] is not None

    def resign(self, key: str) -> None:
        """Let somebody else make it."""
        self._ask(("DEL", self._refresher(key)))

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        """Keep some entries."""
        self._ask(
            *(("SET", self._prefix + key, kept, "EX", seconds) for key, kept in entries.items())
        )

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new tokens; when Redis is away, everything gets one as soon as it is back."""
        command = ["MSET"]
        for name in names:
            command += [self._token_keys[TOKENS.index(name)], new_token()]
        if _failed(self._ask(tuple(command))) and self._retrying.acquire(blocking=False):
            threading.Thread(target=self._bump_later, name="page-cache-bump", daemon=True).start()

    def _bump_later(self) -> None:
        command = ("SET", self._token_keys[TOKENS.index(EVERYTHING)], new_token())
        # Past the breaker, which would only let it try now and then.
        while _failed(_asked(self._redis, command)):
            time.sleep(RETRY_BUMP_AFTER_SECONDS)
        self._retrying.release()

    def _seeded(self) -> list[bytes]:
        """Give tokens to the groups that have none (any more), and return all of them, or nothing."""
        seeds = (("SET", key, new_token(), "NX") for key in self._token_keys)
        replies = self._ask(*seeds, ("MGET", *self._token_keys))
        return [] if replies is None or _failed(replies) else list(replies[-1])

    def _refresher(self, key: str) -> str:
        return f"{self._prefix}refresher:{key}"

    def _ask(self, *commands: Command) -> list[Any] | None:
        return self._breaker.ask(lambda: self._redis.ask(*commands), lambda: None)


def _asked(redis: Redis, command: Command) -> list[Any] | None:
    try:
        return redis.ask(command)
    except RedisError:
        return None


def _failed(replies: list[Any] | None) -> bool:
    """Tell whether Redis was away, or has refused: a replica, a full memory."""
    return replies is None or any(isinstance(reply, RedisError) for reply in replies)


class MemoryStore(Store):
    """Pages kept in this process; the least used go first when they are too many."""

    def __init__(self, tokens_file: Path) -> None:
        self._tokens = FileTokens(tokens_file)
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._refreshers: dict[str, float] = {}
        self._lock = threading.Lock()

    def look_all(self, keys: Sequence[str]) -> list[Looked | None]:
        """Fetch some entries, each with the tokens."""
        tokens = self._tokens.read()
        return [Looked(self._entry(key), tokens) for key in keys]

    def _entry(self, key: str) -> bytes | None:
        with self._lock:
            expires, kept = self._kept.get(key, (0.0, None))
            if kept is not None:
                if expires < time.monotonic():
                    self._forget(key)
                    kept = None
                else:
                    self._kept.move_to_end(key)
        return kept

    def become_refresher(self, key: str) -> bool:
        """Tell whether the caller is the one who makes this page now."""
        with self._lock:
            now = time.monotonic()
            if self._refreshers.get(key, 0.0) > now:
                return False
            self._refreshers[key] = now + REFRESHER_MS / 1000
            return True

    def resign(self, key: str) -> None:
        """Let somebody else make it."""
        with self._lock:
            self._refreshers.pop(key, None)

    def put(self, entries: Mapping[str, bytes], seconds: int) -> None:
        """Keep some entries."""
        with self._lock:
            for key, kept in entries.items():
                self._forget(key)
                self._kept[key] = (time.monotonic() + seconds, kept)
                self._bytes += len(key) + len(kept)
            while self._bytes > MOST_BYTES:
                self._forget(next(iter(self._kept)))

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new tokens."""
        self._tokens.bump(names)

    def _forget(self, key: str) -> None:
        if forgotten := self._kept.pop(key, None):
            self._bytes -= len(key) + len(forgotten[1])


def store_beside(limiter: Limiter) -> Store:
    """Return the store that the settings name; over the limiter's own way to Redis if it is the same one."""
    if not settings.REDIS_URL:
        return MemoryStore(settings.DATA_DIR / "page_tokens")
    if limiter.redis is not None and shares_redis():
        return RedisStore(limiter.redis, limiter.breaker)
    return RedisStore(Redis(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS), Breaker())


def shares_redis() -> bool:
    """Tell whether pages and limits are in one Redis, so that both are asked in one round trip."""
    return bool(settings.REDIS_URL) and settings.LIMITS_REDIS_URL == settings.REDIS_URL
