"""The operator's programs that we have started: none of them outlives us.

Each runs in a session of its own, which holds together what it starts in turn. What one said last is often
why it failed.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from wgmon_tui.text import printable

LAST_WORDS = 4096
"""So many bytes of what a program says are enough to find its last line in."""

_LONGEST_LINE = 200

_running: set[subprocess.Popen[bytes]] = set()
_starting = Lock()
"""Held while one is started: the end of this program waits until it is known."""


def start(words: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start one as `Popen` does, in a session of its own; leave it by `ending_with_us`. Raises the same."""
    with _starting:
        process = subprocess.Popen(words, start_new_session=True, **how)  # noqa: S603  theirs, and no shell
        _running.add(process)
    return process


@contextmanager
def ending_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it, with what it has started, when the block is left or this program ends before that.

    What has ended by itself is left alone.
    """
    try:
        yield
    finally:
        _running.discard(process)
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        # What runs as root under a sudo is not ours to kill; it ends when it next writes to us.
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(1.0)


@atexit.register
def _end_all() -> None:
    """Threads that nobody waits for may be in the middle of it."""
    with _starting:
        for process in tuple(_running):
            _end(process)


def last_line(said: bytes) -> str:
    """The last line that a program wrote, safe to show; "" where there is none.

    OpenSSH warns between asterisks of what keeps nobody from connecting: that is passed over.
    """
    lines = said.decode(errors="replace").replace("\r", "\n").split("\n")
    told = [line.strip() for line in lines if line.strip() and not line.startswith("**")]
    return printable(told[-1])[:_LONGEST_LINE] if told else ""
