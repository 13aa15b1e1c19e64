"""Settings screen: theme, low bandwidth, preview and columns.

A change takes effect at once, and is remembered in a state file. config.toml is never written.
"""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Static

from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.tui.fleet.body import preview_place, table_width
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.settings.lines import (
    COLUMN,
    LOW_BANDWIDTH,
    PREVIEW,
    THEME,
    ShownSetting,
    column_lines,
    columns_heading,
    move_column,
    setting_line,
    toggle_column,
)
from wgmon_tui.tui.terminal.repaint_throttle import LOW_BANDWIDTH as LOW_BANDWIDTH_LIMITS
from wgmon_tui.tui.theme.colour_depth import default_theme
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.drawn_screen import DrawnScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.line_list import LineList
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import StatusLine

_MARGINS = 3
_REFRESH_S = 1.0
_SAMPLE_ROWS = 4
_PRECEDENCE = "At the start, the command line decides, then what is chosen here, then config.toml."
_NAME = "name"
_PREVIEWS = (None, True, False)
_PREVIEW_WORDS = {None: "automatic", True: "on", False: "off"}


class SettingsScreen(DrawnScreen):
    """The settings, with the fleet table below as it looks with them."""

    ACTIONS_OF = "settings"
    BINDINGS = bindings_for("settings")
    DEFAULT_CSS = """
    SettingsScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        #about { height: auto; padding: 0 1; }
        LineList { height: 1fr; padding: 1 1 0 1; }
        FleetTable { height: 5; max-height: 25%; min-height: 2; }
    }
    """

    _sample_rows: tuple[tuple[str, int], ...] = ()

    def compose(self) -> ComposeResult:
        """Yield heading, settings, the table and the key hints."""
        app = self.app
        yield OutageBar()
        yield Static(id="heading", markup=False)
        yield LineList(lambda: app.palette)
        yield Static(id="about", markup=False)
        table = FleetTable(
            app.engine.fleet_state, lambda: app.palette, app.glyphs, app.clock, app.columns, id="sample"
        )
        table.can_focus = False
        yield table
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw once the width is known. Then keep the table current."""
        self._fit_sample()
        self.call_after_refresh(self._draw)
        self.set_interval(_REFRESH_S, self._follow_sample)

    def _follow_sample(self) -> None:
        """Repaint the table if one of its rows changed. The fleet screen's own table takes the changes."""
        table, states = self.query_one(FleetTable), self.app.engine.fleet_state.states
        rows = tuple(
            (name, states[name].version) for name in table.row_index.names[:_SAMPLE_ROWS] if name in states
        )
        if rows != self._sample_rows and self.is_current:
            self._sample_rows = rows
            table.refresh()

    def on_resize(self, event: Resize) -> None:
        """Redraw once more when the sample table has its new width."""
        self._fit_sample()
        self.call_after_refresh(self._draw)

    def _fit_sample(self) -> None:
        """Make the sample as wide as the fleet's own table: its columns are listed, and chosen from."""
        app = self.app
        place = preview_place(
            app.size.width, app.size.height, app.choices.preview, is_low_bandwidth=self._is_low_bandwidth
        )
        self.query_one(FleetTable).styles.width = table_width(app.size.width, place)

    @property
    def scrollable(self) -> LineList:
        """The list of settings."""
        return self.query_one(LineList)

    # Display

    def _draw(self) -> None:
        if not self.query(LineList):
            return
        app, palette = self.app, self.app.palette
        style = TextStyle(palette, app.glyphs, app.size.width - _MARGINS)
        heading = Text("Settings", palette.text + Style(bold=True))
        self.query_one("#heading", Static).update(heading.append(f"  {app.title}", palette.muted))
        about = style.paragraph(f"{self._place()} {_PRECEDENCE}", palette.muted)
        self.query_one("#about", Static).update(Text("\n").join(about))
        self.scrollable.show(
            [
                *(setting_line(each, style) for each in self._settings()),
                *columns_heading(app.start_look.columns_origin(app.choices), style),
                *column_lines(self._columns, style),
            ]
        )

    def _place(self) -> str:
        """Where choices are remembered."""
        path = self.app.choices_path
        return f"Remembered in {shown(path)}." if path else "Kept until the program ends."

    def _settings(self) -> list[ShownSetting]:
        app, look, choices = self.app, self.app.start_look, self.app.choices
        theme_origin = "NO_COLOR is set" if app.colourless else look.theme_origin(choices)
        low = "on" if self._is_low_bandwidth else "off"
        preview = _PREVIEW_WORDS[choices.preview]
        return [
            ShownSetting(THEME, app.theme, theme_origin),
            ShownSetting(LOW_BANDWIDTH, low, look.low_bandwidth_origin(choices)),
            ShownSetting(PREVIEW, preview, look.preview_origin(choices)),
        ]

    @property
    def _is_low_bandwidth(self) -> bool:
        return self.app.repaint_throttle.limits is LOW_BANDWIDTH_LIMITS

    @property
    def _columns(self) -> tuple[str, ...]:
        """The columns in use: the chosen ones, or those of this width."""
        return tuple(self.app.columns) or tuple(self.query_one(FleetTable).shown_columns)

    @property
    def _column(self) -> str | None:
        """The column under the cursor."""
        line = self.scrollable.cursor or ""
        return line.removeprefix(COLUMN) if line.startswith(COLUMN) else None

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to move a column only on a column that is shown."""
        if not self.is_mounted or action != "move":
            return True
        return self._column in self._columns

    def on_line_list_line_selected(self) -> None:
        """Offer the actions of the line under the cursor."""
        self.refresh_bindings()

    def on_line_list_line_opened(self) -> None:
        """Change a setting with a double click."""
        self.action_change(1)

    def action_change(self, step: int) -> None:
        """Choose the next or previous value; show or hide a column."""
        line, column = self.scrollable.cursor, self._column
        if column == _NAME:
            self.app.show_notice("The name is always shown")
        elif column:
            self._choose_columns(toggle_column(self._columns, column))
        elif line == THEME:
            self._choose_theme(step)
        elif line == LOW_BANDWIDTH:
            low = not self._is_low_bandwidth
            self.app.set_low_bandwidth(low)
            self.app.choose(low_bandwidth=low)
        elif line == PREVIEW:
            at = _PREVIEWS.index(self.app.choices.preview)
            self.app.choose(preview=_PREVIEWS[(at + step) % len(_PREVIEWS)])
        self._draw_with_preview()

    def _draw_with_preview(self) -> None:
        """Draw now, and again when the sample has the width that a change of the preview leaves it."""
        self._fit_sample()
        self._draw()
        self.call_after_refresh(self._draw)

    def _choose_theme(self, step: int) -> None:
        if self.app.colourless:
            self.app.show_notice("NO_COLOR is set, so there is no theme to choose")
            return
        names = list(self.app.palettes)
        theme = names[(names.index(self.app.theme) + step) % len(names)]
        self.app.theme = theme
        self.app.choose(theme=theme)

    def _choose_columns(self, columns: tuple[str, ...]) -> None:
        self.app.choose(columns=columns)
        self._use_columns(columns)

    def _use_columns(self, columns: tuple[str, ...]) -> None:
        self.app.use_columns(columns)
        self.query_one(FleetTable).use_columns(columns)

    def action_move(self, step: int) -> None:
        """Move the column under the cursor to the left or to the right."""
        if self._column in self._columns:
            self._choose_columns(move_column(self._columns, self._column or "", step))
            self._draw()

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        return "Move to a column that is shown first" if action == "move" else ""

    def _is_chosen(self) -> bool:
        """Whether the line under the cursor has a choice that can be taken back."""
        choices, line = self.app.choices, self.scrollable.cursor
        if self._column:
            return bool(choices.columns)
        chosen = {THEME: choices.theme, LOW_BANDWIDTH: choices.low_bandwidth}.get(str(line), choices.preview)
        return chosen is not None

    def action_forget(self) -> None:
        """Take the choice under the cursor back: config.toml, or the program, decides again."""
        app, configured, line = self.app, self.app.start_look.configured, self.scrollable.cursor
        if not self._is_chosen():
            app.show_notice("Nothing was chosen here, so there is nothing to forget")
            return
        if self._column:
            app.choose(columns=())
            self._use_columns(configured.columns)
        elif line == THEME and not app.colourless:
            app.choose(theme=None)
            usual = default_theme(app.terminal.colours, low_bandwidth=configured.low_bandwidth)
            theme = app.start_look.theme or configured.theme or usual
            app.theme = theme if theme in app.palettes else app.theme
        elif line == LOW_BANDWIDTH:
            app.choose(low_bandwidth=None)
            app.set_low_bandwidth(app.start_look.low_bandwidth or configured.low_bandwidth)
        elif line == PREVIEW:
            app.choose(preview=None)
        self._draw_with_preview()

    def action_close(self) -> None:
        """Go back to the previous screen."""
        self.dismiss()
