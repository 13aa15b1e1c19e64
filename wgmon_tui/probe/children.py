"""The operator's programs that we have started: none of them outlives us.

Each runs in a session of its own, which holds together what it starts in turn.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_running: set[subprocess.Popen[bytes]] = set()


@contextmanager
def ending_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it, with what it has started, when the block is left or this program ends before that.

    It must have been started with `start_new_session`. What has ended by itself is left alone.
    """
    _running.add(process)
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
    for process in tuple(_running):
        _end(process)
