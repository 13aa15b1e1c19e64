"""A page of prose, and the keys of the screen that it stands on, which move it."""

from __future__ import annotations

from typing import Protocol

from textual.containers import VerticalScroll

from wgmon_tui.tui.widgets.scrollbar import WholeCellScrollbar


class Scrollable(Protocol):
    """Something that the movement keys move in."""

    def up(self) -> None:
        """One up."""

    def down(self) -> None:
        """One down."""

    def page_up(self) -> None:
        """A page up."""

    def page_down(self) -> None:
        """A page down."""

    def first(self) -> None:
        """To the beginning."""

    def last(self) -> None:
        """To the end."""


class MovementActions:
    """The movement keys of a screen that has one thing to move in."""

    @property
    def scrollable(self) -> Scrollable:
        """What they move in."""
        raise NotImplementedError

    def action_up(self) -> None:
        """One line up."""
        self.scrollable.up()

    def action_down(self) -> None:
        """One line down."""
        self.scrollable.down()

    def action_page_up(self) -> None:
        """One page up."""
        self.scrollable.page_up()

    def action_page_down(self) -> None:
        """One page down."""
        self.scrollable.page_down()

    def action_first(self) -> None:
        """To the beginning."""
        self.scrollable.first()

    def action_last(self) -> None:
        """To the end."""
        self.scrollable.last()


class ProseView(VerticalScroll, can_focus=False):
    """Prose that the screen's keys scroll."""

    def on_mount(self) -> None:
        """Draw the scrollbar like every other."""
        self.vertical_scrollbar.renderer = WholeCellScrollbar  # type: ignore[misc]  # Textual's own way

    def up(self) -> None:
        """A line up."""
        self.scroll_up(animate=False, immediate=True)

    def down(self) -> None:
        """A line down."""
        self.scroll_down(animate=False, immediate=True)

    def page_up(self) -> None:
        """A page up."""
        self._scroll_by(-self.scrollable_content_region.height)

    def page_down(self) -> None:
        """A page down."""
        self._scroll_by(self.scrollable_content_region.height)

    def first(self) -> None:
        """To the top."""
        self.scroll_home(animate=False, immediate=True)

    def last(self) -> None:
        """To the bottom."""
        self.scroll_end(animate=False, immediate=True)

    def _scroll_by(self, lines: int) -> None:
        """At once: Textual's own paging waits for a refresh, and comes after keys that were pressed later."""
        self.scroll_relative(y=lines, animate=False, immediate=True)
