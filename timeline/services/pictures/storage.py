"""The storage of picture files: a folder in DATA_DIR, or a private bucket.

Each function raises OSError if the storage is unavailable, whatever exception
the storage's library raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages


@contextmanager
def _open_storage() -> Iterator[Storage]:
    try:
        yield storages["pictures"]
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"pictures cannot be reached: {error}") from error


def write(name: str, content: bytes | IO[bytes]) -> None:
    """Store a file. A file with the same name is replaced."""
    file = ContentFile(content) if isinstance(content, bytes) else File(content)
    with _open_storage() as storage:
        storage.delete(name)
        storage.save(name, file)


def read(name: str) -> bytes:
    """Return the content of a file. Raises FileNotFoundError if it does not exist."""
    with _open_storage() as storage, storage.open(name) as file:
        content: bytes = file.read()
        return content


def delete(name: str) -> None:
    """Delete a file, if it exists."""
    with _open_storage() as storage:
        storage.delete(name)


def delete_folder(folder: str) -> None:
    """Delete a folder with all its files, if it exists."""
    with _open_storage() as storage, suppress(FileNotFoundError):
        _, files = storage.listdir(folder)
        for file in files:
            storage.delete(f"{folder}/{file}")
        storage.delete(folder)  # on a disk the empty folder is left; in a bucket there is none
