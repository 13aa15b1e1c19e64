"""Definition list: terms on the left, their meanings on the right.

Textual asks a widget for its height and lines many times before the first paint. A Rich table is laid out
again each time; for the help screen that took ten times as long as everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

_FIRST_COLUMN = 18
_GAP = 2
_MARK = Style(bold=True, underline=True)


class DefinitionList(Widget):
    """Terms with their meanings in `style`. A long meaning continues below itself."""

    DEFAULT_CSS = "DefinitionList { height: auto; }"

    def __init__(self, entries: Sequence[tuple[Text, str]], style: Style) -> None:
        super().__init__()
        self._entries = entries
        self._style = style
        self._laid_out: tuple[int, list[Text]] = (0, [])
        self._marked: Sequence[str] = ()

    def show(self, entries: Sequence[tuple[Text, str]], marked: Sequence[str] = ()) -> None:
        """Show other entries, with these words underlined."""
        if (entries, marked) != (self._entries, self._marked):
            self._entries, self._marked, self._laid_out = entries, marked, (0, [])
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes at this width."""
        return len(self._lines(width))

    def render(self) -> Text:
        """All lines for the current width."""
        return Text("\n").join(self._lines(self.content_size.width))

    def _lines(self, width: int) -> list[Text]:
        if self._laid_out[0] != width:
            self._laid_out = width, [line for entry in self._entries for line in self._entry(*entry, width)]
        return self._laid_out[1]

    def _entry(self, word: Text, meaning: str, width: int) -> list[Text]:
        first = word.copy()
        first.truncate(_FIRST_COLUMN, overflow="ellipsis", pad=True)
        first.pad_right(_GAP)
        margin = Text(" " * (_FIRST_COLUMN + _GAP))
        wrapped = wrap(meaning, max(1, width - len(margin)), break_on_hyphens=False) or [""]
        lines = [
            Text.assemble(margin if number else first, (line, self._style))
            for number, line in enumerate(wrapped)
        ]
        for line in lines if self._marked else ():
            line.highlight_words(self._marked, _MARK, case_sensitive=False)
        return lines
