"""The filter lines that up and down go through: the last ones, the newest first, then the saved filters."""

from __future__ import annotations

from collections.abc import Iterable

KEPT = 50


class Recall:
    """Remembers lines while the program runs. What was being typed is the newest, and comes back."""

    def __init__(self, saved: Iterable[str] = ()) -> None:
        """`saved` are the names of filters that can be called up."""
        self._saved = [f"@{name}" for name in saved]
        self._lines: list[str] = []
        self._typed = ""
        self._at = 0

    def keep(self, line: str) -> None:
        """A line was used; nothing is remembered twice."""
        line = " ".join(line.split())
        self._at = 0
        if line:
            self._lines = [line, *(each for each in self._lines if each != line)][:KEPT]

    def older(self, current: str) -> str:
        """The line before `current`, which is what stands there now; at the end that itself."""
        if self._at == 0 or self._shown != current:
            self._typed, self._at = current, 0
        if self._at < len(self._all) and self._all[self._at] == current:
            self._at += 1
        self._at = min(self._at + 1, len(self._all))
        return self._shown

    def newer(self, current: str) -> str:
        """The line after `current`; at last what was being typed."""
        if self._at == 0 or self._shown != current:
            return current
        self._at -= 1
        return self._shown

    @property
    def _all(self) -> list[str]:
        return [*self._lines, *(each for each in self._saved if each not in self._lines)]

    @property
    def _shown(self) -> str:
        return self._all[self._at - 1] if self._at else self._typed
