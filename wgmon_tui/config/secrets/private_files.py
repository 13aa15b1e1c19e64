"""Files with secrets: created with mode 0600, and read only if no other user can read them."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from wgmon_tui.config.ownership import owner_advice
from wgmon_tui.config.regular_files import follow_links
from wgmon_tui.shutdown import shutdown
from wgmon_tui.text import format_bytes, hide_secrets, printable, system_reason

_MAX_BYTES = 4096
"""Bytes. A key has 45 with its newline; a longer file is something else."""

_FEW_FILES = 32

_GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PrivateFileError(Exception):
    """A file that cannot be read or must not be trusted. The message names the file."""


def is_open_to_others(status: os.stat_result) -> bool:
    """Whether group or others have any permission on the file."""
    return bool(status.st_mode & _GROUP_AND_OTHERS)


def chmod_advice(path: Path) -> str:
    """The message for a secret that other users can read."""
    return f"others can read {shown(path)}; type: chmod 600 {shlex.quote(shown(path))}"


def shown(path: Path) -> str:
    """A path, safe to show in a message, also if somebody took a share link for a path."""
    return printable(hide_secrets(str(path)))


def read_private(path: Path, max_bytes: int = _MAX_BYTES) -> bytes:
    """The content of a file that only its owner can read. The owner must be this user or root.

    Symbolic links are followed, because configuration tools create them. The target is checked after it is
    opened, so that it cannot be swapped in between. Raises PrivateFileError.
    """
    return _read(path, max_bytes, _check_permissions)


def read_public(path: Path, max_bytes: int) -> bytes:
    """The content of a file that others may read, but not write. Raises PrivateFileError."""
    return _read(path, max_bytes, _check_writers)


def _read(path: Path, max_bytes: int, check: Callable[[Path, os.stat_result], None]) -> bytes:
    try:
        # Looked at before it is opened: opening a device may have effects.
        _check_kind(path, path.stat())
        # O_NONBLOCK: if it has become a FIFO meanwhile, opening must not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        # Only a document may be longer than a key.
        remedy = "put the secret there" if max_bytes == _MAX_BYTES else "correct the path"
        raise PrivateFileError(f"there is no file {shown(path)}; {remedy}") from None
    except (OSError, ValueError) as error:
        raise PrivateFileError(f"cannot read {shown(path)}: {system_reason(error, 'not a path')}") from None
    try:
        status = os.fstat(descriptor)
        _check_kind(path, status)
        check(path, status)
        if status.st_size > max_bytes:
            raise PrivateFileError(f"{shown(path)} is larger than {format_bytes(max_bytes)}: not a secret")
        return os.read(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def _check_kind(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PrivateFileError(f"{shown(path)} is not a regular file")


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (os.geteuid(), 0):
        advice = owner_advice(path, status.st_uid)
        raise PrivateFileError(f"{shown(path)} belongs to another user; {advice}")


def _check_writers(path: Path, status: os.stat_result) -> None:
    _check_owner(path, status)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        advice = f"type: chmod go-w {shlex.quote(shown(path))}"
        raise PrivateFileError(f"others can write {shown(path)}; {advice}")


def _check_permissions(path: Path, status: os.stat_result) -> None:
    _check_owner(path, status)
    if is_open_to_others(status):
        raise PrivateFileError(chmod_advice(path))


@shutdown.deferred()
def create_private(path: Path, text: str, *, is_synced: bool = True) -> None:
    """Create a file with mode 0600. Raises FileExistsError. A failure leaves no file behind.

    Without `is_synced`, the caller calls `sync_files` before it relies on the file after a power cut.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if is_synced:
                os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise


def sync_files(paths: Sequence[Path]) -> None:
    """Make the contents of new files survive a power cut. On Linux, thousands take no longer than a few."""
    if len(paths) > _FEW_FILES and sys.platform == "linux":
        os.sync()  # waits until everything is written; POSIX does not promise that
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@shutdown.deferred()
def replace_private(path: Path, text: str) -> None:
    """Replace `path` atomically: a reader sees the old file or the new one.

    Root keeps the owner of the old file, so that an edit by root does not lock a service out of its
    configuration. Raises OSError.
    """
    # The file at the end of a symbolic link is replaced, not the link.
    target = follow_links(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    create_private(temporary, text)
    try:
        if os.geteuid() == 0 and target.exists():
            owner = target.stat()
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make a finished rename survive a power cut, on file systems that support it."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
