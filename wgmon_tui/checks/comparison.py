"""What a comparison of two sides found: of a server's own view with servers.toml, for example."""

from __future__ import annotations

from enum import Enum

from wgmon_tui.records import dataclass


class ComparisonResult(Enum):
    """Whether both sides agree. Always shown as text and glyph together."""

    OK = ("ok", "●", "o")
    DIFFERS = ("differs", "✖", "X")
    UNKNOWN = ("cannot tell", "?", "?")

    def __init__(self, word: str, glyph: str, ascii_glyph: str) -> None:
        self.word = word
        self.glyph = glyph
        self.ascii_glyph = ascii_glyph


@dataclass(frozen=True, slots=True)
class Finding:
    """One compared item: its subject, the result, and what to type if the sides differ."""

    result: ComparisonResult
    subject: str
    sentence: str
    fix: str = ""
