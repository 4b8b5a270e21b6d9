"""One Lighthouse run over one page, and what of its report counts here."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.lighthouse.tools import run

# What Lighthouse is told of the visitor; a phone on simulated slow 4G is its default.
FORMS: dict[str, tuple[str, ...]] = {
    "mobile": (),
    "desktop": ("--preset=desktop",),
    "3g": ("--throttling.rttMs=300", "--throttling.throughputKbps=700"),
}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
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
        """Read a report; ``failed`` names each audit that costs its category something."""

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
    for category in report["categories"].values():
        for reference in category["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 1:
                yield _told(audit)


def _told(audit: dict[str, Any]) -> str:
    items = audit.get("details", {}).get("items", [])
    return f"{audit['id']}: {audit['title']} {json.dumps(items)[:600]}"
