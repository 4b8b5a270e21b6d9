"""What is uploaded, made into what is shown: in the background, once, by a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django_tasks import task

from timeline.core.exceptions import TimelineBusy
from timeline.core.picture_formats import SOURCE, TYPES, widths_of
from timeline.models import Moment, Picture
from timeline.services import placement
from timeline.services.pictures import storage
from timeline.services.pictures.deletion import not_being_made, purge

logger = logging.getLogger("timeline.pictures")

ENCODER = ["-m", "timeline.services.pictures.encoder"]
TIMEOUT_SECONDS = 120
MAX_ATTEMPTS = 5
TOO_MUCH = "The picture takes too long to read. A smaller one may do."
NOT_NOW = "The picture could not be made. Please upload it again."
# Each takes up to MAX_MEMORY_BYTES: of the threads of one process, so many at a time.
_at_once = threading.BoundedSemaphore(2)


class Unreadable(Exception):
    """The picture cannot be made; the text is a sentence for its owner."""


@task()
def make_later(pk: int) -> None:
    """Background task: make a picture. What fails is tried again by ``make_waiting``."""
    make(pk)


def make_waiting(limit: int = 100) -> int:
    """Make the pictures that wait, the oldest first; return how many are shown now."""
    waiting = Picture.objects.filter(state=Picture.State.WAITING, moment__isnull=False)
    return sum(
        make(pk)
        for pk in list(waiting.order_by("uploaded_at").values_list("pk", flat=True)[:limit])
    )


def make(pk: int) -> bool:
    """Make a picture that waits, unless somebody is at it; return whether it is shown now."""
    if not _take(pk):
        return False
    picture = Picture.objects.get(pk=pk)
    shown = False
    try:
        shown = _show(picture, _made(picture))
    except Unreadable as error:
        _refuse(picture, str(error))
    except (OSError, TimelineBusy) as error:
        # The storage is away or the day is busy: it waits, and is tried again.
        logger.warning("%s (key %s) is not made yet: %s", picture, picture.key, error)
        if picture.attempts >= MAX_ATTEMPTS:
            _refuse(picture, NOT_NOW)
    Picture.objects.filter(pk=pk).update(taken_at=None)
    purge(pk)  # if it was let go meanwhile
    return shown


def _take(pk: int) -> bool:
    """Take a picture to make it: of two who try, one gets it."""
    free = Picture.objects.filter(not_being_made(), state=Picture.State.WAITING)
    return bool(
        free.filter(pk=pk, moment__isnull=False).update(taken_at=Now(), attempts=F("attempts") + 1)
    )


def _made(picture: Picture) -> dict[str, Any]:
    """Make and store all files; return size and placeholder. Raises Unreadable, OSError."""
    with tempfile.TemporaryDirectory(prefix="momentverse-picture-") as place:
        source, folder = Path(place, SOURCE), Path(place, "made")
        source.write_bytes(storage.read(f"{picture.key}/{SOURCE}"))
        folder.mkdir()
        made = _encoded(source, folder)
        for width in widths_of(made["width"]):
            for ending in TYPES:
                content = Path(folder, f"{width}.{ending}").read_bytes()
                storage.write(picture.file(width, ending), content)
    return made


def _encoded(source: Path, folder: Path) -> dict[str, Any]:
    """Run the encoder, which has its own bounds. Raises Unreadable."""
    command = [sys.executable, *ENCODER, str(source), str(folder)]
    with _at_once:
        try:
            done = subprocess.run(  # noqa: S603  our own module, on files that we have named
                command,
                cwd=settings.BASE_DIR,
                env={"PATH": ""},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise Unreadable(TOO_MUCH) from None
        except subprocess.CalledProcessError as error:
            # Killed by its bounds, or by a decoder's fault.
            logger.warning("encoder ended with %s: %s", error.returncode, error.stderr[-500:])
            raise Unreadable(TOO_MUCH) from None
    answer: dict[str, Any] = json.loads(done.stdout)
    if "refused" in answer:
        raise Unreadable(answer["refused"])
    return answer


def _show(picture: Picture, made: dict[str, Any]) -> bool:
    """Let a made picture be seen, unless it was let go meanwhile; return whether it is."""
    moment = Moment.objects.filter(picture=picture).first()
    if moment is None:
        return False
    with placement.placing([moment.span]):
        shown = Picture.objects.filter(
            pk=picture.pk, moment=moment, state=Picture.State.WAITING
        ).update(**made, state=Picture.State.READY, problem="")
        Moment.objects.filter(pk=moment.pk).update(updated_at=Now())
    storage.delete(f"{picture.key}/{SOURCE}")
    return bool(shown)


def _refuse(picture: Picture, problem: str) -> None:
    Picture.objects.filter(pk=picture.pk, state=Picture.State.WAITING).update(
        state=Picture.State.REFUSED, problem=problem
    )
    storage.delete_folder(picture.key)
