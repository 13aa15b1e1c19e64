"""Text style: palette, glyphs and width of the text on a screen. Pure: records in, Rich texts out."""

from __future__ import annotations

from textwrap import wrap

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.records import dataclass
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

LABEL_WIDTH = 7
"""Width of a label before a paragraph in cells, including the blank after it."""

_MAX_PROSE_WIDTH = 96
"""Longest line of prose in cells; longer lines are hard to read."""


@dataclass(frozen=True, slots=True)
class TextStyle:
    """Palette, glyphs and width in cells for text."""

    palette: Palette
    glyphs: Glyphs
    width: int

    def state(self, severity: Severity) -> Style:
        """The colour of a severity."""
        return self.palette.severity[severity]

    def paragraph(self, text: str, style: Style, label: str = "", indent: int = 0) -> list[Text]:
        """Wrap `text` after a muted `label`, with later lines indented below the first.

        A word that is too long for that, such as a key, starts further left on a separate line.
        """
        hanging = indent or (LABEL_WIDTH if label else 0)
        max_width = max(20, min(self.width, _MAX_PROSE_WIDTH))
        first, *more = _wrapped(self.glyphs.clean(text), max(20, max_width - hanging), max_width)
        return [
            Text.assemble((f"{label:<{hanging}}", self.palette.muted), (first, style)),
            *(Text.assemble(" " * min(hanging, max_width - len(line)), (line, style)) for line in more),
        ]


def _wrapped(text: str, available_width: int, max_width: int) -> list[str]:
    """Wrap to `available_width`. Later lines may be up to `max_width` wide if a single word needs it."""
    whole = wrap(text, available_width, break_on_hyphens=False, break_long_words=False)
    if not whole or len(whole[0]) > available_width or max(map(len, whole)) > max_width:
        return wrap(text, available_width, break_on_hyphens=False) or [""]
    return whole


def unavailable_text(title: str, why: str, text_style: TextStyle) -> Text:
    """The text in place of missing content: a title and the reason."""
    lines = [Text(title, style=text_style.palette.text + Style(bold=True)), Text("")]
    return Text("\n").join([*lines, *text_style.paragraph(why, text_style.palette.muted)])


def missing_section_text(title: str, why: str, example: str, rest: str, text_style: TextStyle) -> Text:
    """The text in place of what config.toml does not configure yet: the lines to add, and what they need."""
    found = unavailable_text(title, why, text_style)
    for line in example.splitlines():
        found.append(f"\n  {line}", text_style.palette.accent)
    found.append("\n\n")
    return found.append_text(Text("\n").join(text_style.paragraph(rest, text_style.palette.muted)))
