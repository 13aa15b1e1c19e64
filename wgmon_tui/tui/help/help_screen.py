"""Help screen: the keys of the previous screen, and the meaning of every verdict and column.

The text is generated from the tables that the program uses, so it is always up to date.
"""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.fields import SERVER_FIELDS
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.keys.actions import EVERYWHERE, GROUPS, Action, actions_for, bindings_for
from wgmon_tui.tui.keys.read_only import offered_actions
from wgmon_tui.tui.widgets.definition_list import DefinitionList
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import MovementActions, ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine


class HelpScreen(MovementActions, Screen[None]):
    """Help for the screen named `actions_of` in the action table."""

    app: AppContext
    BINDINGS = bindings_for("help")
    DEFAULT_CSS = """
    HelpScreen {
        ProseView {
            padding: 1 2;
            scrollbar-size-vertical: 1;
        }
        .heading {
            color: $accent;
            text-style: bold;
            margin-top: 1;
            &:first-of-type { margin-top: 0; }
        }
    }
    """

    def __init__(self, actions_of: str) -> None:
        super().__init__()
        self._actions_of = actions_of

    def compose(self) -> ComposeResult:
        """Yield keys by group, then verdicts, then columns."""
        table = offered_actions(self.app.actions, read_only=self.app.read_only)
        actions = (*actions_for(self._actions_of, table), *actions_for(EVERYWHERE, table))
        yield OutageBar()
        with ProseView():
            for group in GROUPS:
                members = [action for action in actions if action.group == group]
                if members:
                    yield Static(group, classes="heading", markup=False)
                    yield self._keys(members)
            if self._actions_of == "form":
                yield Static("Fields", classes="heading", markup=False)
                yield self._fields()
            yield Static("Verdicts", classes="heading", markup=False)
            yield self._verdicts()
            yield Static("Columns", classes="heading", markup=False)
            yield self._columns()
        yield StatusLine()
        yield KeyHints()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self.call_later(self._write_again)

    async def _write_again(self) -> None:
        at = self.scrollable.scroll_offset.y
        await self.recompose()
        self.scrollable.scroll_to(y=at, animate=False)

    @property
    def scrollable(self) -> ProseView:
        """The scrollable page."""
        return self.query_one(ProseView)

    def action_close(self) -> None:
        """Return to the previous screen."""
        self.dismiss()

    def _keys(self, actions: list[Action]) -> DefinitionList:
        style = self.app.palette.text + Style(bold=True)
        return self._table([(Text(action.shown, style), action.help) for action in actions])

    def _fields(self) -> DefinitionList:
        style = self.app.palette.text + Style(bold=True)
        return self._table([(Text(field.label, style), field.help) for field in SERVER_FIELDS])

    def _verdicts(self) -> DefinitionList:
        palette, glyphs = self.app.palette, self.app.glyphs
        by_severity = sorted(Verdict, key=lambda verdict: verdict.severity.rank)
        return self._table(
            [
                (
                    Text(f"{glyphs.of(verdict.severity)} {verdict.slug}", palette.severity[verdict.severity]),
                    verdict.meaning,
                )
                for verdict in by_severity
            ]
        )

    def _columns(self) -> DefinitionList:
        style = self.app.palette.text + Style(bold=True)
        return self._table([(Text(column.title, style), column.meaning) for column in COLUMNS.values()])

    def _table(self, rows: list[tuple[Text, str]]) -> DefinitionList:
        return DefinitionList(rows, self.app.palette.muted)
