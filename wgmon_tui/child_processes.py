"""Child processes for the operator's programs; none of them outlives this process.

Each runs in its own session, so that its own children can be killed with it.
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
"""How many bytes of stderr are kept to find its last line."""

_LONGEST_LINE = 200

_running: set[subprocess.Popen[bytes]] = set()
_starting = Lock()
"""Held while a child starts, so that exit waits until it is registered."""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child like `Popen`, in its own session; use with `terminate_on_exit`. Raises like `Popen`."""
    with _starting:
        process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603  the operator's command, without a shell
        _running.add(process)
    return process


@contextmanager
def terminate_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill a child and its children when the block ends or this process exits.

    A child that has already ended is left alone.
    """
    try:
        yield
    finally:
        _running.discard(process)
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        # A root process under sudo cannot be killed; it ends at its next write to the closed pipe.
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(1.0)


@atexit.register
def _kill_all() -> None:
    """Kill all children at exit: daemon threads may still run some."""
    with _starting:
        for process in tuple(_running):
            _kill(process)


def last_line(output: bytes) -> str:
    """The last line of a program's output, safe to print; "" if there is none.

    Skips harmless OpenSSH warnings, which start with asterisks.
    """
    lines = output.decode(errors="replace").replace("\r", "\n").split("\n")
    messages = [line.strip() for line in lines if line.strip() and not line.startswith("**")]
    return printable(messages[-1])[:_LONGEST_LINE] if messages else ""
