"""The card of a public moment, which other sites embed in a frame.

The card has its own Content-Security-Policy: every site may frame it, and it may
load nothing but its style and pictures. It is the same for every visitor: its
path is below ``settings.COOKIELESS``, where cookies are neither read nor set.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import get_template, render_to_string
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.models import Moment
from timeline.selectors import feeds
from timeline.selectors.moments import NO_SUCH_MOMENT_MESSAGE

# The size of the frame in CSS pixels; a title of three lines fits.
CARD_WIDTH, CARD_HEIGHT = 480, 240
STYLE_TEMPLATE = "timeline/feeds/card.css"


def card_path(moment: Moment) -> str:
    """Return the path of a moment's card."""
    return f"/embed/{moment.public_id}/"


@cache
def _style_and_policy() -> tuple[str, str]:
    """Return the card's CSS, and the policy that allows this style only."""
    style = get_template(STYLE_TEMPLATE).render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors *; require-trusted-types-for 'script'"
    )
    return style, policy


@require_safe
@xframe_options_exempt
@public_page(TIMELINE, PROFILES, parameters=())
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a public moment in a small frame."""
    moment = feeds.get_public_moment(pk)
    if moment is None:
        raise Http404(NO_SUCH_MOMENT_MESSAGE)
    style, policy = _style_and_policy()
    context = {
        "moment": moment,
        "link": feeds.absolute_url(moment.get_absolute_url()),
        "style": style,
    }
    response = HttpResponse(render_to_string("timeline/feeds/card.html", context))
    response["Content-Security-Policy"] = policy
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Robots-Tag"] = "noindex"  # search engines should list the moment's own page
    return response
