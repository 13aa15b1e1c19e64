"""The fleet screen: totals, filter bar, server table with the worst first, and key hints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from wgmon_tui.config.servers_file import explain_not_writable
from wgmon_tui.monitor.staleness import newest_check_at
from wgmon_tui.text import format_count, format_servers
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.fleet_actions import FLEET_ACTIONS
from wgmon_tui.tui.filter.bar import FilterBar, FleetTags
from wgmon_tui.tui.fleet.body import FleetBody
from wgmon_tui.tui.fleet.sorting import SortActions
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.fleet.totals import TotalsLine
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.server_actions import SERVER_ACTIONS
from wgmon_tui.tui.terminal.repaint_throttle import LOW_BANDWIDTH
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import FRESH_AGE_S, StatusLine

REFRESH_SECONDS = 0.5
_LOADING_SECONDS = 0.05
"""How often the screen looks whether the first servers are read, or all."""

_NEEDS_SERVERS = frozenset(
    {"filter", "sort", "sort_left", "sort_right", "reverse", "group", "recheck_all", "write"}
)
_NEEDS_VISIBLE_ROW = frozenset({"open", "mark", "mark_shown"})


class FleetScreen(SortActions):
    """The first screen. While visible, it applies changes of the fleet state twice a second."""

    app: AppContext
    ACTIONS_OF = "fleet"
    BINDINGS = bindings_for("fleet")
    AUTO_FOCUS = "FleetTable"
    DEFAULT_CSS = """
    FleetScreen {
        #failure {
            display: none;
            height: auto;
            padding: 0 1;
            color: $error;
            text-style: bold;
        }
        #empty {
            display: none;
            height: 1fr;
            content-align: center middle;
        }
        &.-empty {
            FleetBody { display: none; }
            #empty { display: block; }
        }
        &.-failed #failure { display: block; }
    }
    """

    _failure: str | None = None
    _loading_timer: Timer | None = None
    """Runs while servers are read."""
    _last_action_state: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        app = self.app
        yield OutageBar()
        yield TotalsLine(app.engine, app.together, lambda: app.palette, app.glyphs, app.title, id="totals")
        yield FilterBar(
            "name, state:down, tag:eu, rtt>100, is:muted, !not", FleetTags(app.engine.fleet_state)
        )
        state, key = app.engine.fleet_state, key_of("clear", app.actions)
        yield FleetBody(
            FleetTable(state, lambda: app.palette, app.glyphs, app.clock, app.columns, clear=key, id="fleet")
        )
        yield StatusLine(lambda: newest_check_at(app.engine.fleet_state, app.clock() - FRESH_AGE_S))
        yield KeyHints()

    def on_mount(self) -> None:
        """Show the current fleet state, then follow it."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw_static())
        self._draw_static()
        self._follow()
        self.set_interval(REFRESH_SECONDS, self._refresh_if_due)
        if self.app.engine.loading:
            self._loading_timer = self.set_interval(_LOADING_SECONDS, self._follow_loading)
        if self.app.is_first_run and self.can_change_fleet("add_first"):
            self.call_after_refresh(self._start_first_run)
        if self.app.state_dir is not None:
            self.call_after_refresh(self._poll_alert_badge, self.app.state_dir)

    def _follow_loading(self) -> None:
        """Show the first servers at once, all when they are read, and the first steps if there are none."""
        engine = self.app.engine
        if engine.loading is None and self._loading_timer:
            self._loading_timer.stop()
            self._loading_timer = None
        elif not (self.has_class("-empty") and engine.fleet_state.states):
            return
        self._draw_static()
        self._follow()

    def _start_first_run(self) -> None:
        """Open the form for a first server. If this account may not write the file, the screen says so."""
        config_dir = self.app.config_dir
        if config_dir and explain_not_writable(config_dir) is None:
            self.action_add_first()

    def _poll_alert_badge(self, state_dir: Path) -> None:
        from wgmon_tui.tui.fleet.alert_badge import poll_alert_badge

        trouble = poll_alert_badge(state_dir, self.query_one(TotalsLine).show_alert_badge)
        self.run_worker(trouble, group="alerts", description="reads whether alerts arrive")

    def on_screen_resume(self) -> None:
        """Update at once after another screen was on top."""
        self._follow()

    def show_failure(self, line: str | None) -> None:
        """Show a line about a failure until it is replaced; None removes it."""
        if line != self._failure:
            self._failure = line
            self._text_of("failure", before=self.query_one(FilterBar)).update(Text(line or ""))
            self.set_class(line is not None, "-failed")

    def _text_of(self, name: str, before: Widget) -> Static:
        """A text that most fleets never show. It is made when it is needed first."""
        if not self.query(f"#{name}"):
            self.mount(Static(id=name, markup=False), before=before)
        return self.query_one(f"#{name}", Static)

    def _refresh_if_due(self) -> None:
        throttle = self.app.repaint_throttle
        # While servers are read, a usual link carries the few repaints.
        is_filling = self._loading_timer is not None and throttle.limits is not LOW_BANDWIDTH
        if self.is_current and (is_filling or throttle.is_due()):
            self._follow()

    def _follow(self) -> None:
        if not self.is_current:
            return
        warning = self.app.engine.warning
        self.show_failure(warning and self.app.glyphs.clean(warning))
        if self.table.apply_changes():
            self.set_class(not self.app.engine.fleet_state.states, "-empty")
            self.update_count()
        offered, self._last_action_state = self._last_action_state, self._action_state()
        if offered != self._last_action_state:
            self.refresh_bindings()
        self.query_one(TotalsLine).follow(len(self.table.marked))
        self.query_one(FleetBody).follow()

    def _action_state(self) -> tuple[object, ...]:
        """The state that determines the available actions, apart from pressed keys."""
        acts = tuple(self.can_act_on_servers(action) for action in ("acknowledge", "unmute", "pause"))
        return (
            *acts,
            len(self.table.row_index) > 0,
            bool(self.table.marked),
            self.app.engine.can_become_writer,
        )

    def _draw_static(self) -> None:
        empty = not self.app.engine.fleet_state.states
        if empty and (loading := self.app.engine.loading):
            words = f"Reading {loading.source}. The servers appear in a moment."
            self._text_of("empty", before=self.query_one(StatusLine)).update(
                Text(words, style=self.app.palette.muted)
            )
        elif empty:
            from wgmon_tui.tui.fleet.empty_state import first_steps

            steps = first_steps(
                self.app.config_dir,
                self.app.palette,
                self.app.glyphs,
                self.app.actions,
                read_only=self.app.read_only,
                status=self.app.engine.status,
            )
            self._text_of("empty", before=self.query_one(StatusLine)).update(steps)
        self.set_class(empty, "-empty")

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "clear":
            return self.query_one(FilterBar).is_open
        if action == "invert":
            return bool(self.table.row_index.filter)
        if action == "unmark":
            return bool(self.table.marked)
        if action == "fold_all":
            return self.table.row_index.grouped
        if action in FLEET_ACTIONS:
            return self.can_change_fleet(action)
        if action in SERVER_ACTIONS:
            return self.can_act_on_servers(action)
        if action in _NEEDS_VISIBLE_ROW:
            return len(self.table.row_index) > 0
        if action in _NEEDS_SERVERS:
            return bool(self.app.engine.fleet_state.states)
        return True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        from wgmon_tui.tui.fleet.refused_keys import explain_refusal

        if action in FLEET_ACTIONS or action in SERVER_ACTIONS:
            return super().explain_refusal(action)
        return explain_refusal(action, self.explain_no_server(), self.app.actions)

    def explain_no_server(self) -> str:
        """Why no server is under the cursor."""
        from wgmon_tui.tui.fleet.refused_keys import explain_no_server

        is_empty = not self.app.engine.fleet_state.states
        return explain_no_server(self.table.cursor_group, is_empty=is_empty, app=self.app)

    def target_servers(self) -> Sequence[str]:
        """The marked servers, including hidden ones; without marks, the server under the cursor."""
        if self.table.marked:
            return [name for name in self.app.engine.fleet_state.states if name in self.table.marked]
        return [self.table.cursor_name] if self.table.cursor_name is not None else []

    def current_server(self) -> str | None:
        """The server under the cursor, regardless of marks."""
        return self.table.cursor_name

    def server_label(self, names: Sequence[str]) -> str:
        """The servers, as named in a notice: by name, or as "3 marked servers"."""
        if not self.table.marked:
            return format_servers(names)
        return format_count(len(names), "marked server")

    def explained_columns(self) -> Sequence[str]:
        """The columns on screen."""
        return self.table.shown_columns

    def refresh_view(self) -> None:
        """Apply changes of the fleet state now."""
        self._follow()

    def action_up(self) -> None:
        """Move one line up."""
        self.table.move_cursor(-1)

    def action_down(self) -> None:
        """Move one line down."""
        self.table.move_cursor(1)

    def action_first(self) -> None:
        """Go to the first line."""
        self.table.cursor_home()

    def action_last(self) -> None:
        """Go to the last line."""
        self.table.move_cursor_to(len(self.table.row_index) - 1)

    def action_page_up(self) -> None:
        """Move one page up."""
        self.table.move_cursor(-self.table.page)

    def action_page_down(self) -> None:
        """Move one page down."""
        self.table.move_cursor(self.table.page)

    def action_open(self) -> None:
        """Open the server under the cursor; on a group heading, fold or unfold the group."""
        self.table.pin_cursor()
        group = self.table.cursor_group
        if group is not None:
            self.table.fold(self.table.row_index.grouping.folded ^ {group.tag})
        elif self.table.cursor_name is not None:
            self.app.open_server(self.table.cursor_name)

    def on_fleet_table_row_opened(self) -> None:
        """Open with a double click."""
        self.action_open()

    def action_recheck_all(self) -> None:
        """Check every server now."""
        if self.app.refuse_request():
            return
        names = list(self.app.engine.fleet_state.states)
        self.app.engine.recheck(names)
        self.app.show_notice(f"Checking all {len(names)} servers")

    def action_recheck(self) -> None:
        """Check the selected servers now; the cursor stays on its server."""
        self.table.pin_cursor()
        super().action_recheck()

    def action_pause(self) -> None:
        """Pause or resume the selected servers; the cursor stays on its server."""
        self.table.pin_cursor()
        super().action_pause()

    def action_acknowledge(self) -> None:
        """Acknowledge the open incidents of the selected servers; the cursor stays on its server."""
        self.table.pin_cursor()
        super().action_acknowledge()

    def action_incidents(self) -> None:
        """Open the incidents of the fleet."""
        self.app.open_incidents()

    def action_expiries(self) -> None:
        """Show until when certificates and keys are valid."""
        self.app.open_expiries()

    def action_nodes(self) -> None:
        """Show the nodes of all control planes."""
        self.app.open_nodes()

    def action_subscriptions(self) -> None:
        """Show the lists of providers."""
        self.app.open_subscriptions()

    def action_alerts(self) -> None:
        """Open the log of alerts."""
        self.app.open_alerts()

    def action_write(self) -> None:
        """Write the servers to files, filtered and sorted as in the table."""
        from wgmon_tui.tui.file_export import write_fleet

        states = self.app.engine.fleet_state.states
        write_fleet(self.app, [states[name] for name in self.table.row_index.names if name in states])

    # Marks and groups

    def action_mark(self) -> None:
        """Mark the server under the cursor and move to the next; on a group heading, mark its servers."""
        group, name = self.table.cursor_group, self.table.cursor_name
        if group is not None:
            self.table.mark(group.names)
        elif name is not None:
            self.table.mark([name])
            self.table.move_cursor(1)
        self._marks_changed()

    def action_mark_shown(self) -> None:
        """Mark every server that the table shows."""
        self.table.mark(set(self.table.row_index.names) - self.table.marked)
        self._marks_changed()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.table.mark(set(self.table.marked))
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.query_one(TotalsLine).follow(len(self.table.marked))
        self.update_count()
        self.refresh_bindings()

    def action_group(self) -> None:
        """Group the servers by tag, or end that."""
        grouped = not self.table.row_index.grouped
        self.table.group(grouped)
        self.app.show_notice("Grouped by tag" if grouped else "Not grouped")
        self.refresh_bindings()

    def action_fold_all(self) -> None:
        """Fold all groups; if all are folded, unfold them."""
        groups = self.table.row_index.grouping
        self.table.fold(() if groups.folded >= groups.groups.keys() else groups.groups)

    def action_preview(self) -> None:
        """Show or hide the preview of the line under the cursor."""
        if not self.app.engine.fleet_state.states:
            self.app.show_notice("There are no servers, so there is nothing to preview")
            return
        body = self.query_one(FleetBody)
        self.app.choose(preview=not body.has_preview)
        body.place()
        if self.app.choices.preview and not body.has_preview:
            self.app.show_notice("The terminal is too short for the preview")

    def on_preview_pane_clicked(self) -> None:
        """Open what the preview shows."""
        self.action_open()
