"""A page of prose, moved by the screen that it stands on."""

from __future__ import annotations

from textual.containers import VerticalScroll

from wgmon_tui.tui.scrollbar import WholeCells


class Reading(VerticalScroll, can_focus=False):
    """Prose that the screen's keys scroll."""

    def on_mount(self) -> None:
        """Draw the scrollbar like every other."""
        self.vertical_scrollbar.renderer = WholeCells  # type: ignore[misc]  # Textual's own way

    def up(self) -> None:
        """A line up."""
        self.scroll_up(animate=False, immediate=True)

    def down(self) -> None:
        """A line down."""
        self.scroll_down(animate=False, immediate=True)

    def page_up(self) -> None:
        """A page up."""
        self.scroll_page_up(animate=False)

    def page_down(self) -> None:
        """A page down."""
        self.scroll_page_down(animate=False)

    def first(self) -> None:
        """To the top."""
        self.scroll_home(animate=False, immediate=True)

    def last(self) -> None:
        """To the bottom."""
        self.scroll_end(animate=False, immediate=True)
