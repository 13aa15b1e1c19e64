"""Reads a configuration file that may just be written.

wgmon-tui replaces its files as a whole. An editor may write a file in place, so that a reader finds
none of it, or the first half. Such a file is invalid only for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wgmon_tui.config.models import ConfigurationError

SETTLED_S = 0.3
"""A file that did not change for this time, in seconds, is complete."""

_LONGEST_WAIT_S = 3.0

_T = TypeVar("_T")


def read_settled(read: Callable[[], _T], path: Path, clock: Callable[[], float] = time.time) -> _T:
    """Call `read`, and again while it fails or `path` is empty, until the file has settled.

    Blocks for `SETTLED_S` at most, or longer while the file changes. A file that was changed earlier is never
    waited for. Raises the ConfigurationError of the last read.
    """
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while True:
        unsettled_s, is_empty = _inspect(path, clock())
        is_last = unsettled_s == 0.0 or time.monotonic() >= deadline
        try:
            result = read()
        except ConfigurationError:
            if is_last:
                raise
        else:
            if is_last or not is_empty:
                return result
        time.sleep(unsettled_s)


def _inspect(path: Path, now: float) -> tuple[float, bool]:
    """The seconds until the file counts as settled, and whether it is empty. A missing file is settled."""
    try:
        status = path.stat()
    except OSError:
        return 0.0, False
    age = now - status.st_mtime
    return max(0.0, SETTLED_S - age) if age >= 0.0 else 0.0, status.st_size == 0
