"""The two glyph sets of the terminal UI: Unicode, and ASCII for terminals without Unicode."""

from __future__ import annotations

import unicodedata

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.records import dataclass
from wgmon_tui.text import TYPOGRAPHY_IN_ASCII


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One glyph set. `bars` rise from low to high; `lost` looks different from all of them.

    `losses` rise from nothing lost to nearly all, and look different from the marks of the severities.
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
        """The glyph of a severity."""
        return severity.ascii_glyph if self.ascii_only else severity.glyph

    def clean(self, text: str) -> str:
        """Make external text safe for a terminal: unsafe characters become a replacement mark.

        Control characters could move the cursor or set the window title. Format characters, such as the
        bidirectional overrides, could make one name look like another.
        """
        if text.isascii() and text.isprintable():
            return text
        if self.ascii_only:
            return "".join(
                each if " " <= each <= "~" else "?" for each in text.translate(TYPOGRAPHY_IN_ASCII)
            )
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
    """The glyph set with or without `--ascii`."""
    return ASCII if ascii_only else UNICODE
