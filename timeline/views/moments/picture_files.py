"""Serving the files of pictures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from momentverse.http.errors import error_response
from timeline.core.picture_formats import CONTENT_TYPES
from timeline.models import Moment, Picture, Visibility
from timeline.services.pictures import storage

if TYPE_CHECKING:
    from timeline.models.moment import Viewer

logger = logging.getLogger("timeline.pictures")

# The content of an address never changes. Browsers keep it for a month, shared caches for a day: for that
# long, people who know the address may still see a picture that is no longer public.
PUBLIC_CACHE_CONTROL = "public, max-age=2592000, s-maxage=86400, immutable"
PRIVATE_CACHE_CONTROL = "private, max-age=3600, immutable"
NO_SUCH_PICTURE_MESSAGE = "There is no such picture."


@require_safe
def serve_picture(
    request: HttpRequest, pk: int, token: str, width: int, extension: str
) -> HttpResponse:
    """Send one file of a moment's picture.

    An address is valid only as long as the moment keeps the visibility that it
    had when the address was created. Try as an anonymous viewer first, so that
    public pictures never read the session.
    """
    picture = _find_picture(None, pk) or _find_picture(request.user, pk)
    if picture is None or not picture.is_token_valid(token):
        raise Http404(NO_SUCH_PICTURE_MESSAGE)
    if width not in picture.widths or extension not in CONTENT_TYPES:
        raise Http404(NO_SUCH_PICTURE_MESSAGE)
    try:
        content = storage.read(picture.get_storage_name(width, extension))
    except FileNotFoundError:
        raise Http404(NO_SUCH_PICTURE_MESSAGE) from None
    except OSError as error:
        logger.warning("no file of %s: %s", picture, error)
        return error_response(request, 503)
    assert picture.moment is not None
    is_public = picture.moment.visibility == Visibility.PUBLIC
    return HttpResponse(
        content,
        content_type=CONTENT_TYPES[extension],
        headers={"Cache-Control": PUBLIC_CACHE_CONTROL if is_public else PRIVATE_CACHE_CONTROL},
    )


def _find_picture(viewer: Viewer, pk: int) -> Picture | None:
    visible = Moment.objects.visible_to(viewer, by_address=True).filter(
        pk=pk, picture__state=Picture.State.READY
    )
    moment = (
        visible.select_related("picture")
        .only("visibility", "picture__moment", "picture__key", "picture__width")
        .first()
    )
    return moment.picture if moment else None
