"""Sitemaps: an index of periods, and for each period the moments that start in it.

A period with too many moments is replaced by its children, so that there are
only as many files as the timeline needs, and each is a single range scan.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from xml.sax.xmlreader import AttributesImpl

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page
from timeline.core.periods import Level, NoSuchPeriod, Period
from timeline.core.spans import format_instant
from timeline.selectors import feeds, moments
from timeline.selectors.feeds import absolute_url

XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"
FIXED_PATHS = ("/", "/timeline/", "/timeline/centuries/", "/today/", "/tags/")
# A URL, and when it last changed or "".
Entry = tuple[str, str]


@require_safe
@public_page(STATIC_PAGES, parameters=())
def index(request: HttpRequest) -> HttpResponse:
    """List the sitemaps."""
    files = ["/sitemap-pages.xml", *(_sitemap_path(period) for period in feeds.sitemap_periods())]
    return _xml_response("sitemapindex", "sitemap", ((absolute_url(path), "") for path in files))


@require_safe
@public_page(STATIC_PAGES, parameters=())
def pages(request: HttpRequest) -> HttpResponse:
    """List the pages that lead to moments: the fixed ones, and the first page of tags."""
    tags = moments.list_tags_in_use(None).rows
    paths = [*FIXED_PATHS, *(tag.get_absolute_url() for tag in tags)]
    return _xml_response("urlset", "url", ((absolute_url(path), "") for path in paths))


@require_safe
@public_page(STATIC_PAGES, parameters=())
def century(request: HttpRequest, number: str) -> HttpResponse:
    """List the public moments that start in a century."""
    return _moments_sitemap(Period.century(int(number)))


@require_safe
@public_page(STATIC_PAGES, parameters=())
def calendar_period(request: HttpRequest, **numbers: str) -> HttpResponse:
    """List the public moments that start in a year, month, day or hour."""
    try:
        return _moments_sitemap(
            Period.of(**{name: int(number) for name, number in numbers.items()})
        )
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None


def _moments_sitemap(period: Period) -> HttpResponse:
    entries = (
        (absolute_url(moment.get_absolute_url()), format_instant(moment.changed_at))
        for moment in feeds.sitemap_entries(period)
    )
    return _xml_response("urlset", "url", entries)


def _sitemap_path(period: Period) -> str:
    """Return the path of a period's sitemap.

    It is at the root, because a sitemap in a folder may only list URLs in that folder.
    """
    day = period.first_day
    if period.level is Level.CENTURY:
        return f"/sitemap-century-{period.century_number}.xml"
    parts = [f"{day.year:04}", f"{day.month:02}", f"{day.day:02}", f"{period.hour:02}"]
    depth = {Level.YEAR: 1, Level.MONTH: 2, Level.DAY: 3, Level.HOUR: 4}[period.level]
    return f"/sitemap-{'-'.join(parts[:depth])}.xml"


def _xml_response(root: str, each: str, entries: Iterable[Entry]) -> HttpResponse:
    text = io.StringIO()
    xml = SimplerXMLGenerator(text, "utf-8")
    xml.startDocument()
    xml.startElement(root, AttributesImpl({"xmlns": XMLNS}))
    for location, changed in entries:
        xml.startElement(each, AttributesImpl({}))
        xml.addQuickElement("loc", location)
        if changed:
            xml.addQuickElement("lastmod", changed)
        xml.endElement(each)
    xml.endElement(root)
    return HttpResponse(text.getvalue(), content_type="application/xml; charset=utf-8")
