"""Help screen: the keys of the previous screen, every verdict and every column, with a search.

The text is generated from the tables that the program uses, so it is always up to date.
"""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.help.help_sections import HelpSection, help_sections, search
from wgmon_tui.tui.help.search_bar import SearchBar
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.keys.read_only import offered_actions
from wgmon_tui.tui.widgets.definition_list import DefinitionList
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import MovementActions, ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine


class HelpScreen(MovementActions, Screen[None]):
    """Help for the screen named `actions_of` in the action table."""

    app: AppContext
    AUTO_FOCUS = ""
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
        self._sections: list[tuple[HelpSection, Static, DefinitionList]] = []
        self._words = ""

    def compose(self) -> ComposeResult:
        """Yield keys by group, then verdicts, then columns."""
        app = self.app
        table = offered_actions(app.actions, read_only=app.read_only)
        self._sections = [
            (section, Static(section.heading, classes="heading", markup=False), self._list(section))
            for section in help_sections(self._actions_of, table, app.palette, app.glyphs)
        ]
        yield OutageBar()
        with ProseView():
            for section, heading, entries in self._sections:
                heading.display = entries.display = not section.found_only
                yield heading
                yield entries
            yield Static(id="nothing-found", markup=False)
        yield StatusLine()
        yield SearchBar(self._words)
        yield KeyHints()

    def _list(self, section: HelpSection) -> DefinitionList:
        return DefinitionList(search(section, ""), self.app.palette.muted)

    def on_mount(self) -> None:
        """Show everything."""
        self._narrow()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self.call_later(self._write_again)

    async def _write_again(self) -> None:
        at = self.scrollable.scroll_offset.y
        await self.recompose()
        self._narrow()
        self.scrollable.scroll_to(y=at, animate=False)

    @property
    def scrollable(self) -> ProseView:
        """The scrollable page."""
        return self.query_one(ProseView)

    # The search

    def on_input_changed(self) -> None:
        """Narrow the help while the operator types."""
        self._words = self.query_one(SearchBar).words
        self._narrow()
        self.scrollable.first()

    def on_input_submitted(self) -> None:
        """Keep what was found; an empty search closes the line."""
        if self._words.strip():
            self.set_focus(None)
            self.refresh_bindings()
        else:
            self.action_clear_search()

    def _narrow(self) -> None:
        found = 0
        for section, heading, entries in self._sections:
            shown = search(section, self._words)
            heading.display = entries.display = bool(shown)
            entries.show(shown, self._words.split())
            found += len(shown)
        nothing = self.query_one("#nothing-found", Static)
        nothing.display = not found
        clears = key_of("clear_search", self.app.actions)
        nothing.update(Text(f"Nothing here has these words. Press {clears} to clear the search."))
        self.query_one(SearchBar).count(found)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to clear the search only while there is one."""
        return self.is_mounted and self.query_one(SearchBar).is_open if action == "clear_search" else True

    def action_search(self) -> None:
        """Open the search line."""
        self.query_one(SearchBar).open()
        self.refresh_bindings()

    def action_clear_search(self) -> None:
        """Show everything again."""
        self.query_one(SearchBar).clear()
        self.set_focus(None)
        self._words = ""
        self._narrow()
        self.refresh_bindings()

    def action_close(self) -> None:
        """Return to the previous screen."""
        self.dismiss()
