"""One Lighthouse run over one page, and what of its report counts here."""

from __future__ import annotations

import json
import statistics
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from tests.lighthouse.tools import HERE, MODULES, run, start

# What Lighthouse is told of the visitor; a phone on simulated slow 4G is its default.
FORMS: dict[str, tuple[str, ...]] = {
    "mobile": (),
    "desktop": ("--preset=desktop",),
    "3g": ("--throttling.rttMs=300", "--throttling.throughputKbps=700"),
}
JUDGED_BY_AUDIT = ("accessibility", "best-practices", "seo", "agentic-browsing")
CATEGORIES = ("performance", *JUDGED_BY_AUDIT)
CHROME = "--headless=new --no-sandbox --disable-gpu"
# About one run in twenty comes back without a trace of the page; another try has it.
TRIES = 3
RUN_WITHIN_SECONDS = 180


class NoReport(Exception):
    """Lighthouse has not looked at the page."""


@dataclass(frozen=True)
class Audit:
    """What one run, or the median of several, says of a page. Times in ms, bytes as transferred."""

    scores: dict[str, int]
    fcp: float
    lcp: float
    tbt: float
    cls: float
    size: float
    failed: tuple[str, ...]

    @classmethod
    def of(cls, report: dict[str, Any]) -> Audit:
        """Read a report; ``failed`` names each audit that costs its category something.

        But for speed, which is not failed or passed: see ``Goals``.
        """

        def number(name: str) -> float:
            return float(report["audits"].get(name, {}).get("numericValue", 0))

        categories = report["categories"]
        return cls(
            scores={name: round(100 * (found["score"] or 0)) for name, found in categories.items()},
            fcp=number("first-contentful-paint"),
            lcp=number("largest-contentful-paint"),
            tbt=number("total-blocking-time"),
            cls=number("cumulative-layout-shift"),
            size=number("total-byte-weight"),
            failed=tuple(_failures(report)),
        )

    @classmethod
    def median(cls, audits: Iterable[Audit]) -> Audit:
        """Return the median of each number, and all that failed in any."""
        audits = list(audits)

        def middle(name: str) -> float:
            return statistics.median(getattr(audit, name) for audit in audits)

        return cls(
            scores={
                name: int(statistics.median_low([audit.scores[name] for audit in audits]))
                for name in audits[0].scores
            },
            fcp=middle("fcp"),
            lcp=middle("lcp"),
            tbt=middle("tbt"),
            cls=middle("cls"),
            size=middle("size"),
            failed=tuple(sorted({failure for audit in audits for failure in audit.failed})),
        )


@dataclass(frozen=True)
class Goals:
    """What a page is to reach in one form; times in ms, at most."""

    performance: int = 100
    fcp: float = 800
    lcp: float = 1000
    tbt: float = 100
    cls: float = 0

    def missed_by(self, audit: Audit) -> list[str]:
        """Return a sentence for each goal that a page misses."""
        missed = [
            f"{name} {score}" for name, score in audit.scores.items() if score < self.score(name)
        ]
        for name in ("fcp", "lcp", "tbt", "cls"):
            found, goal = getattr(audit, name), getattr(self, name)
            if round(found, 3) > goal:
                missed.append(f"{name.upper()} {found:.5g}, goal {goal:g}")
        return missed

    def score(self, category: str) -> int:
        """Return the least score in a category."""
        return self.performance if category == "performance" else 100


GOALS = {
    "mobile": Goals(),
    "desktop": Goals(),
    # No first paint before four round trips of 300 ms.
    "3g": Goals(performance=98, fcp=inf, lcp=1700),
}


def report_of(
    url: str, chromium: str, form: str = "mobile", categories: Iterable[str] = CATEGORIES
) -> dict[str, Any]:
    """Return Lighthouse's report of a page. Raises NoReport."""
    arguments = [
        url,
        "--quiet",
        "--no-enable-error-reporting",
        "--output=json",
        f"--chrome-flags={CHROME}",
        f"--only-categories={','.join(categories)}",
        *FORMS[form],
    ]
    problem = ""
    for _ in range(TRIES):
        report, problem = _run(arguments, chromium)
        if not problem:
            return report
    raise NoReport(f"{url}: {problem}")


class Lighthouse:
    """Looks at many pages in one Node and one Chromium, which is three times as fast.

    For what does not depend on the machine's speed; ``report_of`` starts both anew for each page.
    """

    def __init__(self, chromium: str) -> None:
        self._arguments = [str(HERE / "audits.mjs"), str(MODULES), chromium, *CHROME.split()]
        self._node: subprocess.Popen[str] | None = None

    def report_of(self, url: str, form: str, categories: Iterable[str]) -> dict[str, Any]:
        """Return the report of a page. Raises NoReport."""
        asked = {"url": url, "categories": list(categories), "desktop": form == "desktop"}
        problem = ""
        for _ in range(TRIES):
            report = self._ask(asked)
            problem = report.get("runtimeError", {}).get("message", "")
            if not problem:
                return report
        raise NoReport(f"{url}: {problem}")

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        node = self._node = self._node or start(*self._arguments)
        assert node.stdin
        assert node.stdout
        timer = threading.Timer(RUN_WITHIN_SECONDS, node.kill)
        timer.start()
        try:
            node.stdin.write(json.dumps(asked) + "\n")
            node.stdin.flush()
            answer = node.stdout.readline()
        finally:
            timer.cancel()
        if not answer:
            self.close()
            return {"runtimeError": {"message": "Node has ended"}}
        report: dict[str, Any] = json.loads(answer)
        return report

    def close(self) -> None:
        """End Node, which ends Chromium."""
        node, self._node = self._node, None
        if node:
            node.communicate()


def _run(arguments: list[str], chromium: str) -> tuple[dict[str, Any], str]:
    """Return a report, and why it is none."""
    done = run(
        "lighthouse/cli/index.js", *arguments, seconds=RUN_WITHIN_SECONDS, CHROME_PATH=chromium
    )
    if not done.output.startswith("{"):
        return {}, done.errors or "no report"
    report: dict[str, Any] = json.loads(done.output)
    return report, report.get("runtimeError", {}).get("message", "")


def _failures(report: dict[str, Any]) -> Iterable[str]:
    for name, category in report["categories"].items():
        if name not in JUDGED_BY_AUDIT:
            continue
        for reference in category["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                yield _told(audit)


def _told(audit: dict[str, Any]) -> str:
    items = audit.get("details", {}).get("items", [])
    return f"{audit['id']}: {audit['title']} {json.dumps(items)[:600]}"
