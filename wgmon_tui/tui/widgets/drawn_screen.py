"""A screen whose text is laid out for the width of the terminal and the theme."""

from __future__ import annotations

from textual.events import Resize
from textual.screen import Screen

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.widgets.scrolling import MovementActions


class DrawnScreen(MovementActions, Screen[None]):
    """A full screen without input lines. A subclass draws its text in `_draw`."""

    app: AppContext
    AUTO_FOCUS = ""

    def _draw(self) -> None:
        raise NotImplementedError

    def on_resize(self, event: Resize) -> None:
        """Redraw: text is wrapped to the width."""
        self._draw()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()
