"""Dialog with the [Peer] section of an identity, to paste into the server's configuration."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.status_line import StatusLine


def copy_stanza(app: AppContext, name: str, stanza: str) -> None:
    """Copy the section, and show a notice that names the identity."""
    app.copy_with_notice(stanza, f"the [Peer] section of {name}")


class PeerStanzaScreen(ModalScreen[None]):
    """Shows the [Peer] section of the identity `name`."""

    app: AppContext
    BINDINGS = bindings_for("stanza")
    DEFAULT_CSS = """
    PeerStanzaScreen {
        align: center middle;
        #stanza {
            width: 90%;
            max-width: 76;
            height: auto;
            padding: 1 2;
            background: $panel;
            &:ansi { border: ascii ansi_default; padding: 0 1; }
        }
        StatusLine { dock: bottom; margin: 0 0 1 0; }
        KeyHints { dock: bottom; }
    }
    """

    def __init__(self, name: str, stanza: str) -> None:
        super().__init__()
        self._identity = name
        self._stanza = stanza

    def compose(self) -> ComposeResult:
        """Yield the instruction and the section."""
        with Vertical(id="stanza"):
            yield Static(id="said")
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Write the text."""
        self._write()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def _write(self) -> None:
        palette, clean = self.app.palette, self.app.glyphs.clean
        made = f"Created identity {clean(self._identity)}. Paste this into the server's configuration:\n\n"
        section = "\n".join(map(clean, self._stanza.splitlines()))
        self.query_one("#said", Static).update(Text(made, palette.text).append(section, palette.accent))

    def action_copy(self) -> None:
        """Copy the section."""
        copy_stanza(self.app, self._identity, self._stanza)

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss()
