"""The end of a program's output as lines of text, without escape sequences. Bounded in lines and length."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections import deque

MOST_LINES = 5000
LONGEST_LINE = 2000
"""Characters. A longer line is broken."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z\\^_=>78])")
"""Sequences for colours, the cursor and the title. The rest of a broken one is cleaned when it is drawn."""


class OutputBuffer:
    """Keeps the last lines. `version` changes with every change of them."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.dropped = 0
        """The number of lines that are no longer kept."""
        self.version = 0
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._unfinished = ""

    def feed(self, output: bytes) -> None:
        """Add output."""
        *complete, self._unfinished = (self._unfinished + self._decode(output)).split("\n")
        for line in complete:
            self._append(line.removesuffix("\r"))
        while len(self._unfinished) > LONGEST_LINE:
            self._append(self._unfinished[:LONGEST_LINE])
            self._unfinished = self._unfinished[LONGEST_LINE:]
        self.version += 1

    def finish(self) -> None:
        """Add the last line, which may lack its end."""
        self._unfinished += self._decode(b"", final=True)
        if self._unfinished:
            self._append(self._unfinished.removesuffix("\r"))
            self._unfinished = ""
        self.version += 1

    def _append(self, line: str) -> None:
        # A progress line returns to its start and writes again.
        text = _ESCAPE.sub("", line.rpartition("\r")[2]).expandtabs()
        for start in range(0, max(1, len(text)), LONGEST_LINE):
            self.dropped += len(self.lines) == MOST_LINES
            self.lines.append(text[start : start + LONGEST_LINE])
