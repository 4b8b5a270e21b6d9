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
from timeline.core.picture_formats import CONTENT_TYPES, ORIGINAL_NAME, list_widths
from timeline.models import Moment, Picture
from timeline.services import placement
from timeline.services.pictures import storage
from timeline.services.pictures.deletion import delete_picture, is_not_processing

logger = logging.getLogger("timeline.pictures")

ENCODER = ["-m", "timeline.services.pictures.encoder"]
TIMEOUT_SECONDS = 120
MAX_ATTEMPTS = 5
TOO_COMPLEX_MESSAGE = "The picture takes too long to read. A smaller one may do."
FAILED_MESSAGE = "The picture could not be made. Please upload it again."
# Each takes up to MAX_MEMORY_BYTES: of the threads of one process, so many at a time.
_encoder_slots = threading.BoundedSemaphore(2)


class Unreadable(Exception):
    """The picture cannot be made; the text is a sentence for its owner."""


@task()
def process_picture_task(pk: int) -> None:
    """Background task: make a picture. What fails is tried again by ``make_waiting``."""
    process_picture(pk)


def process_waiting_pictures(limit: int = 100) -> int:
    """Make the pictures that wait, the oldest first; return how many are shown now."""
    waiting = Picture.objects.filter(state=Picture.State.WAITING, moment__isnull=False)
    return sum(
        process_picture(pk)
        for pk in list(waiting.order_by("uploaded_at").values_list("pk", flat=True)[:limit])
    )


def process_picture(pk: int) -> bool:
    """Make a picture that waits, unless somebody is at it; return whether it is shown now."""
    if not _acquire_lease(pk):
        return False
    picture = Picture.objects.get(pk=pk)
    shown = False
    try:
        shown = _publish(picture, _create_files(picture))
    except Unreadable as error:
        _reject(picture, str(error))
    except (OSError, TimelineBusy) as error:
        # The storage is away or the day is busy: it waits, and is tried again.
        logger.warning("%s (key %s) is not made yet: %s", picture, picture.key, error)
        if picture.attempts >= MAX_ATTEMPTS:
            _reject(picture, FAILED_MESSAGE)
    Picture.objects.filter(pk=pk).update(processing_started_at=None)
    delete_picture(pk)  # if it was let go meanwhile
    return shown


def _acquire_lease(pk: int) -> bool:
    """Take a picture to make it: of two who try, one gets it."""
    free = Picture.objects.filter(is_not_processing(), state=Picture.State.WAITING)
    return bool(
        free.filter(pk=pk, moment__isnull=False).update(
            processing_started_at=Now(), attempts=F("attempts") + 1
        )
    )


def _create_files(picture: Picture) -> dict[str, Any]:
    """Make and store all files; return size and placeholder. Raises Unreadable, OSError."""
    with tempfile.TemporaryDirectory(prefix="momentverse-picture-") as place:
        source, folder = Path(place, ORIGINAL_NAME), Path(place, "made")
        source.write_bytes(storage.read(f"{picture.key}/{ORIGINAL_NAME}"))
        folder.mkdir()
        made = _run_encoder(source, folder)
        for width in list_widths(made["width"]):
            for ending in CONTENT_TYPES:
                content = Path(folder, f"{width}.{ending}").read_bytes()
                storage.write(picture.file(width, ending), content)
    return made


def _run_encoder(source: Path, folder: Path) -> dict[str, Any]:
    """Run the encoder, which has its own bounds. Raises Unreadable."""
    command = [sys.executable, *ENCODER, str(source), str(folder)]
    with _encoder_slots:
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
            raise Unreadable(TOO_COMPLEX_MESSAGE) from None
        except subprocess.CalledProcessError as error:
            # Killed by its bounds, or by a decoder's fault.
            logger.warning("encoder ended with %s: %s", error.returncode, error.stderr[-500:])
            raise Unreadable(TOO_COMPLEX_MESSAGE) from None
    answer: dict[str, Any] = json.loads(done.stdout)
    if "refused" in answer:
        raise Unreadable(answer["refused"])
    return answer


def _publish(picture: Picture, made: dict[str, Any]) -> bool:
    """Let a made picture be seen, unless it was let go meanwhile; return whether it is."""
    moment = Moment.objects.filter(picture=picture).first()
    if moment is None:
        return False
    with placement.lock_spans([moment.span]):
        shown = Picture.objects.filter(
            pk=picture.pk, moment=moment, state=Picture.State.WAITING
        ).update(**made, state=Picture.State.READY, problem="")
        Moment.objects.filter(pk=moment.pk).update(updated_at=Now())
    storage.delete(f"{picture.key}/{ORIGINAL_NAME}")
    return bool(shown)


def _reject(picture: Picture, problem: str) -> None:
    Picture.objects.filter(pk=picture.pk, state=Picture.State.WAITING).update(
        state=Picture.State.REFUSED, problem=problem
    )
    storage.delete_folder(picture.key)
