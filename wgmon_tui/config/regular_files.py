"""Reading of files that somebody else may have put in place: never waits for ever, never fills the memory.

A FIFO would wait for its writer, a device may never end, and opening some devices has effects.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path

from wgmon_tui.text import format_bytes, format_limit

_CHUNK = 1 << 16

_WRITER_WAIT_S = 2.0
_PIPE_WAIT_S = 60.0
"""How long a pipe may take in all: the command behind it may ask a person for a passphrase."""

_POLL_S = 0.05

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def follow_links(path: Path) -> Path:
    """The file to which a path leads; it may be missing. Raises OSError if its links lead in a circle.

    `Path.resolve` raises RuntimeError then, and from Python 3.13 on nothing.
    """
    found = Path(os.path.realpath(path))
    if found.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return found


def read_regular(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file of at most `max_bytes`; returns its status too.

    Raises OSError, whose `strerror` is a phrase for the person who put something else there.
    """
    # Looked at before it is opened: opening a device may have effects.
    _require_regular(path.stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        # Again, because it may have been replaced in between.
        status = os.fstat(descriptor)
        _require_regular(status)
        if status.st_size > max_bytes:
            raise _too_large(max_bytes)
        return _read_to_end(descriptor, max_bytes), status
    finally:
        os.close(descriptor)


def read_regular_or_pipe(
    path: Path, max_bytes: int, writer_wait_s: float = _WRITER_WAIT_S, pipe_wait_s: float = _PIPE_WAIT_S
) -> tuple[bytes, os.stat_result]:
    """Like `read_regular`, but also for a pipe, as in `import <(command)`.

    Raises OSError, also if no writer comes within `writer_wait_s`, or no end within `pipe_wait_s`.
    """
    if not stat.S_ISFIFO(path.stat().st_mode):
        return read_regular(path, max_bytes)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.set_blocking(descriptor, False)  # where /dev/fd gives a duplicate
        return _read_pipe(descriptor, max_bytes, writer_wait_s, pipe_wait_s), os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _read_pipe(descriptor: int, max_bytes: int, writer_wait_s: float, pipe_wait_s: float) -> bytes:
    content, has_writer, began = bytearray(), False, time.monotonic()
    while True:
        waited = time.monotonic() - began
        if waited > (pipe_wait_s if has_writer else writer_wait_s):
            problem = (
                f"it has no end after {format_limit(pipe_wait_s)}" if has_writer else "nobody writes to it"
            )
            raise OSError(errno.ETIMEDOUT, problem)
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            has_writer = True
            select.select([descriptor], [], [], _POLL_S)
            continue
        content += chunk
        if len(content) > max_bytes:
            raise _too_large(max_bytes)
        if not chunk and has_writer:
            return bytes(content)
        has_writer = has_writer or bool(chunk)
        if not has_writer:
            time.sleep(_POLL_S)


def _read_to_end(descriptor: int, max_bytes: int) -> bytes:
    content = bytearray()
    while chunk := os.read(descriptor, _CHUNK):
        content += chunk
        if len(content) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(content)


def _require_regular(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, f"it is {_KINDS.get(kind, 'something else')}, not a regular file")


def _too_large(max_bytes: int) -> OSError:
    # Not EFBIG, which stands for a file that cannot be written.
    return OSError(errno.EOVERFLOW, f"it is larger than {format_bytes(max_bytes)}")
