"""Run Lighthouse on a page, and read its report."""

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

# Lighthouse's options for each kind of visitor. Its default is a phone on simulated slow 4G.
FORM_FACTORS: dict[str, tuple[str, ...]] = {
    "mobile": (),
    "desktop": ("--preset=desktop",),
    "3g": ("--throttling.rttMs=300", "--throttling.throughputKbps=700"),
}
# Categories without performance: their results do not depend on the speed of the machine.
AUDIT_CATEGORIES = ("accessibility", "best-practices", "seo", "agentic-browsing")
CATEGORIES = ("performance", *AUDIT_CATEGORIES)
CHROME = "--headless=new --no-sandbox --disable-gpu"
# About one run in twenty returns no trace of the page. Trying again helps.
MAX_TRIES = 3
RUN_TIMEOUT_SECONDS = 180


class NoReport(Exception):
    """Lighthouse returned no report of the page."""


@dataclass(frozen=True)
class Audit:
    """The result of one run, or the median of several. Times in ms, ``size`` in transferred bytes."""

    scores: dict[str, int]
    fcp: float
    lcp: float
    tbt: float
    cls: float
    size: float
    failed: tuple[str, ...]

    @classmethod
    def of(cls, report: dict[str, Any]) -> Audit:
        """Read a report. ``failed`` describes each audit that lowers the score of its category.

        Performance audits are not among them: compare the figures with ``Goals`` instead.
        """

        def number(name: str) -> float:
            return float(report["audits"].get(name, {}).get("numericValue", 0))

        categories = report["categories"]
        return cls(
            scores={
                name: round(100 * (category["score"] or 0)) for name, category in categories.items()
            },
            fcp=number("first-contentful-paint"),
            lcp=number("largest-contentful-paint"),
            tbt=number("total-blocking-time"),
            cls=number("cumulative-layout-shift"),
            size=number("total-byte-weight"),
            failed=tuple(_list_failures(report)),
        )

    @classmethod
    def median(cls, audits: Iterable[Audit]) -> Audit:
        """Return the median of each figure, and the failed audits of all runs."""
        audits = list(audits)

        def get_median(name: str) -> float:
            return statistics.median(getattr(audit, name) for audit in audits)

        return cls(
            scores={
                name: int(statistics.median_low([audit.scores[name] for audit in audits]))
                for name in audits[0].scores
            },
            fcp=get_median("fcp"),
            lcp=get_median("lcp"),
            tbt=get_median("tbt"),
            cls=get_median("cls"),
            size=get_median("size"),
            failed=tuple(sorted({failure for audit in audits for failure in audit.failed})),
        )


@dataclass(frozen=True)
class Goals:
    """The goals of a page: the lowest performance score, and the highest times (in ms) and layout shift."""

    performance: int = 100
    fcp: float = 800
    lcp: float = 1000
    tbt: float = 100
    cls: float = 0

    def list_missed(self, audit: Audit) -> list[str]:
        """Return a line for each goal that the page misses."""
        missed = [
            f"{name} {score}"
            for name, score in audit.scores.items()
            if score < self.get_min_score(name)
        ]
        for name in ("fcp", "lcp", "tbt", "cls"):
            figure, goal = getattr(audit, name), getattr(self, name)
            if round(figure, 3) > goal:
                missed.append(f"{name.upper()} {figure:.5g}, goal {goal:g}")
        return missed

    def get_min_score(self, category: str) -> int:
        """Return the lowest score in a category that reaches the goal."""
        return self.performance if category == "performance" else 100


GOALS = {
    "mobile": Goals(),
    "desktop": Goals(),
    # The first paint needs four round trips of 300 ms.
    "3g": Goals(performance=98, fcp=inf, lcp=1700),
}


def get_report(
    url: str, chromium: str, form: str = "mobile", categories: Iterable[str] = CATEGORIES
) -> dict[str, Any]:
    """Return Lighthouse's report of a page, from a new Node and Chromium. Raises NoReport."""
    arguments = [
        url,
        "--quiet",
        "--no-enable-error-reporting",
        "--output=json",
        f"--chrome-flags={CHROME}",
        f"--only-categories={','.join(categories)}",
        *FORM_FACTORS[form],
    ]
    error = ""
    for _ in range(MAX_TRIES):
        report, error = _run(arguments, chromium)
        if not error:
            return report
    raise NoReport(f"{url}: {error}")


class Lighthouse:
    """Runs Lighthouse on many pages in one Node and one Chromium, which is three times as fast.

    Not for performance: the module's ``get_report`` starts both again for each page, so that pages do not
    influence each other.
    """

    def __init__(self, chromium: str) -> None:
        self._arguments = [str(HERE / "audits.mjs"), str(MODULES), chromium, *CHROME.split()]
        self._node: subprocess.Popen[str] | None = None

    def get_report(self, url: str, form: str, categories: Iterable[str]) -> dict[str, Any]:
        """Return the report of a page. Raises NoReport."""
        request = {"url": url, "categories": list(categories), "desktop": form == "desktop"}
        error = ""
        for _ in range(MAX_TRIES):
            report = self._send(request)
            error = report.get("runtimeError", {}).get("message", "")
            if not error:
                return report
        raise NoReport(f"{url}: {error}")

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        node = self._node = self._node or start(*self._arguments)
        assert node.stdin
        assert node.stdout
        timer = threading.Timer(RUN_TIMEOUT_SECONDS, node.kill)
        timer.start()
        try:
            node.stdin.write(json.dumps(request) + "\n")
            node.stdin.flush()
            line = node.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self.close()
            return {"runtimeError": {"message": "Node has ended"}}
        report: dict[str, Any] = json.loads(line)
        return report

    def close(self) -> None:
        """Stop Node, which stops Chromium."""
        node, self._node = self._node, None
        if node:
            node.communicate()


def _run(arguments: list[str], chromium: str) -> tuple[dict[str, Any], str]:
    """Return a report, and the error message if the run failed."""
    result = run(
        "lighthouse/cli/index.js", *arguments, timeout=RUN_TIMEOUT_SECONDS, CHROME_PATH=chromium
    )
    if not result.output.startswith("{"):
        return {}, result.errors or "no report"
    report: dict[str, Any] = json.loads(result.output)
    return report, report.get("runtimeError", {}).get("message", "")


def _list_failures(report: dict[str, Any]) -> Iterable[str]:
    for name, category in report["categories"].items():
        if name not in AUDIT_CATEGORIES:
            continue
        for reference in category["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                items = audit.get("details", {}).get("items", [])
                yield f"{audit['id']}: {audit['title']} {json.dumps(items)[:600]}"
