"""Lighthouse and an HTML checker on pages, except for results that depend on the speed of the machine."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.browser.conftest import find_chromium
from tests.browser.pages import ERROR_PAGES, MOMENTS, PAGES, open_page
from tests.lighthouse import tools
from tests.lighthouse.audits import AUDIT_CATEGORIES, CATEGORIES, GOALS, Audit, Lighthouse
from tests.lighthouse.markup import check_html

# One page of each kind. Other pages of a kind only have more or fewer of the same elements.
AUDITED_PAGES = [
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
    lighthouse = Lighthouse(find_chromium())
    yield lighthouse
    lighthouse.close()


@pytest.mark.parametrize(
    ("name", "form"), [(name, "mobile") for name in AUDITED_PAGES] + [("home", "desktop")]
)
def test_it_works(site, lighthouse, name, form):
    """Every score is 100. A console error or a policy violation would lower that of best practices."""
    audit = Audit.of(lighthouse.get_report(site.url + PAGES[name], form, AUDIT_CATEGORIES))
    assert audit.failed == ()
    assert audit.scores == dict.fromkeys(AUDIT_CATEGORIES, 100)


def test_page_of_a_moment_has_full_scores(site, lighthouse, page):
    open_page(page, "moment")
    audit = Audit.of(lighthouse.get_report(page.url, "mobile", AUDIT_CATEGORIES))
    assert audit.failed == ()
    assert audit.scores == dict.fromkeys(AUDIT_CATEGORIES, 100)


def test_failed_audit_is_reported(site, lighthouse):
    """The page for a forgotten password is excluded from search engines, so it fails SEO."""
    audit = Audit.of(
        lighthouse.get_report(f"{site.url}/accounts/password/reset/", "mobile", ("seo",))
    )
    assert audit.scores["seo"] < 100
    assert audit.failed[0].startswith("is-crawlable")


def test_missed_goals_are_reported():
    scores = dict.fromkeys(CATEGORIES, 100) | {"performance": 98}
    audit = Audit(scores=scores, fcp=1300, lcp=1700.4, tbt=0, cls=0.0004, size=0, failed=())
    assert GOALS["3g"].list_missed(audit) == ["LCP 1700.4, goal 1700"]
    assert GOALS["mobile"].list_missed(audit) == [
        "performance 98",
        "FCP 1300, goal 800",
        "LCP 1700.4, goal 1000",
    ]


def test_every_page_is_valid_html(site, page):
    pages = {name: fetch_html(site.url + address) for name, address in PAGES.items()}
    for name in MOMENTS:
        open_page(page, name)
        pages[name] = fetch_html(page.url)
    for address in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        pages[address] = fetch_html(site.url + address)
    assert set(ERROR_PAGES) <= set(pages)
    assert check_html(pages) == []


def test_invalid_html_is_reported():
    (error, *_) = check_html({"bad": "<!DOCTYPE html><html lang=en><title>x</title><ul><p>y</ul>"})
    assert error.startswith("bad, line 1: ")


def fetch_html(url: str) -> str:
    """Return the HTML of a page, also if its status is an error."""
    try:
        with urllib.request.urlopen(url) as response:
            return response.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
