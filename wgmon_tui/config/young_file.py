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
        remaining = _unsettled_s(path, clock()) if time.monotonic() < deadline else 0.0
        try:
            result = read()
        except ConfigurationError:
            if not remaining:
                raise
        else:
            if not remaining or not _is_empty(path):
                return result
        time.sleep(remaining)


def _unsettled_s(path: Path, now: float) -> float:
    """Seconds until the file counts as settled; 0 if it does, or does not exist."""
    try:
        age = now - path.stat().st_mtime
    except OSError:
        return 0.0
    return max(0.0, SETTLED_S - age) if age >= 0.0 else 0.0


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
