"""Measures how many bytes each public page takes before the visitor interacts with it.

There is no list of pages. Every route of the URL map that needs no argument is requested, and the links on
those pages are followed, up to ``ADDRESSES_PER_ROUTE`` addresses for each route. The report has the heaviest
address of each route, as an anonymous visitor gets it, and names the routes that no link leads to.

HTML is measured compressed with gzip. A static file counts with the size of its smallest form on the disk,
which is what browsers receive. Images count uncompressed.
"""

from __future__ import annotations

import gzip
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

import brotli
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.test.utils import override_settings
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from momentverse.staticfiles.storage import MODULES_PREFIX, minify_module

# Bytes of compressed HTML with its CSS: what fits into the first flight of a new connection.
FIRST_VIEW_LIMIT = 14 * 1024
SCRIPTS_LIMIT = 10 * 1024
WARN_AT = 0.9
ADDRESSES_PER_ROUTE = 3
EXCLUDED_ROUTES = ("admin/", "__debug__/")
# Matches `import {x} from "./y.js"`, `import "./y.js"` and `export … from`, but not `import(…)`, which is
# loaded later.
_STATIC_IMPORT = re.compile(
    r"""(?:^|;)\s*(?:import\s*|(?:import|export)\b[^"'();=]*\bfrom\s*)["']([^"']+)["']""",
    re.MULTILINE,
)


class Size(NamedTuple):
    """A number of bytes, uncompressed (``raw``) and as sent to the browser."""

    raw: int = 0
    sent: int = 0

    def __add__(self, other: Size) -> Size:  # type: ignore[override]
        return Size(self.raw + other.raw, self.sent + other.sent)


NOTHING = Size()


@dataclass
class Page:
    """The sizes of one page."""

    route: str
    address: str
    html: Size = NOTHING
    css: Size = NOTHING
    scripts: Size = NOTHING
    images: Size = NOTHING

    @property
    def first_view(self) -> int:
        """Return the bytes sent before a browser can show anything."""
        return self.html.sent + self.css.sent

    @property
    def problems(self) -> list[str]:
        """Return a sentence for each limit that the page breaks."""
        return [
            f"{what} {size} B, allowed {limit}"
            for what, size, limit in self._budgets
            if size > limit
        ]

    @property
    def warnings(self) -> list[str]:
        """Return a sentence for each limit that the page comes near."""
        return [
            f"{what} {size} B, allowed {limit}"
            for what, size, limit in self._budgets
            if limit * WARN_AT < size <= limit
        ]

    @property
    def _budgets(self) -> list[tuple[str, int, int]]:
        return [
            ("HTML with CSS", self.first_view, FIRST_VIEW_LIMIT),
            ("scripts", self.scripts.sent, SCRIPTS_LIMIT),
        ]


@dataclass
class Report:
    """The public pages, and the routes that no link leads to."""

    pages: list[Page] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)


