"""Copies to the clipboard of the operator's terminal, through tmux or screen too."""

from __future__ import annotations

from wgmon_tui.terminal import Multiplexer
from wgmon_tui.tui.context import AppPart
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.terminal.osc52 import LARGEST_COPY, TMUX_OPTION, osc52, through


class ClipboardApp(AppPart):
    """An app that copies text to the terminal's clipboard, and says in a notice what was copied."""

    _has_named_tmux_option = False

    def copy_with_notice(self, text: str, what: str) -> None:
        """Copy a text to the clipboard; the notice also names a known obstacle, such as a tmux option."""
        if len(text.encode()) > LARGEST_COPY:
            write = key_of("write", self.actions)
            self.show_error(
                f"{what} is too long for the terminal's clipboard. Press {write} to write it to a file."
            )
            return
        self.copy_to_clipboard(text)
        if self.terminal.multiplexer is Multiplexer.TMUX and not self._has_named_tmux_option:
            self._has_named_tmux_option = True
            self.show_notice(f"Copied {what.removesuffix('.')}. If pasting fails, tmux needs:", TMUX_OPTION)
        else:
            self.show_notice(f"Copied {what}")

    def copy_to_clipboard(self, text: str) -> None:
        """Copy with OSC 52. In a multiplexer write both forms: its options decide which one it passes on."""
        super().copy_to_clipboard(text)
        if self.terminal.multiplexer and self._driver is not None:
            self._driver.write(through(self.terminal.multiplexer, osc52(text)))
