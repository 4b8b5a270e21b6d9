"""The card of a public moment, for the pages of others.

It is a page of its own with a policy of its own: anybody may frame it, and it
may do nothing but show itself. It is the same for everybody: its address is
one of ``COOKIELESS``, where no cookie is read or set.
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

# Of the frame, in CSS pixels: what fits a title of three lines.
CARD_WIDTH, CARD_HEIGHT = 480, 240
STYLE_TEMPLATE = "feeds/card.css"


def card_path(moment: Moment) -> str:
    """Return where a moment's card is."""
    return f"/embed/{moment.public_id}/"


@cache
def _style_and_policy() -> tuple[str, str]:
    """Return the card's style, and the policy that allows it and nothing else."""
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
    response = HttpResponse(render_to_string("feeds/card.html", context))
    response["Content-Security-Policy"] = policy
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Robots-Tag"] = "noindex"  # the moment's own page is the one to find
    return response
