"""What was told to whom: the sinks, then every delivery, the latest first, and what came of it."""

from __future__ import annotations

import asyncio

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.alerts.log import Delivery, deliveries
from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.alertlines import FIRST_SINK, Log, detail, lines, said, summary
from wgmon_tui.tui.keyline import KeyLine
from wgmon_tui.tui.pickview import PickView
from wgmon_tui.tui.screens.storelist import StoreList
from wgmon_tui.tui.text_style import Ink, not_to_be_had

_SHOWN = 200


class AlertsScreen(StoreList):
    """Whom there is to tell, what was told, and what has still to be."""

    ACTIONS_OF = "alerts"
    BINDINGS = bindings_for("alerts")

    def __init__(self) -> None:
        super().__init__()
        self._log: Log | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="title")
        yield PickView(lambda: self.app.palette)
        yield Static(id="nothing")
        yield Static(id="detail")
        yield KeyLine()

    @property
    def _chosen(self) -> Delivery | None:
        """The delivery under the cursor."""
        return self._log.delivery_at(self.movable.cursor) if self._log else None

    @property
    def _sink(self) -> str | None:
        """The sink under the cursor, or that of the delivery there."""
        return self._log.sink_at(self.movable.cursor) if self._log else None

    # What is read

    def is_stored(self) -> bool:
        """Where there is a state directory."""
        return self.app.state_dir is not None

    async def read(self) -> bool:
        """The latest deliveries, and who there is to tell."""
        before, state_dir = self._log, self.app.state_dir
        if state_dir is not None:
            found = await asyncio.to_thread(deliveries, state_dir, _SHOWN)
            self._log = Log(self.app.engine.sinks, tuple(found))
        return self._log != before

    # What is shown

    def draw(self) -> None:
        """The head, the list, and what there is to say of the line under the cursor."""
        ink = self.ink
        title = Text().append("Alerts", ink.palette.text + Style(bold=True))
        if self._log:
            title.append(f"  {summary(self._log)}", ink.palette.muted)
        self.query_one("#title", Static).update(title)
        nothing = self._why_nothing(ink)
        empty = self.query_one("#nothing", Static)
        empty.display, self.movable.display = nothing is not None, nothing is None
        if nothing is not None:
            empty.update(nothing)
        now, actions = self.app.clock(), self.app.actions
        shown = lines(self._log, now, ink, actions) if self._log and nothing is None else []
        self.movable.show(shown)
        self._draw_detail()

    def _draw_detail(self) -> None:
        """Of a sink what failed first: the reason may be long, and its line is short."""
        cursor, panel = self.movable.cursor, self.query_one("#detail", Static)
        delivery = self._log and (self._log.delivery_at(cursor) or self._log.to_retry(cursor))
        panel.display = bool(delivery)
        if delivery:
            panel.update(detail(delivery, self.app.clock(), self.ink, self.app.actions))

    def _why_nothing(self, ink: Ink) -> Text | None:
        if self.app.state_dir is None:
            return not_to_be_had("No alerts", "Nothing is stored in this run, so nobody is told.", ink)
        if self.trouble:
            return not_to_be_had("The alerts cannot be read now", self.trouble, ink)
        if self._log is None:
            return not_to_be_had("Reading the alerts", "They are there in a moment.", ink)
        if self._log.sinks or self._log.deliveries:
            return None
        where = "There is no [[sink]] in config.toml. These three lines are the first:"
        found = not_to_be_had("Nobody is told when a server is down", where, ink)
        for line in FIRST_SINK.splitlines():
            found.append(f"\n  {line}", ink.palette.accent)
        found.append("\n\n")
        rest = "docs/alerts.md has mail, chats, webhooks and the others. What is saved counts at once."
        return found.append_text(Text("\n").join(ink.paragraph(rest, ink.palette.muted)))

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing now is not offered."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self._server is not None
        if action == "test":
            return self._sink is not None
        if action == "retry":
            return bool(self._log and self._log.to_retry(self.movable.cursor))
        if action == "see":
            return bool(self._log and self._log.to_see(self.movable.cursor))
        return True

    @property
    def _server(self) -> str | None:
        """The first server of the delivery under the cursor that is still watched: the worst off of them."""
        about = self._chosen.announcement.about if self._chosen else ()
        names = (matter.incident.server for matter in about)
        return next((name for name in names if name in self.app.engine.board.rows), None)

    def on_pick_view_moved(self) -> None:
        """What can be done depends on what is under the cursor, and all of it is told below the list."""
        self._draw_detail()
        self.refresh_bindings()

    def on_pick_view_opened(self) -> None:
        """A double click opens as well."""
        if self._server:
            self.action_open()

    def action_open(self) -> None:
        """Open the server that it is about."""
        if self._server:
            self.app.open_server(self._server)

    def action_test(self) -> None:
        """Send the sink a test; what comes of it appears in the list."""
        if self._sink:
            self.app.engine.test_sink(self._sink)
            self.app.say(f"A test is on its way to {self._sink}")

    def action_retry(self) -> None:
        """Try again now."""
        delivery = self._log.to_retry(self.movable.cursor) if self._log else None
        if delivery:
            self.app.engine.retry_alert(delivery.id)
            self.app.say(f"Trying again: {said(delivery, self.app.glyphs)}")

    def action_see(self) -> None:
        """Say that it is known what was given up: it is no longer in the line on top."""
        lost = self._log.to_see(self.movable.cursor) if self._log else None
        if lost:
            self.app.engine.see_alerts(lost.sink, lost.number)
            self.app.say("Seen" if lost.number else f"Seen: all that was given up for {lost.sink}")

    def action_back(self) -> None:
        """Back to the fleet."""
        self.dismiss()
