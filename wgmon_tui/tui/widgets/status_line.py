"""Status line, above the key hints of every full screen: notices, the age of what is shown, and the clock.

A notice that is too long for one line takes more of them; the screen above gets smaller meanwhile. So a
notice covers nothing. The clock shows minutes and the age is coarse: each change is bytes over a slow link.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from time import monotonic

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.geometry import Region, Size
from textual.widget import Widget

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.text import format_age, format_clock_and_zone
from wgmon_tui.tui.context import AppContext, Notice

_FOLLOW_S = 1.0
_AGE_INTERVAL_S = 5.0
"""How often the age is computed: the newest check of ten thousand servers takes milliseconds to find."""

_GAP = 3
_LEAST_TEXT = 24
"""Below this width for its first line, a notice starts on the line below the clock."""

FRESH_AGE_S = 10.0
"""Ages below this read alike."""

_AGE_STEPS = (
    (FRESH_AGE_S, f"under {FRESH_AGE_S:g} s ago"),
    (30.0, "under 30 s ago"),
    (60.0, "under 1 min ago"),
)


def format_data_age(seconds: float) -> str:
    """The age of what is shown, in steps: `under 10 s ago`, `3 min ago`."""
    coarse = (words for limit, words in _AGE_STEPS if seconds < limit)
    return next(coarse, None) or (
        "1 min ago" if seconds < 120.0 else format_age(seconds)  # not "75 s ago", which would tick
    )


class StatusLine(Widget):
    """The status line of a screen."""

    app: AppContext
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StatusLine { height: auto; max-height: 50%; width: 100%; text-wrap: nowrap; }
    """

    def __init__(self, data_at: Callable[[], float | None] = lambda: None, *, made: str = "checked") -> None:
        """`data_at` returns the Unix time of what is shown; None if there is none. `made` says how."""
        super().__init__()
        self._data_at = data_at
        self._made = made
        self._age = ""
        self._age_at = 0.0
        self._drawn: tuple[str, ...] = ("",)
        self._drawn_notice: Notice | None = None

    def on_mount(self) -> None:
        """Follow the clock and the age."""
        self.follow()
        self.set_interval(_FOLLOW_S, self._tick)

    def _tick(self) -> None:
        if not self._age or monotonic() - self._age_at >= _AGE_INTERVAL_S:
            self.follow()
        else:
            self._repaint()

    def follow(self) -> None:
        """Show the current notice, age and time."""
        at, self._age_at = self._data_at(), monotonic()
        age = "" if at is None else format_data_age(max(0.0, self.app.clock() - at))
        self._age = f"{self._made} {age}" if age else ""
        self._repaint()

    def _repaint(self) -> None:
        lines = self._lines(self.size.width)
        drawn, self._drawn = self._drawn, tuple(line.plain for line in lines)
        if len(drawn) != len(lines):
            self.refresh(layout=True)
        elif drawn[1:] != self._drawn[1:] or self.app.notice is not self._drawn_notice:
            self.refresh()
        elif drawn != self._drawn:
            # Only the end of the line that changed is sent over the link.
            pairs = enumerate(zip(drawn[0], self._drawn[0], strict=False))
            start = next((at for at, (before, after) in pairs if before != after), 0)
            self.refresh(Region(start, 0, self.size.width - start, 1))
        self._drawn_notice = self.app.notice

    def on_click(self, event: Click) -> None:
        """Remove the notice."""
        self.app.dismiss_notice()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the notice takes at this width."""
        return len(self._lines(width))

    def render(self) -> Text:
        """All lines for the current width."""
        return Text("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Text]:
        notice = self.app.notice
        shown = notice if notice and notice.screen is self.screen else None
        said = [self.app.glyphs.clean(line) for line in shown.lines] if shown else []
        right = self._right(width, cell_len(said[0]) if len(said) == 1 else width if said else 0)
        palette = self.app.palette
        style = palette.severity[Severity.DOWN] if shown and shown.is_error else palette.text
        first, *more = _wrapped(said, width - 2, cell_len(right) + _GAP)
        line = Text(no_wrap=True).append(f" {first}", style + Style(bold=True))
        line.append(" " * max(1, width - line.cell_len - cell_len(right) - 1), palette.base)
        line.append(f"{right} ", palette.muted)
        return [line, *(Text(f" {each}", style=style + Style(bold=True), no_wrap=True) for each in more)]

    def _right(self, width: int, wanted: int) -> str:
        """The clock, and the age if `wanted` cells remain for the notice."""
        glyphs, clock = self.app.glyphs, self.app.glyphs.clean(format_clock_and_zone(self.app.clock()))
        both = f"{self._age} {glyphs.separator} {clock}" if self._age else clock
        return both if cell_len(both) + wanted + _GAP <= width else clock


def _wrapped(said: list[str], width: int, reserved: int) -> list[str]:
    """Wrap the lines; the first one leaves `reserved` cells free at its right end."""
    if not said:
        return [""]
    width = max(20, width)
    if width - reserved < _LEAST_TEXT:
        return ["", *(row for line in said for row in _rows(line, width))]
    first, *more = _rows(said[0], width, " " * reserved)
    return [first.lstrip(), *more, *(row for line in said[1:] for row in _rows(line, width))]


def _rows(line: str, width: int, indent: str = "") -> list[str]:
    """Wrap a line. Commands and file names are not broken at their hyphens: they are copied from here."""
    return wrap(line, width, initial_indent=indent, break_on_hyphens=False) or [""]
