"""A FIFO that shows whether any process of a family still runs, without knowing its number."""

from __future__ import annotations

import os
from pathlib import Path
from select import select

_GONE_WITHIN_S = 20.0
"""Less than the run time of the started programs."""


TIME_LIMITS_S = (0.5, 5.0, 50.0)
"""For a program that does not end. A busy machine may not even start it within one; then take the next."""


class AlivePipe:
    """The FIFO `alive` in a directory. A shell holds it open after `exec 3>alive`, and so do its children."""

    def __init__(self, directory: Path) -> None:
        os.mkfifo(directory / "alive")
        self._descriptor = os.open(directory / "alive", os.O_RDONLY | os.O_NONBLOCK)

    def is_everybody_gone(self) -> bool:
        """Wait until nobody holds it any more; False if somebody does for too long."""
        readable = select([self._descriptor], [], [], _GONE_WITHIN_S)[0]
        return bool(readable) and os.read(self._descriptor, 1) == b""

    def has_been_held(self) -> bool:
        """Whether somebody opened it, and nobody holds it any more."""
        return bool(select([self._descriptor], [], [], 0)[0])

    def is_somebody_there(self) -> bool:
        try:
            return os.read(self._descriptor, 1) != b""
        except BlockingIOError:
            return True

    def close(self) -> None:
        os.close(self._descriptor)
