"""What Mozilla's HTTP Observatory makes of answers that were fetched before, by its own scoring."""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.lighthouse.tools import HERE, MODULES, run

SCORES_WITHIN_SECONDS = 120
# A site that browsers know to be https alone, as if it had been there for long.
PRELOADED = "preloaded.example"
LISTS = {PRELOADED: {"mode": "force-https", "includeSubDomains": True}}


@dataclass
class Seen:
    """An answer as a browser got it over https, and by which addresses one comes to it from http."""

    host: str
    url: str
    status: int
    headers: dict[str, list[str]]
    body: str
    redirect: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """The sum and its grade, and how many points each finding gives or takes."""

    score: int
    grade: str
    points: dict[str, int]


def fetch(address: str, path: str, host: str, **headers: str) -> Seen:
    """Ask a site that stands behind a proxy which speaks https, and the same over http. Follows nothing."""
    seen = _ask(address, path, host, "https", headers)
    redirected = _ask(address, path, host, "http", headers).headers.get("location")
    seen.redirect = [f"http://{host}{path}", *(redirected or [])]
    return seen


def _ask(address: str, path: str, host: str, scheme: str, more: dict[str, str]) -> Seen:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    told = {"Host": host, "X-Forwarded-Proto": scheme, "X-Forwarded-For": "203.0.113.7"}
    connection.request("GET", path, headers=told | more)
    response = connection.getresponse()
    headers: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    body = response.read().decode(errors="replace")
    connection.close()
    return Seen(host, f"{scheme}://{host}{path}", response.status, headers, body)


def scores(pages: dict[str, Seen]) -> dict[str, Score]:
    """Return what each answer scores, by its name."""
    asked: list[dict[str, Any]] = [asdict(seen) for seen in pages.values()]
    done = run(
        str(HERE / "observatory.mjs"), str(MODULES), json.dumps(LISTS),
        seconds=SCORES_WITHIN_SECONDS, given=json.dumps(asked),
    )  # fmt: skip
    assert done.code == 0, done.errors
    found = (Score(**score) for score in json.loads(done.output))
    return dict(zip(pages, found, strict=True))
