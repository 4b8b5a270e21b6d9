"""Where pictures' files are: a folder in DATA_DIR, or a bucket; nobody but us reads either.

Each function raises OSError when the storage is away, whatever the service's
own library raises then.
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
    """Store a file; one of the same name is replaced."""
    file = ContentFile(content) if isinstance(content, bytes) else File(content)
    with _open_storage() as storage:
        storage.delete(name)
        storage.save(name, file)


def read(name: str) -> bytes:
    """Return a file. Raises FileNotFoundError when it is not there."""
    with _open_storage() as storage, storage.open(name) as file:
        content: bytes = file.read()
        return content


def delete(name: str) -> None:
    """Delete a file, if it is there."""
    with _open_storage() as storage:
        storage.delete(name)


def delete_folder(folder: str) -> None:
    """Delete all files of a folder, if it is there."""
    with _open_storage() as storage, suppress(FileNotFoundError):
        _, files = storage.listdir(folder)
        for file in files:
            storage.delete(f"{folder}/{file}")
        storage.delete(folder)  # a disk keeps the empty folder; a bucket has none
