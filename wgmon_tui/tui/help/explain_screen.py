"""Explanation dialog: the meaning of a verdict, its evidence, what to do first, and each column."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import WIREGUARD
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.fleet.columns import COLUMNS, CellContext
from wgmon_tui.tui.help.explain_text import column_lines, failed_stage_lines, state_lines, verdict_lines
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.scrolling import MovementActions, ProseView

_MAX_WIDTH = 84
_MARGINS = 7


class ExplainScreen(MovementActions, ModalScreen[None]):
    """Explains a verdict and, if a server state is given, that state and its columns."""

    app: AppContext
    BINDINGS = bindings_for("explain")
    DEFAULT_CSS = """
    ExplainScreen {
        align: center middle;
        #explanation {
            width: 90%;
            max-width: 84;
            height: auto;
            max-height: 90%;
            padding: 1 2 0 2;
            background: $panel;
            &:ansi { border: ascii ansi_default; padding: 0 1; }
        }
        ProseView { height: auto; max-height: 75vh; scrollbar-size-vertical: 1; background: $panel; }
        &:ansi ProseView { max-height: 70vh; }
        #way-out { margin: 1 0 0 0; }
    }
    """

    def __init__(
        self,
        name: str,
        verdict: Verdict | None,
        server_state: ServerState | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._server_name = name
        self._verdict = verdict
        self._row = server_state
        self._columns = columns

    def compose(self) -> ComposeResult:
        """Yield the scrollable explanation, and the key that closes it."""
        with Vertical(id="explanation"):
            with ProseView():
                yield Static(id="words")
            yield Static(id="way-out")

    def on_mount(self) -> None:
        """Write the text."""
        self._write()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def _write(self) -> None:
        self.query_one("#words", Static).update(self._explanation())
        self.query_one("#way-out", Static).update(self._close_hint())

    def _close_hint(self) -> Text:
        palette = self.app.palette
        key = key_of("close_explanation", self.app.actions)
        clicked = Style(meta={"@click": "screen.close"})
        return Text.assemble(
            (key, palette.accent + Style(bold=True) + clicked), ("  close", palette.muted + clicked)
        )

    def _explanation(self) -> Text:
        app = self.app
        width = min(_MAX_WIDTH, app.size.width * 9 // 10) - _MARGINS
        text_style = TextStyle(app.palette, app.glyphs, width)
        now, heading = app.clock(), app.palette.accent + Style(bold=True)
        lines = [Text(app.glyphs.clean(self._server_name), style=heading)]
        protocol = self._row.server.protocol if self._row else WIREGUARD
        lines += verdict_lines(self._verdict, text_style, protocol) if self._verdict else []
        if self._row and self._row.diagnosis:
            lines += failed_stage_lines(self._row.diagnosis, text_style)
        if self._row:
            lines += state_lines(self._row, now, text_style, app.actions)
        if self._row and self._columns:
            columns = [COLUMNS[key] for key in self._columns]
            cell_context = CellContext(app.palette, app.glyphs, now)
            lines += [
                Text(""),
                Text("Columns", style=heading),
                *column_lines(self._row, columns, cell_context, text_style),
            ]
        return Text("\n").join(lines)

    @property
    def scrollable(self) -> ProseView:
        """The scrollable page."""
        return self.query_one(ProseView)

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss()
