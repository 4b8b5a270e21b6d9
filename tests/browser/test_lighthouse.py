"""What Lighthouse and an HTML checker say of pages, as far as it does not depend on the machine's speed."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.browser.conftest import chromium_path
from tests.browser.pages import MOMENTS, PAGES, REFUSED, open_page
from tests.lighthouse import tools
from tests.lighthouse.audits import CATEGORIES, GOALS, JUDGED_BY_AUDIT, Audit, Lighthouse
from tests.lighthouse.markup import mistakes

# One of each kind: what differs between them is only how many of a thing there are.
KINDS = [
    "home",
    "timeline",
    "month",
    "day",
    "tags",
    "profile",
    "search",
    "stars",
    "claim",
    "sign in",
]


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    try:
        tools.install()
    except tools.ToolsMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"npm cannot install Lighthouse here: {error}")


@pytest.fixture(scope="module")
def lighthouse() -> Iterator[Lighthouse]:
    made = Lighthouse(chromium_path())
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "form"), [(name, "mobile") for name in KINDS] + [("home", "desktop")]
)
def test_it_works(site, lighthouse, name, form):
    """100 each; a console error and a violated policy would cost best practices something."""
    audit = Audit.of(lighthouse.report_of(site.url + PAGES[name], form, JUDGED_BY_AUDIT))
    assert audit.failed == ()
    assert audit.scores == dict.fromkeys(JUDGED_BY_AUDIT, 100)


def test_a_moments_page(site, lighthouse, page):
    open_page(page, "moment")
    audit = Audit.of(lighthouse.report_of(page.url, "mobile", JUDGED_BY_AUDIT))
    assert audit.failed == ()
    assert audit.scores == dict.fromkeys(JUDGED_BY_AUDIT, 100)


def test_a_fault_is_found(site, lighthouse):
    """An address that is not there is no page to be found by search engines."""
    audit = Audit.of(
        lighthouse.report_of(f"{site.url}/accounts/password/reset/", "mobile", ("seo",))
    )
    assert audit.scores["seo"] < 100
    assert audit.failed[0].startswith("is-crawlable")


def test_a_missed_goal_is_told():
    scores = dict.fromkeys(CATEGORIES, 100) | {"performance": 98}
    audit = Audit(scores=scores, fcp=1300, lcp=1700.4, tbt=0, cls=0.0004, size=0, failed=())
    assert GOALS["3g"].missed_by(audit) == ["LCP 1700.4, goal 1700"]
    assert GOALS["mobile"].missed_by(audit) == [
        "performance 98",
        "FCP 1300, goal 800",
        "LCP 1700.4, goal 1000",
    ]


def test_every_page_is_valid_html(site, page):
    pages = {name: html_of(site.url + address) for name, address in PAGES.items()}
    for name in MOMENTS:
        open_page(page, name)
        pages[name] = html_of(page.url)
    for address in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        pages[address] = html_of(site.url + address)
    assert set(REFUSED) <= set(pages)
    assert mistakes(pages) == []


def test_invalid_html_is_found():
    (mistake, *_) = mistakes({"bad": "<!DOCTYPE html><html lang=en><title>x</title><ul><p>y</ul>"})
    assert mistake.startswith("bad, line 1: ")


def html_of(url: str) -> str:
    try:
        with urllib.request.urlopen(url) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
