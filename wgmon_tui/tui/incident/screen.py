"""Incident screen: one incident, open or closed, as the store remembers it.

The head is the headline. The tabs are an overview, and the packets of one of the stored exchanges.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from rich.text import Text
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Static, TabbedContent, TabPane, Tabs

from wgmon_tui.alerts.notifications import notifications_of
from wgmon_tui.checks.check import Check
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.output.incident_report import IncidentReport, report_of_incident
from wgmon_tui.tui.command_copy import copy_command_in, copy_command_of
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.file_export import write_exchange
from wgmon_tui.tui.incident.reading import StoredIncidentScreen
from wgmon_tui.tui.incident.view_text import (
    NO_PACKETS,
    caption,
    good_caption,
    headline,
    overview,
    side_titles,
)
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.report_copy import copy_reports
from wgmon_tui.tui.server.exchange_view import WIDE, ExchangeView
from wgmon_tui.tui.server.packets_text import comparison_line
from wgmon_tui.tui.server.tab import chosen, good_check
from wgmon_tui.tui.theme.text_style import TextStyle, unavailable_text
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import MovementActions, ProseView, Scrollable
from wgmon_tui.tui.widgets.status_line import StatusLine

_READ_INTERVAL_S = 2.0
_MARGINS = 3
_OF_PACKETS = frozenset({"left", "right", "compare", "copy"})


class _PacketsShown(Enum):
    """Which packets the tab shows. On a wide terminal, COMPARED has the good ones beside the others."""

    OWN = "own"
    COMPARED = "compared"
    GOOD = "good"


class IncidentScreen(MovementActions, StoredIncidentScreen):
    """Shows a stored incident by its id, read again while it is on top."""

    app: AppContext
    ACTIONS_OF = "incident"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("incident")
    DEFAULT_CSS = """
    IncidentScreen {
        #head { height: auto; max-height: 40%; padding: 0 1; }
        #tabs { height: 1fr; }
        Tabs { height: 1; background: $panel; }
        Underline { display: none; }
        Tab.-active { color: $accent; text-style: bold underline; background: transparent; }
        ContentSwitcher, TabPane { height: 1fr; }
        TabPane { padding: 0; }
        ProseView { padding: 0 1; scrollbar-size-vertical: 1; }
        #caption { height: auto; padding: 0 1; }
        #no-packets { height: 1fr; padding: 1; }
    }
    """

    def __init__(self, incident: Incident) -> None:
        """`incident` is shown until the store is read."""
        super().__init__(incident)
        self._packets_shown: _PacketsShown | None = None

    def compose(self) -> ComposeResult:
        """Yield the head, the tabs and the key hints."""
        yield OutageBar()
        yield Static(id="head")
        with TabbedContent(id="tabs"):
            with TabPane("Overview", id="overview"), ProseView():
                yield Static(id="words")
            with TabPane("Packets", id="packets"):
                yield Static(id="caption")
                yield Static(id="no-packets")
                yield ExchangeView()
        yield StatusLine(lambda: self._read_at, made="read")
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw, read, then poll. No widget takes the focus, so every key reaches the screen."""
        self.query_one(Tabs).can_focus = False
        self._draw()
        self.reload()
        self.set_interval(_READ_INTERVAL_S, self.reload)

    def on_screen_resume(self) -> None:
        """Read at once after another screen was on top."""
        self.reload()

    def on_resize(self, event: Resize) -> None:
        """Redraw: text is wrapped to the width."""
        self._draw()

    def on_tabbed_content_tab_activated(self) -> None:
        """Redraw, because the width of a hidden dump is unknown; the keys depend on the tab."""
        self._draw()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()

    # Display

    @property
    def _content_style(self) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - _MARGINS)

    def _draw(self) -> None:
        now, text_style = self.app.clock(), self._content_style
        self.query_one("#head", Static).update(headline(self._incident, now, text_style))
        self.query_one("#words", Static).update(self._overview(now, text_style))
        self._draw_packets(now, text_style)
        self.refresh_bindings()

    def _overview(self, now: float, text_style: TextStyle) -> Text:
        if self._details is None:
            return unavailable_text(*self._why_empty(), text_style)
        opened = self._opened
        outcome = opened.round if opened else None
        has_sinks = bool(self.app.engine.sinks)
        found = overview(self._details, self._chosen, outcome, has_sinks, now, text_style)
        if self._empty_reason is None:
            return found
        warning = Text(self.app.glyphs.clean(": ".join(self._empty_reason)), style=text_style.palette.accent)
        return Text("\n\n").join([warning, found])

    def _draw_packets(self, now: float, text_style: TextStyle) -> None:
        opened, check, view = self._opened, self._check, self.query_one(ExchangeView)
        known_good, mode = self._good, self._mode
        good = known_good if mode is _PacketsShown.COMPARED else None
        if mode is _PacketsShown.GOOD:
            view.show(known_good)
        else:
            beside = (check, good) if check and good and self._is_wide else None
            titles = side_titles(*beside, now, text_style) if beside else None
            view.show(check, good, titles=titles)
        empty, line = self.query_one("#no-packets", Static), self.query_one("#caption", Static)
        empty.display, line.display = not view.display, check is not None
        if not view.display:
            empty.update(unavailable_text(*self._why_no_packets(check), text_style))
        if check and opened and self._chosen and self._details:
            if mode is _PacketsShown.GOOD and known_good:
                line.update(good_caption(known_good, now, text_style, key_of("compare", self.app.actions)))
                return
            found = view.dump.comparison
            compared = comparison_line(check, good, found, text_style, now) if good and found else None
            line.update(
                caption(self._details, self._chosen, opened.round, check.address, compared, now, text_style)
            )

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= WIDE

    @property
    def _good(self) -> Check | None:
        """The last good check before the shown one."""
        opened, check = self._opened, self._check
        return good_check(opened.good, check.address) if opened and check else None

    @property
    def _mode(self) -> _PacketsShown:
        """What the operator chose, as far as it is possible; else the good packets if there is room."""
        good = self._good
        if good is None:
            return _PacketsShown.OWN
        usual = _PacketsShown.COMPARED if self._is_wide else _PacketsShown.OWN
        mode = self._packets_shown or usual
        return _PacketsShown.COMPARED if self._is_wide and mode is _PacketsShown.GOOD else mode

    def _why_no_packets(self, check: Check | None) -> tuple[str, str]:
        if self._details is None:
            return self._why_empty()
        if check is not None:
            return "No packets: nothing was sent", "The check failed before it could send."
        return NO_PACKETS

    # Actions

    @property
    def scrollable(self) -> Scrollable:
        """The overview, or the hex dump."""
        return self.query_one(ExchangeView).dump if self._shows_packets else self.query_one(ProseView)

    @property
    def _shows_packets(self) -> bool:
        return self.query_one(TabbedContent).active == "packets"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide keys that would do nothing now."""
        if not self.is_mounted:
            return True
        opened = self._opened
        if action in _OF_PACKETS:
            has_packets = self._check is not None and bool(self._check.exchange)
            return self._shows_packets and has_packets
        if action in ("previous_exchange", "next_exchange"):
            return self._details is not None and len(self._details.exchanges) > 1
        if action == "address":
            return opened is not None and len(opened.round.checks) > 1
        if action == "open":
            return self._server in self.app.engine.fleet_state.states
        if action in ("copy_summary", "copy_markdown", "copy_command", "note"):
            return self._details is not None
        if action == "acknowledge":
            server_state = self.app.engine.fleet_state.states.get(self._server)
            open_one = server_state.incident if server_state else None
            is_this = open_one is not None and open_one.id == self._incident.id
            return is_this and self.app.can_acknowledge(server_state)
        return opened is not None if action == "write" else True

    def current_server(self) -> str:
        """The server of the incident."""
        return self._server

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if action == "open":
            return f"{self._server} is no longer in servers.toml"
        if action in _OF_PACKETS and not self._shows_packets:
            return f"This key works in the tab Packets. Press {key_of('next_tab', self.app.actions)} for it."
        if self._details is None:
            return ": ".join(self._why_empty())
        if action == "acknowledge":
            return "This incident is over, or it is acknowledged already"
        if action == "address" and self._opened:
            return "This exchange has one address only"
        if action in ("previous_exchange", "next_exchange") and self._details.exchanges:
            return "No other exchange of this incident is stored"
        return NO_PACKETS[0]

    def action_back(self) -> None:
        """Return to the previous screen."""
        self.dismiss()

    def action_open(self) -> None:
        """Open the server as it is now."""
        self.app.open_server(self._server)

    def action_next_tab(self) -> None:
        """Open the next tab."""
        self.query_one(Tabs).action_next_tab()

    def action_previous_tab(self) -> None:
        """Open the previous tab."""
        self.query_one(Tabs).action_previous_tab()

    def action_left(self) -> None:
        """Move to the previous field."""
        self.query_one(ExchangeView).dump.left()

    def action_right(self) -> None:
        """Move to the next field."""
        self.query_one(ExchangeView).dump.right()

    def action_previous_exchange(self) -> None:
        """Show the exchange before this one."""
        self._step(-1)

    def action_next_exchange(self) -> None:
        """Show the exchange after this one."""
        self._step(1)

    def _step(self, step: int) -> None:
        details, history = self._details, self.app.history
        if details is None or history is None or self._chosen not in details.exchanges:
            return
        number = details.exchanges.index(self._chosen) + step
        if 0 <= number < len(details.exchanges):
            self._chosen, self._address = details.exchanges[number], None
            self.run_worker(self._show_chosen(history), group="exchange", exclusive=True)
            if not self._shows_packets:
                self.app.show_notice(f"Exchange {number + 1} of {len(details.exchanges)}")
        else:
            self.app.show_notice(f"This is the {'first' if number < 0 else 'last'} stored exchange")

    def action_address(self, step: int) -> None:
        """Show the check of the next or previous address."""
        opened, check = self._opened, self._check
        if opened and check:
            addresses = [each.address for each in opened.round.checks]
            self._address = addresses[(addresses.index(check.address) + step) % len(addresses)]
            self._draw()

    def action_compare(self) -> None:
        """Compare with the last good exchange before it: beside it, or on a narrow terminal in turn."""
        if self._good is None:
            self.app.show_notice("No good exchange is stored to compare with")
            return
        turns = [_PacketsShown.OWN, _PacketsShown.COMPARED]
        turns += [] if self._is_wide else [_PacketsShown.GOOD]
        self._packets_shown = turns[(turns.index(self._mode) + 1) % len(turns)]
        self._draw()

    def action_copy(self) -> None:
        """Copy the packet under the cursor as hex."""
        copied = self.query_one(ExchangeView).copyable_text()
        if copied:
            self.app.copy_with_notice(*copied)

    def action_copy_command(self) -> None:
        """Copy the next command of the shown exchange, or the one of the notification of that time."""
        if self._details is None:
            return
        opened, server = self._opened, self._details.entry.server
        causes = self._details.notified_evidence[1]
        if opened:
            copy_command_of(
                self.app,
                self._server,
                server,
                chosen(opened.round, self._address)[1] or opened.round.diagnosis,
            )
        elif causes:
            copy_command_in(self.app, self._server, causes[0].fix)
        else:
            self.app.show_notice("No cause is stored for this incident, so there is no command to type")

    def action_copy_summary(self) -> None:
        """Copy a report on the incident as text."""
        if report := self._report():
            copy_reports(self.app, [report], markdown=False)

    def action_copy_markdown(self) -> None:
        """Copy a report on the incident in Markdown."""
        if report := self._report():
            copy_reports(self.app, [report], markdown=True)

    def action_write(self) -> None:
        """Write the shown exchange to files, with the report on the incident."""
        if opened := self._opened:
            write_exchange(self.app, opened.round, self._address, self._report())

    def _report(self) -> IncidentReport | None:
        if self._details is None:
            return None
        entry, opened = self._details.entry, self._opened
        endpoint = str(entry.server.endpoint) if entry.server else ""
        deliveries = self._details.deliveries
        report = report_of_incident(entry.incident, endpoint, entry.notes)
        return replace(
            report,
            outcome=opened.round if opened else None,
            good=self._good,
            notifications=None if deliveries is None else notifications_of(deliveries),
        )

    def action_note(self) -> None:
        """Add a note to the incident."""
        self.app.add_note(self._incident.id, self._server)

    def action_acknowledge(self) -> None:
        """Acknowledge the incident."""
        self.app.acknowledge(self._server)

    def action_explain(self) -> None:
        """Explain the verdict of the headline."""
        self.app.open_explanation(self._server, self._incident.verdict)
