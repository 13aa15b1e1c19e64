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

STDERR_TAIL_BYTES = 4096
"""So many bytes of what a program says are enough to find its last line in."""

_LONGEST_LINE = 200

_running: set[subprocess.Popen[bytes]] = set()
_starting = Lock()
"""Held while one is started: the end of this program waits until it is known."""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start one as `Popen` does, in a session of its own; leave it by `terminate_on_exit`. Raises the same."""
    with _starting:
        process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603  theirs, and no shell
        _running.add(process)
    return process


@contextmanager
def terminate_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it, with what it has started, when the block is left or this program ends before that.

    What has ended by itself is left alone.
    """
    try:
        yield
    finally:
        _running.discard(process)
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        # What runs as root under a sudo is not ours to kill; it ends when it next writes to us.
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(1.0)


@atexit.register
def _kill_all() -> None:
    """Threads that nobody waits for may be in the middle of it."""
    with _starting:
        for process in tuple(_running):
            _kill(process)


def last_line(output: bytes) -> str:
    """The last line that a program wrote, safe to show; "" where there is none.

    OpenSSH warns between asterisks of what keeps nobody from connecting: that is passed over.
    """
    lines = output.decode(errors="replace").replace("\r", "\n").split("\n")
    messages = [line.strip() for line in lines if line.strip() and not line.startswith("**")]
    return printable(messages[-1])[:_LONGEST_LINE] if messages else ""
