"""A served site and a browser.

``site`` is the real thing: an SQLite file with moments in it, collected static
files, gunicorn in a process of its own. ``page`` is a Chromium page on it that
fails its test when the console shows an error or the policy is violated.
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
# Milliseconds that a condition is waited for before it counts as never: more than any busy machine needs.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)
# What Chromium says of a view transition that it drops; the visitor sees the page without it. It
# does where one of two pages has none, as the admin's have none, and where a busy machine is late.
DROPPED_TRANSITIONS = (
    "ViewTransition opt-in disabled",
    "Transition was aborted",
    "Transition was skipped",
)
# Run by the site's own Python: the tests' database is another one.
MAKE_MOMENTS = """
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


@dataclass
class ServedSite:
    """A served MomentVerse with an admin."""

    url: str
    environment: dict[str, str]
    admin_email: str = "admin@momentverse.invalid"
    admin_password: str = ""
    _shell: SiteShell | None = None

    def manage(self, *arguments: str, script: str = "") -> str:
        """Run ``manage.py`` on the site's own database; return what it prints.

        Scripts for its ``shell`` share one process.
        """
        if arguments == ("shell",):
            self._shell = self._shell or SiteShell(self.environment)
            return self._shell.run(script)
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        """End the process that scripts share."""
        if self._shell:
            self._shell.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """The site as ``make run`` serves it, on a port and a database of its own."""
    folder = tmp_path_factory.mktemp("site")
    environment = site_environment(folder, EMAIL_URL=f"file:///{folder / 'mail'}")
    served = ServedSite(environment["SITE_URL"], environment)
    served.manage("bootstrap", "--without-moments")
    served.manage("shell", script=MAKE_MOMENTS)
    served.admin_password = served.manage("ensure_admin").split("password: ")[1].strip()
    with gunicorn(environment):
        yield served
    served.close()


def chromium_path() -> str:
    """Return where Chromium is; without one skip, except in CI, where that would hide a hole."""
    for name in ("chromium", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    reason = "no Chromium here: `apt-get install chromium fonts-liberation`, or Google Chrome"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    # Playwright's event loop lives in this thread as long as the browser does, and other tests of
    # this process come after it: Django would take their queries for ones made inside of the loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Complaints:
    """What a browser complained of. A test that provokes one clears the list."""

    found: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("requestfailed", self._on_request_failed)

    def _on_error(self, error: Exception) -> None:
        if not any(words in str(error) for words in DROPPED_TRANSITIONS):
            self.found.append(f"uncaught: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request_failed(self, request: Request) -> None:
        # A request that the page itself gave up, by leaving or by an AbortController, is no fault.
        if request.failure and "ERR_ABORTED" not in request.failure:
            self.found.append(f"failed: {request.url} {request.failure}")

    def clear(self) -> None:
        self.found.clear()


# Violations that the console shows in passing are kept with their directive and source.
COLLECT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(JSON.stringify({
    directive: event.effectiveDirective, blocked: event.blockedURI, sample: event.sample,
  }));
});
"""


def new_context(
    browser: Browser, site: ServedSite, complaints: Complaints, **options
) -> BrowserContext:
    context = browser.new_context(base_url=site.url, **options)
    context.set_default_timeout(PATIENCE)

    def report(text: str) -> None:
        violation = json.loads(text)
        complaints.found.append(f"policy: {violation}")

    context.expose_function("reportViolation", report)
    context.add_init_script(COLLECT_VIOLATIONS)
    context.on("page", complaints.watch)
    return context


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the test's pages complained of; anything left at its end fails the test."""
    complaints = Complaints()
    yield complaints
    assert complaints.found == []


@pytest.fixture
def new_page(
    browser: Browser, site: ServedSite, complaints: Complaints
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page in a fresh context: ``new_page(java_script_enabled=False)``."""
    contexts = []

    def open_page(**options) -> Page:
        context = new_context(browser, site, complaints, **options)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A desktop page; relative addresses are the site's."""
    return new_page(viewport={"width": 1440, "height": 900})


@pytest.fixture
def page_that_remembers(
    site: ServedSite, complaints: Complaints, browser: Browser
) -> Iterator[Page]:
    """A page of a browser with its back/forward cache, which Playwright turns off."""
    remembering = browser.browser_type.launch(
        executable_path=chromium_path(),
        args=CHROMIUM_ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    # Without ``new_context``: a function that is exposed to the page would keep it from the cache.
    context = remembering.new_context(base_url=site.url)
    context.on("page", complaints.watch)
    yield context.new_page()
    remembering.close()


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
def link_mailed_to(site):
    """Return a function that returns the link in the newest mail to an address."""
    folder = Path(site.environment["EMAIL_URL"].removeprefix("file:///"))

    def link(address: str) -> str:
        for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)[::-1]:
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == address:
                text = message.get_body(("plain",)).get_content()
                (found,) = re.findall(rf"^{site.url}/\S+$", text, re.MULTILINE)
                return found
        raise AssertionError(f"no mail to {address}")

    return link


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, and keep it on one test process: one site and one browser serve all."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.slow)
