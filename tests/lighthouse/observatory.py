"""Score fetched responses with the rules of Mozilla's HTTP Observatory."""

from __future__ import annotations

import http.client
import json
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.lighthouse.tools import HERE, MODULES, run

SCORE_TIMEOUT_SECONDS = 120
# A host that is in the HSTS preload list which we pass to the Observatory.
PRELOADED = "preloaded.example"
PRELOAD_LIST = {PRELOADED: {"mode": "force-https", "includeSubDomains": True}}


@dataclass
class FetchedResponse:
    """A response as a browser gets it over HTTPS, and the redirects that lead to it from HTTP."""

    host: str
    url: str
    status: int
    headers: dict[str, list[str]]
    body: str
    redirects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """The score, its grade, and how many points each finding adds or deducts."""

    score: int
    grade: str
    points: dict[str, int]


def fetch(address: str, path: str, host: str, **headers: str) -> FetchedResponse:
    """Request a path from a site as its proxy would, for a client over HTTPS and for one over HTTP.

    Does not follow redirects. Returns the response over HTTPS.
    """
    response = _fetch(address, path, host, "https", headers)
    location = _fetch(address, path, host, "http", headers).headers.get("location")
    response.redirects = [f"http://{host}{path}", *(location or [])]
    return response


def _fetch(
    address: str, path: str, host: str, scheme: str, extra_headers: dict[str, str]
) -> FetchedResponse:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    proxy_headers = {"Host": host, "X-Forwarded-Proto": scheme, "X-Forwarded-For": "203.0.113.7"}
    connection.request("GET", path, headers=proxy_headers | extra_headers)
    response = connection.getresponse()
    headers: dict[str, list[str]] = {}
    for name, value in response.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    body = response.read().decode(errors="replace")
    connection.close()
    return FetchedResponse(host, f"{scheme}://{host}{path}", response.status, headers, body)


def score_responses(responses: dict[str, FetchedResponse]) -> dict[str, Score]:
    """Return the score of each response, by its name."""
    data: list[dict[str, Any]] = [asdict(response) for response in responses.values()]
    result = run(
        str(HERE / "observatory.mjs"), str(MODULES), json.dumps(PRELOAD_LIST),
        timeout=SCORE_TIMEOUT_SECONDS, stdin=json.dumps(data),
    )  # fmt: skip
    assert result.code == 0, result.errors
    scores = (Score(**score) for score in json.loads(result.output))
    return dict(zip(responses, scores, strict=True))
