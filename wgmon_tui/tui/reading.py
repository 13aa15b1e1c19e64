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
        self._by(-self.scrollable_content_region.height)

    def page_down(self) -> None:
        """A page down."""
        self._by(self.scrollable_content_region.height)

    def first(self) -> None:
        """To the top."""
        self.scroll_home(animate=False, immediate=True)

    def last(self) -> None:
        """To the bottom."""
        self.scroll_end(animate=False, immediate=True)

    def _by(self, lines: int) -> None:
        """At once: Textual's own paging waits for a refresh, and comes after keys that were pressed later."""
        self.scroll_relative(y=lines, animate=False, immediate=True)
