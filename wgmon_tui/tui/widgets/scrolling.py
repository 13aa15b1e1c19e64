"""A scrollable page of prose, and the movement actions of a screen."""

from __future__ import annotations

from typing import Protocol

from textual.containers import VerticalScroll


class Scrollable(Protocol):
    """A widget that the movement keys scroll."""

    def up(self) -> None:
        """Move one line up."""

    def down(self) -> None:
        """Move one line down."""

    def page_up(self) -> None:
        """Scroll one page up."""

    def page_down(self) -> None:
        """Scroll one page down."""

    def first(self) -> None:
        """Move to the start."""

    def last(self) -> None:
        """Move to the end."""


class MovementActions:
    """The movement actions of a screen with one scrollable widget."""

    @property
    def scrollable(self) -> Scrollable:
        """The widget that the movement keys scroll."""
        raise NotImplementedError

    def action_up(self) -> None:
        """Move one line up."""
        self.scrollable.up()

    def action_down(self) -> None:
        """Move one line down."""
        self.scrollable.down()

    def action_page_up(self) -> None:
        """Move one page up."""
        self.scrollable.page_up()

    def action_page_down(self) -> None:
        """Move one page down."""
        self.scrollable.page_down()

    def action_first(self) -> None:
        """Move to the start."""
        self.scrollable.first()

    def action_last(self) -> None:
        """Move to the end."""
        self.scrollable.last()


class ProseView(VerticalScroll, can_focus=False):
    """A page of prose that the screen's keys scroll."""

    def up(self) -> None:
        """Scroll one line up."""
        self.scroll_up(animate=False, immediate=True)

    def down(self) -> None:
        """Scroll one line down."""
        self.scroll_down(animate=False, immediate=True)

    def page_up(self) -> None:
        """Scroll one page up."""
        self._scroll_by(-self.scrollable_content_region.height)

    def page_down(self) -> None:
        """Scroll one page down."""
        self._scroll_by(self.scrollable_content_region.height)

    def first(self) -> None:
        """Scroll to the top."""
        self.scroll_home(animate=False, immediate=True)

    def last(self) -> None:
        """Scroll to the bottom."""
        self.scroll_end(animate=False, immediate=True)

    def _scroll_by(self, lines: int) -> None:
        """Scroll at once. Textual's paging waits for a refresh, so later keys would take effect before it."""
        self.scroll_relative(y=lines, animate=False, immediate=True)
