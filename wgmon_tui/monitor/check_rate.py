"""Rate of finished checks per second, over the last few seconds."""

from __future__ import annotations

import time
from collections import deque

_OVER_S = 5.0


class CheckRate:
    """Counter of finished checks in a sliding window."""

    def __init__(self) -> None:
        self._finished: deque[float] = deque()

    def count(self, checks: int) -> None:
        """Count this many checks as finished now."""
        self._finished.extend([time.monotonic()] * checks)
        self._drop_old()

    @property
    def per_second(self) -> float:
        """Return the rate over the last five seconds."""
        self._drop_old()
        return len(self._finished) / _OVER_S

    def _drop_old(self) -> None:
        horizon = time.monotonic() - _OVER_S
        while self._finished and self._finished[0] < horizon:
            self._finished.popleft()
