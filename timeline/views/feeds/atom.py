"""Atom feeds of the moments published or changed last: of everybody, of a tag and of a person."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.formatting import format_day
from timeline.models import Moment
from timeline.selectors import feeds
from timeline.selectors.feeds import absolute_url
from timeline.selectors.moments import get_tag_in_use
from timeline.selectors.profiles import get_user_by_handle

# Characters that XML 1.0 cannot contain, even escaped.
_INVALID_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The date of an empty feed. Django would use the current time, so that each response would differ.
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def strip_invalid_xml(text: str) -> str:
    """Return a text without the characters that XML cannot contain."""
    return _INVALID_IN_XML.sub("", text)


class StableAtomFeed(Atom1Feed):
    """An Atom feed that does not depend on the current time."""

    def latest_post_date(self) -> dt.datetime:
        return super().latest_post_date() if self.items else NEVER


class MomentsFeed(Feed):
    """A feed of moments. All its URLs are absolute and start with ``SITE_URL``."""

    feed_type = StableAtomFeed
    language = "en"

    def __init__(self, *, title: str, page: str, path: str, moments: Iterable[Moment]) -> None:
        self.title = strip_invalid_xml(title)
        self.link = absolute_url(page)
        self.feed_url = self.feed_guid = absolute_url(path)
        self._moments = moments

    def items(self) -> Iterable[Moment]:
        return self._moments

    def item_title(self, item: Moment) -> str:
        """Return the title with the day, which distinguishes moments with the same title."""
        return strip_invalid_xml(f"{item.title} ({format_day(item.starts_at)})")

    def item_description(self, item: Moment) -> str:
        """Return time, place and story, as HTML."""
        return strip_invalid_xml(render_to_string("timeline/feeds/entry.html", {"moment": item}))

    def item_link(self, item: Moment) -> str:
        """Return the URL of the moment's page."""
        return absolute_url(item.get_absolute_url())

    def item_guid(self, item: Moment) -> str:
        """Return an id that stays the same when the title changes."""
        return absolute_url(f"/moments/{item.public_id}/")

    def item_author_name(self, item: Moment) -> str:
        return strip_invalid_xml(item.user.name)

    def item_author_link(self, item: Moment) -> str:
        return absolute_url(f"/@{item.user.handle}/")

    def item_pubdate(self, item: Moment) -> dt.datetime:
        """Return when the moment was published. The time of the moment itself is in the title."""
        return item.status_changed_at

    def item_updateddate(self, item: Moment) -> dt.datetime:
        return item.changed_at

    def item_categories(self, item: Moment) -> list[str]:
        return [tag.name for tag in item.tags.all()]


@require_safe
@public_page(TIMELINE, PROFILES, parameters=())
def timeline_feed(request: HttpRequest) -> HttpResponse:
    """Return the feed of the whole timeline."""
    feed = MomentsFeed(
        title="MomentVerse: new on the timeline",
        page="/timeline/",
        path="/feed.atom",
        moments=feeds.recently_published(),
    )
    return feed(request)


@require_safe
@public_page(TIMELINE, PROFILES, parameters=())
def tag_feed(request: HttpRequest, name: str) -> HttpResponse:
    """Return the feed of the moments that got a tag last."""
    tag = get_tag_in_use(None, name)
    if tag is None:
        raise Http404(f"No public moment carries the tag “{name}”.")
    feed = MomentsFeed(
        title=f"MomentVerse: new with the tag {tag.name}",
        page=tag.get_absolute_url(),
        path=f"{tag.get_absolute_url()}feed.atom",
        moments=feeds.recently_tagged(tag),
    )
    return feed(request)


@require_safe
@public_page(PROFILES, TIMELINE, parameters=())
def profile_feed(request: HttpRequest, handle: str) -> HttpResponse:
    """Return the feed of a person's public moments."""
    owner = get_user_by_handle(handle)
    feed = MomentsFeed(
        title=f"MomentVerse: new from {owner.name}",
        page=f"/@{owner.handle}/",
        path=f"/@{owner.handle}/feed.atom",
        moments=feeds.recently_published_by(owner),
    )
    return feed(request)
