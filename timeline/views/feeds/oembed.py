"""oEmbed 1.0: tells other sites how to embed a moment's card."""

from __future__ import annotations

import re

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.public_ids import ALPHABET, LENGTH, decode_id
from timeline.models import Moment
from timeline.selectors import feeds
from timeline.selectors.feeds import absolute_url
from timeline.selectors.moments import NO_SUCH_MOMENT_MESSAGE
from timeline.views.feeds.embed import CARD_HEIGHT, CARD_WIDTH, card_path

_MOMENT_PATH = re.compile(rf"/moments/([{ALPHABET}]{{{LENGTH}}})/(?:[^/]+/)?(?:[?#].*)?")
MAX_URL_LENGTH = 2000


@require_safe
@public_page(TIMELINE, PROFILES)
def oembed(request: HttpRequest) -> HttpResponse:
    """Describe the card of the public moment at ``?url=``, at most ``maxwidth`` by ``maxheight`` pixels."""
    if request.GET.get("format", "json") != "json":
        return HttpResponse("Only JSON is spoken here.", status=501, content_type="text/plain")
    moment = _get_moment_at(request.GET.get("url", ""))
    width = min(CARD_WIDTH, _parse_max_pixels(request, "maxwidth"))
    height = min(CARD_HEIGHT, _parse_max_pixels(request, "maxheight"))
    return JsonResponse(_describe_card(moment, width, height))


def _get_moment_at(url: str) -> Moment:
    """Return the public moment that has this URL or path. Raises Http404."""
    path = url.removeprefix(settings.SITE_URL) if len(url) <= MAX_URL_LENGTH else ""
    match = _MOMENT_PATH.fullmatch(path)
    try:
        moment = feeds.get_public_moment(decode_id(match[1])) if match else None
    except ValueError:
        moment = None
    if moment is None:
        raise Http404(NO_SUCH_MOMENT_MESSAGE)
    return moment


def _parse_max_pixels(request: HttpRequest, name: str) -> int:
    """Return a limit in pixels. Without the parameter it does not limit the card. Raises BadRequest."""
    given = request.GET.get(name, "")
    if not given:
        return max(CARD_WIDTH, CARD_HEIGHT)
    if not re.fullmatch("[0-9]{1,6}", given, re.ASCII) or int(given) < 1:
        raise BadRequest(f"“{name}” is not a number of pixels.")
    return int(given)


def _describe_card(moment: Moment, width: int, height: int) -> dict[str, str | int]:
    return {
        "version": "1.0",
        "type": "rich",
        "title": moment.title,
        "author_name": moment.user.name,
        "author_url": absolute_url(f"/@{moment.user.handle}/"),
        "provider_name": "MomentVerse",
        "provider_url": absolute_url("/"),
        "cache_age": TIMELINE.seconds,
        "html": format_html(
            '<iframe src="{}" width="{}" height="{}" title="{}" loading="lazy"'
            ' referrerpolicy="no-referrer"></iframe>',
            absolute_url(card_path(moment)),
            width,
            height,
            moment.title,
        ),
        "width": width,
        "height": height,
    }
