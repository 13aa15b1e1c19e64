"""One server: what its state means in words, the next step to type, and the packets that prove it.

The screen follows the board. Once somebody moves the field cursor, the exchange under study stays where it
is, whatever comes in, until `f` follows again; the head goes on telling what is true now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static, TabbedContent, TabPane, Tabs

from wgmon_tui.diagnosis.verdict import Diagnosis, Severity
from wgmon_tui.fleet.records import Address
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.probe.records import Check
from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.clipboard import TMUX_OPTION, under_tmux
from wgmon_tui.tui.diagnosistab import full_diagnosis
from wgmon_tui.tui.exchangelines import explain
from wgmon_tui.tui.hexview import HexView
from wgmon_tui.tui.keyline import KeyLine
from wgmon_tui.tui.reading import Reading
from wgmon_tui.tui.screens.fleet import FleetScreen
from wgmon_tui.tui.serverhead import (
    Detail,
    Ink,
    caption,
    comparison_line,
    detail_for,
    field_panel,
    legend,
    no_packets,
    server_head,
)
from wgmon_tui.wireguard.messages import fields_of, label_of

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp

_REFRESH_S = 0.5
_WIDE = 120
_NARROW = 80
_MARGINS = 2
_OF_THE_DUMP = frozenset({"left", "right", "compare", "follow"})
_BESIDE_THE_DUMP = 81
"""Columns that the dump and the margins take from the field panel where that stands beside it."""


class ServerScreen(Screen[None]):
    """Shows the server `name` of the app's board."""

    app: WgmonApp
    ACTIONS_OF = "server"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("server")
    DEFAULT_CSS = """
    ServerScreen {
        #head { height: auto; max-height: 50%; padding: 0 1; }
        #tabs { height: 1fr; }
        Tabs { height: 1; background: $panel; }
        Underline { display: none; }
        Tab.-active { color: $accent; text-style: bold underline; background: transparent; }
        ContentSwitcher, TabPane, #dump { height: 1fr; }
        TabPane { padding: 0; }
        #caption { height: auto; padding: 0 1; }
        #no-packets { height: 1fr; padding: 1; }
        HexView { height: 1fr; margin: 0 0 0 1; }
        #field { height: auto; min-height: 4; background: $panel; padding: 0 1; }
        Reading { padding: 0 0 0 1; scrollbar-size-vertical: 1; }
        &.-narrow #field { min-height: 5; }
        &.-wide #dump { layout: horizontal; margin: 1 0 0 0; }
        &.-wide HexView { width: 76; }
        &.-wide #field { width: 1fr; height: 1fr; margin: 0 0 0 2; background: transparent; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._server = name
        self._seen: int | None = None
        self._outcome: Round | None = None
        self._address: Address | None = None
        self._following = True
        self._comparing = False

    def compose(self) -> ComposeResult:
        """Head, tabs, keys."""
        yield Static(id="head")
        with TabbedContent(id="tabs"):
            with TabPane("Packets", id="packets"):
                yield Static(id="caption")
                yield Static(id="no-packets")
                with Container(id="dump"):
                    yield HexView(lambda: self.app.palette, ascii_only=self.app.ascii_only)
                    yield Static(id="field")
            with TabPane("Diagnosis", id="diagnosis"), Reading():
                yield Static(id="full")
        yield KeyLine()

    def on_mount(self) -> None:
        """Every key belongs to the screen, so nothing takes the focus; then follow the board."""
        self.query_one(Tabs).can_focus = False
        self.set_interval(_REFRESH_S, self.follow_board)
        self.follow_board()

    def on_screen_resume(self) -> None:
        """Catch up at once after another screen was on top."""
        self.follow_board()

    # What is known

    @property
    def _row(self) -> Row | None:
        return self.app.engine.board.rows.get(self._server)

    def _chosen(self, outcome: Round | None) -> tuple[Check | None, Diagnosis | None]:
        """Of a round, the check of the chosen address where it is among them, else the worst."""
        if outcome is None:
            return None, None
        addresses = [check.address for check in outcome.checks]
        index = addresses.index(self._address) if self._address in addresses else 0
        return outcome.checks[index], outcome.diagnoses[index]

    def follow_board(self) -> None:
        """Show what changed since the last look, while this is the screen that is seen."""
        row = self._row
        if not self.is_current:
            return
        if row is None:
            self._say(f"{self._server} is no longer in servers.toml", seconds=5)
            self.dismiss()
        elif row.version != self._seen:
            self._seen = row.version
            if self._following:
                self._outcome = row.last
            self._show(row)

    # What is shown

    def _show(self, row: Row) -> None:
        self._show_words(row)
        self._show_exchange(row)
        self.refresh_bindings()

    def _show_words(self, row: Row) -> None:
        """The head and the diagnosis: always of the newest round, whatever exchange is being studied."""
        check, diagnosis = self._chosen(row.last)
        ink = self._ink()
        reading = self._pane is self.query_one(Reading)
        detail = Detail.BARE if reading else detail_for(self.app.size.height)
        together = self.app.together.of(row.server.name) if row.severity is Severity.DOWN else ()
        head = server_head(row, diagnosis, check, together, ink, detail, self.app.clock())
        self.query_one("#head", Static).update(head)
        if not reading:
            return
        whole = no_packets(row, None, ink)
        if row.last and check and diagnosis:
            beside_scrollbar = self._ink(left=_MARGINS + 1)
            whole = full_diagnosis(row, row.last, check, diagnosis, together, beside_scrollbar)
        self.query_one("#full", Static).update(whole)

    def _show_exchange(self, row: Row) -> None:
        check, diagnosis = self._chosen(self._outcome)
        good = row.last_good if self._comparing else None
        view = self.query_one(HexView)
        view.show(check, good)
        shown = check is not None and bool(check.exchange)
        self.query_one("#dump").display = shown
        empty = self.query_one("#no-packets", Static)
        empty.display = not shown
        empty.update(no_packets(row, diagnosis, self._ink()))
        line = self.query_one("#caption", Static)
        line.display = check is not None
        if check and self._outcome:
            ink, found = self._ink(), view.comparison
            compared = comparison_line(check, good, found, ink) if good and found else None
            line.update(caption(check, self._outcome, self._newer(row), compared, ink))

    def _show_field(self) -> None:
        view, panel = self.query_one(HexView), self.query_one("#field", Static)
        check, stop = view.check, view.stop
        if check is None or stop is None:
            panel.update("")
            return
        if self.has_class("-wide"):
            ink = self._ink(left=_BESIDE_THE_DUMP)
            fields = fields_of(check.exchange[stop.packet].data)
            panel.update(
                Text("\n\n").join([legend(fields, stop.field, ink), field_panel(explain(check, stop), ink)])
            )
        else:
            panel.update(field_panel(explain(check, stop), self._ink()))

    def _newer(self, row: Row) -> bool:
        return row.last is not self._outcome

    def _ink(self, left: int = _MARGINS) -> Ink:
        return Ink(self.app.palette, self.app.glyphs, self.app.size.width - left)

    def on_tabbed_content_tab_activated(self) -> None:
        """Write what is seen now; the head leaves out what the diagnosis says in full."""
        if row := self._row:
            self._show_words(row)
            self.refresh_bindings()

    def on_hex_view_moved(self, event: HexView.Moved) -> None:
        """Explain the field; who moves the cursor studies this exchange, so it stays."""
        if event.by_hand and event.place:
            self._following = False
        self._show_field()

    def on_resize(self, event: Resize) -> None:
        """Words are wrapped for the width."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.set_class(event.size.width < _NARROW, "-narrow")
        self._show_again()

    def notify_style_update(self) -> None:
        """A new theme: everything is written anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._show_again()

    def _show_again(self) -> None:
        if row := self._row:
            self._show(row)
            self._show_field()

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing now is not offered."""
        if not self.is_mounted:
            return True
        row = self._row
        if action in _OF_THE_DUMP and self._pane is not self.query_one(HexView):
            return False
        if action == "follow":
            return row is not None and self._newer(row)
        if action == "address":
            return self._outcome is not None and len(self._outcome.checks) > 1
        if action in ("previous_server", "next_server"):
            return len(self._names()) > 1
        return True

    def action_back(self) -> None:
        """Back to the fleet."""
        self.dismiss()

    def action_next_tab(self) -> None:
        """The next tab."""
        self.query_one(Tabs).action_next_tab()

    def action_previous_tab(self) -> None:
        """The tab before."""
        self.query_one(Tabs).action_previous_tab()

    def action_up(self) -> None:
        """One up, in whatever the tab shows."""
        self._pane.up()

    def action_down(self) -> None:
        """One down."""
        self._pane.down()

    def action_page_up(self) -> None:
        """A packet or a page up."""
        self._pane.page_up()

    def action_page_down(self) -> None:
        """A packet or a page down."""
        self._pane.page_down()

    def action_first(self) -> None:
        """To the beginning."""
        self._pane.first()

    def action_last(self) -> None:
        """To the end."""
        self._pane.last()

    def action_left(self) -> None:
        """The field before."""
        self.query_one(HexView).left()

    def action_right(self) -> None:
        """The field after."""
        self.query_one(HexView).right()

    def action_follow(self) -> None:
        """Show the newest exchange, and every one that comes."""
        if row := self._row:
            self._following = True
            self._outcome = row.last
            self._show(row)

    def action_address(self, step: int) -> None:
        """Show the check of another address of this server."""
        row, (check, _) = self._row, self._chosen(self._outcome)
        if row and check and self._outcome:
            addresses = [each.address for each in self._outcome.checks]
            self._address = addresses[(addresses.index(check.address) + step) % len(addresses)]
            self._show(row)

    def action_compare(self) -> None:
        """Mark what differs in form from the last good exchange, or stop doing so."""
        row = self._row
        if row is None:
            return
        if row.last_good is None and not self._comparing:
            self._say("No good exchange yet to compare with")
            return
        self._comparing = not self._comparing
        self._show(row)

    def action_copy(self) -> None:
        """Copy what the open tab is about, over OSC 52."""
        if self._pane is self.query_one(HexView):
            self._copy_packet()
        else:
            self._copy_next_step()

    def _copy_next_step(self) -> None:
        row = self._row
        _, diagnosis = self._chosen(row.last if row else None)
        if diagnosis is None or not diagnosis.causes:
            self._say("No next step to copy")
            return
        self._copy(diagnosis.causes[0].fix, "the next step")

    def _copy_packet(self) -> None:
        view = self.query_one(HexView)
        if view.check is None or view.stop is None:
            self._say("No packet to copy")
            return
        data = view.check.exchange[view.stop.packet].data
        self._copy(data.hex(), f"{label_of(data)}, {len(data)} bytes, as hex")

    def _copy(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        if under_tmux():
            self._say(f"Copied {what}", f"tmux passes it on only with: {TMUX_OPTION}", seconds=8)
        else:
            self._say(f"Copied {what}")

    def action_recheck(self) -> None:
        """Check this server now."""
        self.app.engine.recheck([self._server])
        self._say(f"Checking {self._server}")

    def action_pause(self) -> None:
        """Pause or resume this server."""
        if row := self._row:
            paused = not row.paused
            self.app.engine.pause([self._server], paused)
            self._say(f"Paused {self._server}" if paused else f"Checking {self._server} again")
            self.follow_board()

    def action_previous_server(self) -> None:
        """The server before this one in the table's order."""
        self._go(-1)

    def action_next_server(self) -> None:
        """The server after this one in the table's order."""
        self._go(1)

    def _go(self, step: int) -> None:
        names = self._names()
        at = names.index(self._server) if self._server in names else 0
        self._server = names[(at + step) % len(names)]
        self._seen = self._outcome = self._address = None
        self._following = True
        self.follow_board()

    def _names(self) -> list[str]:
        """The servers as the fleet shows them; all of them where this one is hidden there by the filter."""
        home = self.app.screen_stack[0]
        shown = home.table.order.names if isinstance(home, FleetScreen) else []
        return shown if self._server in shown else list(self.app.engine.board.rows)

    @property
    def _pane(self) -> HexView | Reading:
        """What the keys move in: the content of the tab that is open."""
        return (
            self.query_one(Reading)
            if self.query_one(TabbedContent).active == "diagnosis"
            else self.query_one(HexView)
        )

    def _say(self, *lines: str, seconds: float = 2) -> None:
        self.app.clear_notifications()
        self.notify("\n".join(map(self.app.glyphs.clean, lines)), timeout=seconds, markup=False)
