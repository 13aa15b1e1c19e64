"""The files that hold our keys beside servers.toml: written once, readable by nobody else, never deleted.

A key file may be the only copy of its key. So no program of ours takes one away, also not when the server or
identity that named it is deleted; the only exception is a file of an operation that did not succeed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from wgmon_tui.config.secrets.private_files import create_private
from wgmon_tui.protocols.wireguard.keys import PresharedKey, PrivateKey

_UNSAFE_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class KeyFileStore(Protocol):
    """Where an operation puts keys."""

    def write(self, name: str, suffix: str, secret: PrivateKey | PresharedKey) -> str:
        """Put a secret into a file that was not there, named after `name`; returns the file's name."""
        ...


class KeyFileWriter:
    """The secret files that one operation writes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written: list[Path] = []

    def write(self, name: str, suffix: str, secret: PrivateKey | PresharedKey) -> str:
        """Put a secret into a file that was not there, named after `name`; returns the file's name."""
        for path in _candidates(self.directory, name, suffix):
            try:
                create_private(path, secret.to_text() + "\n")
            except FileExistsError:
                continue
            self.written.append(path)
            return path.name
        raise AssertionError("the candidates never end")


class DryRunKeyFiles:
    """Writes nothing, and gives the names that files would get: for a preview."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reserved: set[str] = set()

    def write(self, name: str, suffix: str, secret: PrivateKey | PresharedKey) -> str:
        """The name of the file that would be written."""
        free = (
            path.name
            for path in _candidates(self._directory, name, suffix)
            if path.name not in self._reserved and not path.exists()
        )
        name_for_key = next(free)
        self._reserved.add(name_for_key)
        return name_for_key


@contextmanager
def open_key_file_writer(directory: Path) -> Iterator[KeyFileWriter]:
    """Secret files that stay only if the operation succeeds."""
    files = KeyFileWriter(directory)
    try:
        yield files
    except BaseException:
        for path in files.written:
            path.unlink(missing_ok=True)
        raise


def _candidates(directory: Path, name: str, suffix: str) -> Iterator[Path]:
    stem = _UNSAFE_IN_FILE_NAMES.sub("_", name).lstrip(".-") or "key"
    yield directory / f"{stem}{suffix}"
    number = 1
    while True:
        number += 1
        yield directory / f"{stem}-{number}{suffix}"
