"""Where exports go: the standard output, or a file that is there whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path


def write_output(parts: Iterable[bytes]) -> None:
    """To whoever reads our output. Raises BrokenPipeError where nobody does any more."""
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def write_private(path: Path, parts: Iterable[bytes]) -> None:
    """Put a file that only its owner reads in the place of whatever stands there. Raises OSError."""
    write_whole(path, parts, 0o600)


def write_whole(path: Path, parts: Iterable[bytes], mode: int) -> None:
    """Put a file in the place of whatever stands there, with these permissions or less, as the umask says.

    A pipe or a device is written to as it is. Raises OSError; then what stood there stays.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.writelines(parts)
        return
    # The file at the end of a symbolic link is replaced, not the link.
    target = path.resolve()
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_numbered(directory: Path, stem: str, suffix: str, parts: Iterable[bytes]) -> Path:
    """Write a file under a name that nothing has yet: `stem`, or `stem-2` and so on. Gives its path.

    Raises OSError, and leaves nothing behind then.
    """
    path = _reserve(directory, stem, suffix)
    try:
        write_private(path, parts)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _reserve(directory: Path, stem: str, suffix: str) -> Path:
    """A new, empty file: the name is ours from now on, whoever else writes here."""
    number = 1
    while True:
        path = directory / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path
