"""One delivery in full: what was sent to whom, the result with its whole reason, and the message."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.alerts.delivery_log import Delivery
from wgmon_tui.alerts.rendering import plain
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.lists.alert_text import alerted_server, detail
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.drawn_screen import DrawnScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

_MARGINS = 3


class DeliveryScreen(DrawnScreen):
    """Shows a delivery as it was when it was opened."""

    ACTIONS_OF = "delivery"
    BINDINGS = bindings_for("delivery")
    DEFAULT_CSS = """
    DeliveryScreen {
        #title { height: 1; padding: 0 1; background: $panel; }
        ProseView { padding: 0 1; scrollbar-size-vertical: 1; }
    }
    """

    def __init__(self, delivery: Delivery) -> None:
        super().__init__()
        self._delivery = delivery

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        yield OutageBar()
        yield Static(id="title")
        with ProseView():
            yield Static(id="words")
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Write the text."""
        self._draw()

    def _draw(self) -> None:
        app, delivery = self.app, self._delivery
        palette, glyphs = app.palette, app.glyphs
        text_style = TextStyle(palette, glyphs, app.size.width - _MARGINS)
        self.query_one("#title", Static).update(Text("Alert", palette.text + Style(bold=True)))
        heading = Text("Message", palette.muted + Style(bold=True))
        lines = [detail(delivery, app.clock(), text_style, app.actions), Text(""), heading]
        for line in plain(delivery.announcement).splitlines():
            for severity in Severity:
                line = line.replace(severity.glyph, glyphs.of(severity))
            lines += text_style.paragraph(line, palette.text)
        self.query_one("#words", Static).update(Text("\n").join(lines))

    @property
    def scrollable(self) -> ProseView:
        """The text."""
        return self.query_one(ProseView)

    @property
    def _server(self) -> str | None:
        return alerted_server(self._delivery, self.app.engine.fleet_state.states)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the key for the server if the alert is about none."""
        return self._server is not None if action == "open" else True

    def explain_refusal(self, action: str) -> str:
        """Why the server of the alert cannot be opened."""
        return "The server of this alert is no longer in servers.toml" if action == "open" else ""

    def action_open(self) -> None:
        """Open the server of the alert."""
        if self._server:
            self.app.open_server(self._server)

    def action_copy_reason(self) -> None:
        """Copy what is shown."""
        text = self.query_one("#words", Static).content
        self.app.copy_with_notice(str(text), "this alert")

    def action_back(self) -> None:
        """Go back to the list."""
        self.dismiss()
