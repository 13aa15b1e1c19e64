"""The two alphabets that the face draws with: Unicode, and ASCII for terminals that have nothing else."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from wgmon_tui.checks.verdict import Severity

_IN_ASCII = str.maketrans(
    {"—": "-", "–": "-", "→": "->", "←": "<-", "…": "...", "≠": "!=", "·": "-", "’": "'", "“": '"', "”": '"'}
)
"""Typography that our own sentences use, as a terminal without it would write it."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One alphabet. `bars` rise from low to high; `lost` must not be mistaken for any of them.

    `losses` rise likewise, from nothing lost to nearly all, and read apart from the severities' marks.
    """

    ascii_only: bool
    bars: str
    lost: str
    ellipsis: str
    absent: str
    descending: str
    ascending: str
    separator: str
    losses: str
    unseen: str
    acknowledged: str
    marked: str
    muted: str
    folded: str

    def of(self, severity: Severity) -> str:
        """The mark of a severity."""
        return severity.ascii_glyph if self.ascii_only else severity.glyph

    def clean(self, text: str) -> str:
        """Text from outside, fit for a terminal.

        Control characters could move the cursor or retitle the window, and format characters such as the
        bidirectional overrides could make one name look like another: each becomes a replacement mark.
        """
        if text.isascii() and text.isprintable():
            return text
        if self.ascii_only:
            return "".join(each if " " <= each <= "~" else "?" for each in text.translate(_IN_ASCII))
        return "".join(
            "\ufffd" if unicodedata.category(each)[0] in "CZ" and each != " " else each for each in text
        )


UNICODE = Glyphs(
    ascii_only=False,
    bars="▁▂▃▄▅▆▇█",
    lost="╳",
    ellipsis="…",
    absent="–",
    descending="▾",
    ascending="▴",
    separator="·",
    losses="▁▂▃▄▅▆▇█",
    unseen="·",
    acknowledged="✓",
    marked="▌",
    muted="⊘",
    folded="▸",
)

ASCII = Glyphs(
    ascii_only=True,
    bars="_.:-=+*#",
    lost="!",
    ellipsis="~",
    absent="-",
    descending="v",
    ascending="^",
    separator="-",
    losses="_1234567",
    unseen=".",
    acknowledged="a",
    marked="*",
    muted="m",
    folded=">",
)


def glyphs_for(ascii_only: bool) -> Glyphs:
    """The alphabet that `--ascii` asks for."""
    return ASCII if ascii_only else UNICODE
