"""Where pictures' files are: a folder in DATA_DIR, or a bucket; nobody but us reads either."""

from __future__ import annotations

from contextlib import suppress
from typing import IO

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages


def _storage() -> Storage:
    return storages["pictures"]


def write(name: str, content: bytes | IO[bytes]) -> None:
    """Store a file under a name that nothing else has; one of that name is replaced. Raises OSError."""
    file = ContentFile(content) if isinstance(content, bytes) else File(content)
    storage = _storage()
    storage.delete(name)
    storage.save(name, file)


def read(name: str) -> bytes:
    """Return a file. Raises FileNotFoundError, or another OSError when the storage is away."""
    with _storage().open(name) as file:
        content: bytes = file.read()
        return content


def delete(name: str) -> None:
    """Delete a file, if it is there. Raises OSError."""
    _storage().delete(name)


def delete_folder(folder: str) -> None:
    """Delete all files of a folder, if it is there. Raises OSError."""
    storage = _storage()
    with suppress(FileNotFoundError):
        _, files = storage.listdir(folder)
        for file in files:
            storage.delete(f"{folder}/{file}")
        storage.delete(folder)  # a disk keeps the empty folder; a bucket has none
