"""Destinations of exports: standard output, or a file that is written atomically."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from wgmon_tui.config.regular_files import follow_links
from wgmon_tui.shutdown import shutdown


def write_output(parts: Iterable[bytes]) -> None:
    """Write to standard output. Raises BrokenPipeError if its reader has exited."""
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def write_private(path: Path, parts: Iterable[bytes]) -> None:
    """Write or replace a file that only its owner can read. Raises OSError."""
    write_whole(path, parts, 0o600)


def write_whole(path: Path, parts: Iterable[bytes], mode: int) -> None:
    """Write or replace a file atomically, with permissions `mode` reduced by the umask.

    Root leaves an existing file to its owner. A pipe or a device is written to directly. Raises OSError; an
    existing file is then unchanged.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            stream.writelines(parts)
        return
    # The target of a symbolic link is replaced, not the link.
    target = follow_links(path)
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}.{os.urandom(4).hex()}")
    with shutdown.undone_if_killed(partial(temporary.unlink, missing_ok=True)):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(descriptor)
            if os.geteuid() == 0 and target.exists():
                owner = target.stat()
                os.chown(temporary, owner.st_uid, owner.st_gid)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_numbered(directory: Path, stem: str, suffix: str, parts: Iterable[bytes]) -> Path:
    """Write a new file named `stem`, or `stem-2` and so on if the name exists. Returns its path.

    Raises OSError, and then leaves no file behind.
    """
    path = _reserve(directory, stem, suffix)
    try:
        write_private(path, parts)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _reserve(directory: Path, stem: str, suffix: str) -> Path:
    """Create a new, empty file, which reserves the name against other writers."""
    number = 1
    while True:
        path = directory / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path
