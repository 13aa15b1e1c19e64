"""Filter history for the up and down keys: recent lines, newest first, then the saved filters."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LINES = 50


class FilterHistory:
    """Recent filter lines, kept while the program runs. The unfinished draft is the newest entry."""

    def __init__(self, saved: Iterable[str] = ()) -> None:
        """`saved` are the names of the saved filters."""
        self._saved = [f"@{name}" for name in saved]
        self._lines: list[str] = []
        self._draft = ""
        self._position = 0

    def commit(self, line: str) -> None:
        """Add a line that was applied, without duplicates."""
        line = " ".join(line.split())
        self._position = 0
        if line:
            self._lines = [line, *(each for each in self._lines if each != line)][:MAX_LINES]

    def older(self, current: str) -> str:
        """The line before `current`, the line on screen; at the oldest one, that line itself."""
        if self._position == 0 or self._current != current:
            self._draft, self._position = current, 0
        if self._position < len(self._entries) and self._entries[self._position] == current:
            self._position += 1
        self._position = min(self._position + 1, len(self._entries))
        return self._current

    def newer(self, current: str) -> str:
        """The line after `current`; after the newest one, the draft."""
        if self._position == 0 or self._current != current:
            return current
        self._position -= 1
        return self._current

    @property
    def _entries(self) -> list[str]:
        return [*self._lines, *(each for each in self._saved if each not in self._lines)]

    @property
    def _current(self) -> str:
        return self._entries[self._position - 1] if self._position else self._draft