class _References(HTMLParser):
    """The files that a page needs for its first view, and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.styles: list[str] = []
        self.scripts: list[str] = []
        self.lazy_modules: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        relations = values.get("rel", "").split()
        if module := values.get("data-chart") or values.get("data-list"):
            self.lazy_modules.append(module)
        if tag == "link" and "stylesheet" in relations:
            self.styles.append(values.get("href", ""))
        elif tag == "link" and "modulepreload" in relations:
            self.scripts.append(values.get("href", ""))
        elif tag == "script" and (module := values.get("src") or values.get("data-after-paint")):
            self.scripts.append(module)
        elif tag == "img" and values.get("loading") != "lazy":
            self.images.append(values.get("src", ""))
        elif tag == "a":
            self.links.append(values.get("href", ""))


def measure() -> Report:
    """Return all public pages of this site with what they cost, the heaviest first."""
    # This makes a few hundred requests in one process.
    with override_settings(RATE_LIMIT_PER_MINUTE=1_000_000):
        return _Crawl().run()


class _Crawl:
    """One crawl of the site, as a visitor without a session."""

    def __init__(self) -> None:
        self.client = Client(SERVER_NAME=settings.SITE_HOST, raise_request_exception=True)
        self.heaviest: dict[str, Page] = {}
        self.requested: dict[str, int] = {}
        self.seen: set[str] = set()

    def run(self) -> Report:
        routes = list(_list_routes(get_resolver().url_patterns))
        waiting = deque(f"/{route}" for route in routes if _needs_no_argument(route))
        while waiting:
            for link in self._visit(waiting.popleft()):
                if link not in self.seen:
                    self.seen.add(link)
                    waiting.append(link)
        pages = sorted(self.heaviest.values(), key=lambda page: -page.first_view)
        return Report(pages, sorted(route for route in routes if route not in self.requested))

    def _visit(self, address: str) -> list[str]:
        """Measure the page at an address, if there is one, and return its links."""
        route = _find_route(address)
        if route is None or self.requested.get(route, 0) >= ADDRESSES_PER_ROUTE:
            return []
        self.requested[route] = self.requested.get(route, 0) + 1
        response = self.client.get(address, secure=settings.SECURE)
        if response.status_code in (301, 302) and urlsplit(response["Location"]).netloc == "":
            return [urldefrag(urljoin(address, response["Location"])).url]
        if response.status_code != 200 or not response["Content-Type"].startswith("text/html"):
            return []
        references = _References(response.text)
        page = self._measure(Page(route, address), response.content, references)
        heaviest = self.heaviest.get(route)
        if (
            heaviest is None
            or page.first_view + page.scripts.sent > heaviest.first_view + heaviest.scripts.sent
        ):
            self.heaviest[route] = page
        links = (urldefrag(urljoin(address, link)).url for link in references.links)
        return [link for link in links if link.startswith("/") and not link.startswith("//")]

    def _measure(self, page: Page, html: bytes, references: _References) -> Page:
        page.html = Size(len(html), len(gzip.compress(html, mtime=0)))
        page.css = _get_total_size(references.styles)
        # A module near the top of the page loads by itself. Those further down load when the visitor scrolls,
        # which is an interaction.
        page.scripts = _get_total_size(
            _add_imports([*references.scripts, *references.lazy_modules[:1]])
        )
        page.images = NOTHING
        for source in dict.fromkeys(references.images):
            page.images += self._get_image_size(source)
        return page

    def _get_image_size(self, source: str) -> Size:
        if source.startswith("data:"):
            return NOTHING  # part of the HTML
        if source.startswith(settings.STATIC_URL):
            raw = len(_find_static_file(source).read_bytes())
        else:
            raw = len(self.client.get(source, secure=settings.SECURE).getvalue())
        return Size(raw, raw)


def _list_routes(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Yield every route of the URL map as Django writes it, except the excluded ones."""
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}".replace("^", "")
        if route.startswith(EXCLUDED_ROUTES):
            continue
        if isinstance(pattern, URLResolver):
            yield from _list_routes(pattern.url_patterns, route)
        else:
            yield route


def _needs_no_argument(route: str) -> bool:
    return not set(route) & set("<>()[]^$*+?|\\")


def _find_route(address: str) -> str | None:
    try:
        route = resolve(urlsplit(address).path).route
    except Resolver404:
        return None
    route = route.replace("^", "")
    return None if route.startswith(EXCLUDED_ROUTES) else route


def _add_imports(scripts: list[str]) -> list[str]:
    """Return scripts together with all modules that they import statically."""
    modules = dict.fromkeys(scripts)
    waiting = deque(modules)
    while waiting:
        script = waiting.popleft()
        for name in _STATIC_IMPORT.findall(_find_static_file(script).read_text()):
            imported = urljoin(script, name)
            if imported not in modules:
                modules[imported] = None
                waiting.append(imported)
    return list(modules)


def _get_total_size(addresses: list[str]) -> Size:
    total = NOTHING
    for address in dict.fromkeys(addresses):
        total += _get_static_size(_find_static_file(address))
    return total


def _get_static_size(path: Path) -> Size:
    """Return a static file's size and that of its smallest form.

    A file that has not been collected is compressed here.
    """
    content = path.read_bytes()
    if path.is_relative_to(settings.BASE_DIR / "static" / MODULES_PREFIX):
        content = minify_module(content)
    forms = [
        form
        for form in (path.with_name(f"{path.name}.{kind}") for kind in ("br", "gz"))
        if form.exists()
    ]
    sent = min((form.stat().st_size for form in forms), default=len(brotli.compress(content)))
    return Size(len(content), min(sent, len(content)))


def _find_static_file(address: str) -> Path:
    """Return the file that an address refers to, the collected one if there is one."""
    name = urlsplit(address).path.removeprefix(settings.STATIC_URL)
    collected = Path(settings.STATIC_ROOT) / name
    if collected.is_file():
        return collected
    source = finders.find(name)
    if source is None:
        raise FileNotFoundError(f"this site has no static file {address}")
    return Path(source)
