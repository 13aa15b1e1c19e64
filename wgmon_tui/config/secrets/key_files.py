"""Key files next to servers.toml: written once, readable only by their owner, never deleted.

A key file may be the only copy of its key. So wgmon-tui keeps it even when the server or identity that uses
it is deleted. The only exception is a file written by an operation that failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from wgmon_tui.config.secrets.private_files import create_private, sync_files
from wgmon_tui.shutdown import shutdown

_UNSAFE_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class WritableSecret(Protocol):
    """A secret that has a text for a file."""

    def to_text(self) -> str:
        """The text that its file gets."""
        ...


class KeyFileStore(Protocol):
    """The interface through which an operation stores keys."""

    @property
    def directory(self) -> Path:
        """Where servers.toml is, and the files."""
        ...

    def write(self, name: str, suffix: str, secret: WritableSecret) -> str:
        """Write a secret to a new file named after `name`. Returns the file name."""
        ...


class KeyFileWriter:
    """Writes the secret files of one operation: each through to the disk, or all with `sync` at the end.

    From the first one on, a stop signal waits for the end of the operation: servers.toml names these files.
    """

    def __init__(self, directory: Path, operation: ExitStack, *, in_bulk: bool = False) -> None:
        self.directory = directory
        self._in_bulk = in_bulk
        self.written: list[Path] = []
        self._operation = operation

    def write(self, name: str, suffix: str, secret: WritableSecret) -> str:
        """Write a secret to a new file named after `name`. Returns the file name."""
        if not self.written:
            self._operation.enter_context(shutdown.deferred())
        for path in _candidates(self.directory, name, suffix):
            try:
                create_private(path, secret.to_text() + "\n", is_synced=not self._in_bulk)
            except FileExistsError:
                continue
            self.written.append(path)
            return path.name
        raise AssertionError("the candidates are endless")

    def sync(self) -> None:
        """Write all files through to the disk, before servers.toml names them. Raises OSError."""
        if self._in_bulk:
            sync_files(self.written)


class DryRunKeyFiles:
    """Writes nothing; returns the names that the files would get. For a preview."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._reserved: set[str] = set()

    def write(self, name: str, suffix: str, secret: WritableSecret) -> str:
        """The name that the file would get."""
        free = (
            path.name
            for path in _candidates(self.directory, name, suffix)
            if path.name not in self._reserved and not path.exists()
        )
        name_for_key = next(free)
        self._reserved.add(name_for_key)
        return name_for_key


@contextmanager
def open_key_file_writer(directory: Path, *, in_bulk: bool = False) -> Iterator[KeyFileWriter]:
    """Open a writer; its files are removed if the operation fails."""
    with ExitStack() as first_write:
        files = KeyFileWriter(directory, first_write, in_bulk=in_bulk)
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
