"""Lines of the settings screen. Pure: values in, Rich texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.look import BY_DEFAULT
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.line_list import ListLine

THEME, LOW_BANDWIDTH, PREVIEW, COLUMN = "theme", "low bandwidth", "preview", "column "
"""Keys of the lines; a column has its own key after `COLUMN`."""

_LABEL_WIDTH = 15
_VALUE_WIDTH = 16
_COLUMN_WIDTH = 10


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting: its key, its value, and what decides it; "" for the program's default."""

    key: str
    value: str
    origin: str


def setting_line(setting: ShownSetting, text_style: TextStyle) -> ListLine:
    """A setting with its value and its origin."""
    palette, glyphs = text_style.palette, text_style.glyphs
    left, right = ("<", ">") if glyphs.ascii_only else ("‹", "›")
    value = f"{left} {fit(glyphs.clean(setting.value), _VALUE_WIDTH - 4, glyphs)} {right}"
    rest = max(0, text_style.width - _LABEL_WIDTH - _VALUE_WIDTH - 2)
    origin = fit(glyphs.clean(setting.origin or BY_DEFAULT), rest, glyphs)
    text = Text.assemble(
        (f"{setting.key:<{_LABEL_WIDTH}}", palette.text),
        (value, palette.accent),
        ("  ", palette.muted),
        (origin, palette.muted),
    )
    return ListLine(text, setting.key)


def columns_heading(origin: str, text_style: TextStyle) -> list[ListLine]:
    """The heading above the columns."""
    palette, glyphs = text_style.palette, text_style.glyphs
    heading = Text("Columns of the fleet table", palette.text + Style(bold=True))
    said = glyphs.clean(origin or BY_DEFAULT)
    rest = max(0, text_style.width - heading.cell_len - 2)
    return [ListLine(Text("")), ListLine(heading.append(f"  {fit(said, rest, glyphs)}", palette.muted))]


def column_lines(shown: Sequence[str], text_style: TextStyle) -> list[ListLine]:
    """All columns: the shown ones in their order, then the others."""
    palette, glyphs = text_style.palette, text_style.glyphs
    lines = []
    for key in (*shown, *(key for key in COLUMNS if key not in shown)):
        is_shown = key in shown
        style = palette.text if is_shown else palette.muted
        rest = max(0, text_style.width - _COLUMN_WIDTH - 6)
        text = Text.assemble(
            ("[x] " if is_shown else "[ ] ", palette.accent if is_shown else palette.muted),
            (f"{key:<{_COLUMN_WIDTH}}  ", style),
            (fit(glyphs.clean(COLUMNS[key].meaning), rest, glyphs), palette.muted),
        )
        lines.append(ListLine(text, COLUMN + key))
    return lines


def toggle_column(shown: Sequence[str], key: str) -> tuple[str, ...]:
    """Show or hide a column; a new one goes to the end."""
    return tuple(each for each in shown if each != key) if key in shown else (*shown, key)


def move_column(shown: Sequence[str], key: str, step: int) -> tuple[str, ...]:
    """Move a shown column left or right, and stop at the ends."""
    columns = [each for each in shown if each != key]
    at = max(0, min(len(columns), list(shown).index(key) + step))
    return (*columns[:at], key, *columns[at:])
