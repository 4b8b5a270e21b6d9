"""Fixtures: a served site and a browser.

``site`` is the whole product: an SQLite database with moments, collected static
files, and gunicorn in its own process. ``page`` is a Chromium page. It fails its
test if the console shows an error or if the content security policy is violated.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.support.servers import ROOT, gunicorn, site_environment
from tests.support.site_shell import SiteShell

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# How long to wait for a condition, in milliseconds: longer than the busiest machine needs.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)
# Chromium's errors for a view transition that it skips; the visitor sees the page without one. It
# skips them between pages of which one has none, such as the admin's, and when the machine is busy.
SKIPPED_TRANSITIONS = (
    "ViewTransition opt-in disabled",
    "Transition was aborted",
    "Transition was skipped",
)
# Run by `manage.py shell` on the site's database; the tests themselves use another one.
CREATE_MOMENTS = """
import datetime as dt
from accounts.models import User
from timeline.models import Moment, Status
from timeline.services.placement import save_moment
owner = User.objects.get_or_create_curator("ada", "Ada")
for number in range(48):
    starts_at = dt.datetime(1969, 7, 16 + number // 6, 2 + 3 * (number % 6), 32, tzinfo=dt.UTC)
    save_moment(Moment(user=owner, title=f"Flight note {number + 1}", status=Status.ACTIVE,
                 starts_at=starts_at, ends_at=starts_at + dt.timedelta(minutes=1 + number)))
for day, title in ((30, "كسوف الشمس الكلي فوق القاهرة"), (31, "Donaudampfschiff" * 9)):
    starts_at = dt.datetime(1905, 8, day, 13, tzinfo=dt.UTC)
    save_moment(Moment(user=owner, title=title, status=Status.ACTIVE, starts_at=starts_at, story=title,
                 place=title[:100], ends_at=starts_at + dt.timedelta(minutes=3), time_zone="Africa/Cairo"))
"""
CREATE_ADMIN = """
from django.core.management import call_command
call_command("ensure_admin")
"""


@dataclass
class ServedSite:
    """A served MomentVerse with an admin."""

    url: str
    environment: dict[str, str]
    admin_email: str = "admin@momentverse.invalid"
    admin_password: str = ""
    _shell: SiteShell | None = None

    def manage(self, *arguments: str, script: str = "") -> str:
        """Run ``manage.py`` on the site's database and return its output.

        All scripts for its ``shell`` run in one process, which saves the time to start Django.
        """
        if arguments == ("shell",):
            self._shell = self._shell or SiteShell(self.environment)
            return self._shell.run(script)
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, (
            f"manage.py {' '.join(arguments)}\n{result.stdout}{result.stderr}"
        )
        return result.stdout

    def close(self) -> None:
        """Stop the process that runs the scripts."""
        if self._shell:
            self._shell.close()


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, copy_prepared_site: Callable[[Path], None]
) -> Iterator[ServedSite]:
    """The site as ``make run`` serves it, on its own port and database."""
    folder = tmp_path_factory.mktemp("site")
    environment = site_environment(folder, EMAIL_URL=f"file:///{folder / 'mail'}")
    served = ServedSite(environment["SITE_URL"], environment)
    copy_prepared_site(folder)
    served.manage("shell", script=CREATE_MOMENTS)
    printed = served.manage("shell", script=CREATE_ADMIN)
    served.admin_password = printed.split("password: ")[1].strip()
    with gunicorn(environment):
        yield served
    served.close()


CHROMIUM_NAMES = ("chromium", "google-chrome", "google-chrome-stable")
# Chromium without a window. It renders the same pages for less than half the processor time.
HEADLESS_SHELL = "chromium-headless-shell"


def find_chromium(*preferred: str) -> str:
    """Return the path of Chromium, or of a ``preferred`` build of it if there is one.

    Without Chromium the test is skipped, except in CI, where it fails: a skip would go unnoticed.
    """
    for name in (*preferred, *CHROMIUM_NAMES):
        if path := shutil.which(name):
            return path
    reason = "no Chromium here: `apt-get install chromium fonts-liberation`, or Google Chrome"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium(HEADLESS_SHELL)
    # Playwright's event loop lives in this thread as long as the browser does. Django would refuse the
    # queries of later tests in this process, because it would think that the loop made them.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class BrowserErrors:
    """The errors that pages reported. A test that provokes an error clears the list."""

    messages: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("requestfailed", self._on_request_failed)

    def _on_error(self, error: Exception) -> None:
        if not any(text in str(error) for text in SKIPPED_TRANSITIONS):
            self.messages.append(f"uncaught: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.messages.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request_failed(self, request: Request) -> None:
        # The page itself cancelled the request, by navigation or an AbortController: not an error.
        if request.failure and "ERR_ABORTED" not in request.failure:
            self.messages.append(f"failed: {request.url} {request.failure}")

    def clear(self) -> None:
        self.messages.clear()


# Reports policy violations with their directive and source, which console messages lack.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(JSON.stringify({
    directive: event.effectiveDirective, blocked: event.blockedURI, sample: event.sample,
  }));
});
"""


def new_context(
    browser: Browser, site: ServedSite, browser_errors: BrowserErrors, **options
) -> BrowserContext:
    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(TIMEOUT_MS)

    def report(text: str) -> None:
        violation = json.loads(text)
        browser_errors.messages.append(f"policy: {violation}")

    context.expose_function("reportViolation", report)
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", browser_errors.watch)
    return context


@pytest.fixture
def browser_errors() -> Iterator[BrowserErrors]:
    """The errors of the test's pages. Errors that are left at the end fail the test."""
    browser_errors = BrowserErrors()
    yield browser_errors
    assert browser_errors.messages == []


@pytest.fixture
def reduced_motion(request: pytest.FixtureRequest) -> str:
    """Whether pages prefer reduced motion: always, except in tests that are marked ``motion``.

    Drawing the transitions between pages would take half the processor time of the other tests.
    """
    return "no-preference" if request.node.get_closest_marker("motion") else "reduce"


@pytest.fixture
def new_page(
    browser: Browser, site: ServedSite, browser_errors: BrowserErrors, reduced_motion: str
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page in a new context: ``new_page(java_script_enabled=False)``."""
    contexts = []

    def open_page(**options) -> Page:
        options = {"reduced_motion": reduced_motion} | options
        context = new_context(browser, site, browser_errors, **options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page at the size of a desktop. Relative addresses belong to the site."""
    return new_page(viewport={"width": 1440, "height": 900})


@pytest.fixture
def page_with_bfcache(
    site: ServedSite, browser_errors: BrowserErrors, browser: Browser
) -> Iterator[Page]:
    """A page in a browser with a back/forward cache, which Playwright turns off by default."""
    chromium = browser.browser_type.launch(
        executable_path=find_chromium(),
        args=CHROMIUM_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    # Not from our ``new_context``: pages with an exposed function are not put into this cache.
    context = chromium.new_context(base_url=site.url)
    context.on("page", browser_errors.watch)
    yield context.new_page()
    chromium.close()


@pytest.fixture
def phone(new_page: Callable[..., Page]) -> Page:
    """A page as wide as a phone, with touch."""
    return new_page(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )


@pytest.fixture
def get_mailed_link(site):
    """Return a function that returns the link in the newest mail to an address."""
    folder = Path(site.environment["EMAIL_URL"].removeprefix("file:///"))

    def get_link(address: str) -> str:
        for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)[::-1]:
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == address:
                text = message.get_body(("plain",)).get_content()
                (link,) = re.findall(rf"^{site.url}/\S+$", text, re.MULTILINE)
                return link
        raise AssertionError(f"no mail to {address}")

    return get_link


# Each group runs in one test process, with a site and a browser of its own. Together they are as many as
# keep the test processes busy; all other files are a group too.
GROUPS = {
    "node tools": {"test_lighthouse.py", "test_observatory.py"},
    "browser with accounts": {
        "test_account.py",
        "test_account_accessibility.py",
        "test_admin.py",
        "test_claim.py",
        "test_likes.py",
        "test_pictures.py",
    },
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and give each its group."""
    here = Path(__file__).parent
    groups = {name: group for group, names in GROUPS.items() for name in names}
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group(groups.get(item.path.name, "browser")))
            item.add_marker(pytest.mark.slow)
