"""Atom feeds: what came onto the timeline or changed last, of everybody, of a tag, of a person."""

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

# What XML 1.0 cannot hold, however it is escaped.
_INVALID_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# An empty feed was last changed before everything else, and not now: it is the same each time.
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def strip_invalid_xml(text: str) -> str:
    """Return what of a text XML can hold."""
    return _INVALID_IN_XML.sub("", text)


class StableAtomFeed(Atom1Feed):
    """An Atom feed whose text does not depend on when it is generated."""

    def latest_post_date(self) -> dt.datetime:
        """Return when the feed last changed."""
        return super().latest_post_date() if self.items else NEVER


class MomentsFeed(Feed):
    """A feed of some moments. All addresses in it are absolute, and the configured origin's."""

    feed_type = StableAtomFeed
    language = "en"

    def __init__(self, *, title: str, page: str, path: str, moments: Iterable[Moment]) -> None:
        self.title = strip_invalid_xml(title)
        self.link = absolute_url(page)
        self.feed_url = self.feed_guid = absolute_url(path)
        self._moments = moments

    def items(self) -> Iterable[Moment]:
        """Return the moments."""
        return self._moments

    def item_title(self, item: Moment) -> str:
        """Return the title, and the day, by which titles that are alike are told apart."""
        return strip_invalid_xml(f"{item.title} ({format_day(item.starts_at)})")

    def item_description(self, item: Moment) -> str:
        """Return time, place and story, as HTML."""
        return strip_invalid_xml(render_to_string("feeds/entry.html", {"moment": item}))

    def item_link(self, item: Moment) -> str:
        """Return the address of the moment's page."""
        return absolute_url(item.get_absolute_url())

    def item_guid(self, item: Moment) -> str:
        """Return what stays the same when the title changes."""
        return absolute_url(f"/moments/{item.public_id}/")

    def item_author_name(self, item: Moment) -> str:
        """Return the owner's name."""
        return strip_invalid_xml(item.user.name)

    def item_author_link(self, item: Moment) -> str:
        """Return the address of the owner's page."""
        return absolute_url(f"/@{item.user.handle}/")

    def item_pubdate(self, item: Moment) -> dt.datetime:
        """Return when the moment came onto the timeline; its own time is in the title."""
        return item.status_changed_at

    def item_updateddate(self, item: Moment) -> dt.datetime:
        """Return when it last changed."""
        return item.changed_at

    def item_categories(self, item: Moment) -> list[str]:
        """Return the tags."""
        return [tag.name for tag in item.tags.all()]


@require_safe
@public_page(TIMELINE, PROFILES, parameters=())
def timeline_feed(request: HttpRequest) -> HttpResponse:
    """Feed of the whole timeline."""
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
    """Feed of what a tag was put on."""
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
    """Feed of one person's public moments."""
    owner = get_user_by_handle(handle)
    feed = MomentsFeed(
        title=f"MomentVerse: new from {owner.name}",
        page=f"/@{owner.handle}/",
        path=f"/@{owner.handle}/feed.atom",
        moments=feeds.recently_published_by(owner),
    )
    return feed(request)
