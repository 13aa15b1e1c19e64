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

_PIPE_WAIT_S = 60.0
"""How long a pipe may take in all: the command behind it may ask a person for a passphrase."""

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


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
    path: Path, max_bytes: int, pipe_wait_s: float = _PIPE_WAIT_S
) -> tuple[bytes, os.stat_result]:
    """Like `read_regular`, but also for a pipe, as in `import <(command)`.

    Raises OSError, also if the pipe has not ended after `pipe_wait_s`.
    """
    if not stat.S_ISFIFO(path.stat().st_mode):
        return read_regular(path, max_bytes)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return _read_to_end(descriptor, max_bytes, time.monotonic() + pipe_wait_s), os.fstat(descriptor)
    except TimeoutError:
        reason = f"nobody wrote it to its end within {format_limit(pipe_wait_s)}"
        raise OSError(errno.ETIMEDOUT, reason) from None
    finally:
        os.close(descriptor)


def _read_to_end(descriptor: int, max_bytes: int, deadline: float | None = None) -> bytes:
    content = bytearray()
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while True:
        if deadline is not None and not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > max_bytes:
            raise _too_large(max_bytes)


def _require_regular(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if kind != stat.S_IFREG:
        raise OSError(errno.EINVAL, f"it is {_KINDS.get(kind, 'something else')}, not a regular file")


def _too_large(max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {format_bytes(max_bytes)}")
