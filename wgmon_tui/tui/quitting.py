"""The keys that every terminal program has: q and ctrl+c quit, ctrl+z suspends.

A key that quits asks to be pressed again while something would be lost: input that is not saved, a command
that runs, or a file that is being written. ctrl+z stops the whole job, as a terminal does by itself outside
of raw mode.
"""

from __future__ import annotations

import os
import signal

from textual import on
from textual.driver import Driver

from wgmon_tui.tui.context import AppContext, Notice
from wgmon_tui.tui.keys.keymap import key_of


class QuittableApp(AppContext):
    """An app with keys that quit, and ctrl+z."""

    _quit_warning: Notice | None = None

    def action_interrupt(self) -> None:
        """Copy the text that the mouse selected; without any, quit. Warn once if something would be lost."""
        if selected := self.screen.get_selected_text():
            self.screen.clear_selection()
            self.copy_with_notice(selected, "the selected text")
            return
        self._quit_or_warn("ctrl+c")

    async def action_quit(self) -> None:
        """Quit. Warn once if something would be lost."""
        self._quit_or_warn(key_of("quit", self.actions))

    def _quit_or_warn(self, key: str) -> None:
        loss = self._loss()
        has_warned = self._quit_warning is not None and self._quit_warning is self.notice
        if not loss or has_warned:
            self.exit()
            return
        self.show_notice(f"{loss}. Press {key} again to quit.")
        self._quit_warning = self.notice

    def _loss(self) -> str:
        """What would be lost, as a clause; "" for nothing."""
        if self.pending_writes:
            return "A file is being written"
        losses = (getattr(screen, "unsaved", "") for screen in reversed(self.screen_stack))
        return next(filter(None, losses), "")

    def action_suspend(self) -> None:
        """Stop this program, and give the terminal back to the shell that started it."""
        if self._driver is None or not self._driver.can_suspend or os.getsid(0) == os.getpgrp():
            self.show_notice("There is no shell below this program that could resume it.")
            return
        os.killpg(os.getpgrp(), signal.SIGTSTP)

    @on(Driver.SignalResume)
    def _repaint(self) -> None:
        """Draw everything again: the terminal has forgotten it."""
        self.refresh(layout=True)
