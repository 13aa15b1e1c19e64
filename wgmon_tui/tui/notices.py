"""Notices: what an action did, in the status line of the screen on which it happened.

A notice lasts three seconds, and no longer than its screen is on top. An error stays until a key is
pressed after that time, so that nobody misses it. The next notice replaces the previous one.
"""

from __future__ import annotations

from functools import partial

from textual import events
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen

from wgmon_tui.tui.context import NOTICE_S, AppPart, Notice
from wgmon_tui.tui.widgets.status_line import StatusLine


class NoticeApp(AppPart):
    """An app that shows notices in the status lines of its screens, and never over their content."""

    notice: Notice | None = None
    _is_notice_read = False

    def on_mount(self) -> None:
        """Follow the change of screens."""
        self.screen_change_signal.subscribe(self, self._drop_notice_of_another_screen, immediate=True)

    def show_notice(self, *lines: str) -> None:
        """Show a notice in place of the previous one."""
        self._show(lines)

    def show_error(self, *lines: str) -> None:
        """Show a notice that stays until a key is pressed."""
        self._show(lines, is_error=True)

    def dismiss_notice(self) -> None:
        """Remove the notice."""
        self.notice = None
        self._redraw()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a notification of Textual as a notice."""
        lines = [line for line in (title, *message.split("\n")) if line]
        if severity == "information":
            self.show_notice(*lines)
        else:
            self.show_error(*lines)

    async def on_event(self, event: events.Event) -> None:
        """Remove an error that was shown for long enough when a key is pressed."""
        if isinstance(event, events.Key | events.Paste) and self._is_notice_read:
            self.dismiss_notice()
        await super().on_event(event)

    @property
    def _noticed_screen(self) -> Screen[object] | None:
        """The screen on top; below a dialog without a status line, the one that is still visible.

        None when the app is ending.
        """
        stack = reversed(self.screen_stack)
        shown = (each for each in stack if not isinstance(each, ModalScreen) or each.query(StatusLine))
        return next(shown, None)

    def _show(self, lines: tuple[str, ...], *, is_error: bool = False) -> None:
        screen = self._noticed_screen
        if screen is None:
            return
        notice = Notice(lines, screen, is_error)
        self.notice, self._is_notice_read = notice, False
        self.set_timer(NOTICE_S, partial(self._expire, notice))
        self._redraw()

    def _expire(self, notice: Notice) -> None:
        if notice is not self.notice:
            return
        if notice.is_error:
            self._is_notice_read = True
        else:
            self.dismiss_notice()

    def _drop_notice_of_another_screen(self, _screen: Screen[object]) -> None:
        if self.notice and self.notice.screen is not self._noticed_screen:
            self.dismiss_notice()

    def _redraw(self) -> None:
        if self.notice is None:
            self._is_notice_read = False
        for screen in self.screen_stack:
            for line in screen.query(StatusLine):
                line.follow()
