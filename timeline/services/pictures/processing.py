"""Turn uploaded pictures into the files that pages show.

This happens once for each picture, in the background. The files are encoded by
a process of its own: see ``encoder``.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from timeline.services.pictures.encoder import EncodedPicture

logger = logging.getLogger("timeline.pictures")

ENCODER = ["-m", "timeline.services.pictures.encoder"]
TIMEOUT_SECONDS = 120
MAX_ATTEMPTS = 5
TOO_COMPLEX_MESSAGE = "The picture takes too long to read. A smaller one may do."
FAILED_MESSAGE = "The picture could not be made. Please upload it again."
# How many encoders run at once for the threads of one process. Each takes up to MAX_MEMORY_BYTES.
_encoder_slots = threading.BoundedSemaphore(2)


class UnreadablePicture(Exception):
    """The picture cannot be read. The message is a sentence for its owner."""


@task()
def process_picture_task(pk: int) -> None:
    """Background task: process a picture. ``process_waiting_pictures`` retries failures."""
    process_picture(pk)


def process_waiting_pictures(limit: int = 100) -> int:
    """Process waiting pictures, the oldest first, at most ``limit``. Return how many were published."""
    waiting = Picture.objects.filter(state=Picture.State.WAITING, moment__isnull=False)
    return sum(
        process_picture(pk)
        for pk in list(waiting.order_by("uploaded_at").values_list("pk", flat=True)[:limit])
    )


def process_picture(pk: int) -> bool:
    """Process a waiting picture, unless another worker is doing so. Return whether it was published."""
    if not _acquire_lease(pk):
        return False
    picture = Picture.objects.get(pk=pk)
    is_published = False
    try:
        is_published = _publish(picture, _create_files(picture))
    except UnreadablePicture as error:
        _reject(picture, str(error))
    except (OSError, TimelineBusy) as error:
        # The storage is unavailable, or the moment's day is locked. The picture stays waiting and is
        # tried again, MAX_ATTEMPTS times in all.
        logger.warning("%s (key %s) is not made yet: %s", picture, picture.key, error)
        if picture.attempts >= MAX_ATTEMPTS:
            _reject(picture, FAILED_MESSAGE)
    Picture.objects.filter(pk=pk).update(processing_started_at=None)
    delete_picture(pk)  # only deletes it if it was detached meanwhile
    return is_published


def _acquire_lease(pk: int) -> bool:
    """Mark a waiting picture as being processed. Only one of several workers succeeds."""
    waiting = Picture.objects.filter(is_not_processing(), state=Picture.State.WAITING)
    return bool(
        waiting.filter(pk=pk, moment__isnull=False).update(
            processing_started_at=Now(), attempts=F("attempts") + 1
        )
    )


def _create_files(picture: Picture) -> EncodedPicture:
    """Encode and store all files of a picture. Raises UnreadablePicture or OSError."""
    with tempfile.TemporaryDirectory(prefix="momentverse-picture-") as directory:
        source, folder = Path(directory, ORIGINAL_NAME), Path(directory, "encoded")
        source.write_bytes(storage.read(f"{picture.key}/{ORIGINAL_NAME}"))
        folder.mkdir()
        encoded = _run_encoder(source, folder)
        for width in list_widths(encoded["width"]):
            for extension in CONTENT_TYPES:
                content = Path(folder, f"{width}.{extension}").read_bytes()
                storage.write(picture.get_storage_name(width, extension), content)
    return encoded


def _run_encoder(source: Path, folder: Path) -> EncodedPicture:
    """Run the encoder, which limits its own memory and CPU time. Raises UnreadablePicture."""
    command = [sys.executable, *ENCODER, str(source), str(folder)]
    with _encoder_slots:
        try:
            process = subprocess.run(  # noqa: S603  our own module, with file names that we chose
                command,
                cwd=settings.BASE_DIR,
                env={"PATH": ""},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise UnreadablePicture(TOO_COMPLEX_MESSAGE) from None
        except subprocess.CalledProcessError as error:
            # It exceeded its limits, or the decoder crashed.
            logger.warning("encoder ended with %s: %s", error.returncode, error.stderr[-500:])
            raise UnreadablePicture(TOO_COMPLEX_MESSAGE) from None
    result = json.loads(process.stdout)
    if "refused" in result:
        raise UnreadablePicture(result["refused"])
    encoded: EncodedPicture = result
    return encoded


def _publish(picture: Picture, encoded: EncodedPicture) -> bool:
    """Make an encoded picture visible, unless it was detached meanwhile. Return whether it is visible."""
    moment = Moment.objects.filter(picture=picture).first()
    if moment is None:
        return False
    with placement.lock_spans([moment.span]):
        published = Picture.objects.filter(
            pk=picture.pk, moment=moment, state=Picture.State.WAITING
        ).update(**encoded, state=Picture.State.READY, problem="")
        Moment.objects.filter(pk=moment.pk).update(updated_at=Now())
    storage.delete(f"{picture.key}/{ORIGINAL_NAME}")
    return bool(published)


def _reject(picture: Picture, problem: str) -> None:
    Picture.objects.filter(pk=picture.pk, state=Picture.State.WAITING).update(
        state=Picture.State.REFUSED, problem=problem
    )
    storage.delete_folder(picture.key)
