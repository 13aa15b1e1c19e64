"""The filter bar over a table or a list. It filters while the operator types; enter returns the focus."""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.tui.context import AppContext, Notice
from wgmon_tui.tui.filter.parser import (
    SERVER_VALUES,
    FilterWords,
    Values,
    completions,
    explain_unfinished,
    invert_filter,
    parse_filter,
)
from wgmon_tui.tui.filter.query import Filter, RejectedWord
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.widgets.prompt_bar import PromptBar

if TYPE_CHECKING:
    from wgmon_tui.tui.filter.input_line import FilterInput

_MARGINS = 5
"""Cells of a line for the prompt, the padding and the cursor."""


class FleetTags:
    """All tags of the servers in a fleet. A key in the filter line asks for them several times."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._membership = -1
        self._tags: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        """The tags now."""
        states, membership = self._fleet_state.states, self._fleet_state.membership_version
        if membership != self._membership:
            self._membership = membership
            self._tags = frozenset(tag for each in states.values() for tag in each.server.tags)
        return self._tags


class FilterBar(PromptBar):
    """Prompt, input line, and how many entries pass."""

    app: AppContext

    def __init__(
        self,
        placeholder: str,
        tags: Callable[[], Set[str]],
        values: Values = SERVER_VALUES,
        words: Collection[str] = (),
    ) -> None:
        """`values` are the possible values of the fields of what is listed, `words` its plain flags."""
        super().__init__()
        self._placeholder = placeholder
        self._tags = tags
        self._values = values
        self._words = words
        self._parsed: tuple[tuple[str, int], Filter] | None = None
        self._counted: tuple[int, int] | None = None
        self._shown: dict[str, tuple[Text, str | Style]] = {}
        self._explained: tuple[RejectedWord, ...] = ()
        self._explained_line = ""
        self._notice: Notice | None = None

    @property
    def input_line(self) -> FilterInput:
        """The line to type. It is made when it is needed first: a start would wait for it."""
        from wgmon_tui.tui.filter.input_line import FilterCompleter, FilterInput
        from wgmon_tui.tui.filter.recent_lines import FilterHistory

        if not self.children:
            history, completer = (
                FilterHistory(self.app.saved_filters),
                FilterCompleter(self._known, self._values),
            )
            self.mount(
                Static("/ ", id="filter-prompt", markup=False),
                FilterInput(history, completer, self._placeholder),
                Static(id="filter-count", markup=False),
            )
            self._draw()
        return self.query_one(FilterInput)

    @property
    def line(self) -> str:
        """The line as it is typed."""
        return self.input_line.value if self.children else ""

    def on_resize(self) -> None:
        """Redraw: the typed line decides how much room is left."""
        self._draw()

    def on_mount(self) -> None:
        """Draw in the theme's colours."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw())
        self._draw()

    def _draw(self) -> None:
        if not self.children:
            return
        palette = self.app.palette
        self._show("#filter-prompt", Text("/ ", palette.accent))
        counted = Text(no_wrap=True)
        if self.is_open and self._counted:
            shown, of = self._counted
            total, clean = f" {shown} of {of}", self.app.glyphs.clean
            # What is typed stays visible: the rest of the line is for the count, mistakes and completions.
            room = self.size.width - _MARGINS - cell_len(self.line) - cell_len(total)
            mistake, style = self._mistake(room)
            counted.append(clean(self._offer(room - cell_len(mistake))), palette.accent)
            counted.append(clean(mistake), style)
            counted.append(clean(total), palette.muted)
        self._show("#filter-count", counted)

    def _show(self, part: str, text: Text) -> None:
        """Show a text in a part of the bar. One that is there already must not lay the screen out again."""
        shown = text, text.style
        if self._shown.get(part) != shown:
            self._shown[part] = shown
            self.query_one(part, Static).update(text)

    def _mistake(self, room: int) -> tuple[str, Style]:
        """The words without effect, as far as there is room, and how to draw them."""
        palette, chosen = self.app.palette, self.chosen
        if words := [each.word for each in chosen.rejected]:
            whole, short = f" unknown: {' '.join(words)};", f" {len(words)} unknown;"
            return whole if cell_len(whole) <= room else short, palette.severity[Severity.DEGRADED]
        if begun := [word for word in chosen.unfinished if set(word) & set("<=>")]:
            lacking = f" {explain_unfinished(begun[0])};"
            return lacking if cell_len(lacking) <= room else " incomplete;", palette.muted
        return "", palette.muted

    def _offer(self, room: int) -> str:
        """What the key for completion takes, and what else is possible: readable without colour."""
        line = self.input_line
        found = completions(line.value, self._known(), self._values) if line.has_focus else ()
        if not found:
            return ""
        key = key_of("complete", self.app.actions)
        room = min(self.size.width // 2, room - cell_len(key) - 4)
        shown = list(found[:1])
        for each in found[1:]:
            if sum(map(cell_len, shown)) + 2 * len(shown) + cell_len(each) > room:
                shown.append("…")
                break
            shown.append(each)
        return f" {key}: {', '.join(shown)};" if cell_len(shown[0]) <= room else ""

    def _explain_rejected(self) -> None:
        """Say in a notice why words have no effect, and what is possible. Remove it with the mistake."""
        if not self.children:
            return
        line, rejected = self.input_line, self.chosen.rejected
        was_typed, self._explained_line = line.value != self._explained_line, line.value
        if rejected == self._explained:
            return
        if not was_typed:
            # The fleet has other tags or vantages now: the words get or lose their effect.
            line.post_message(line.Changed(line, line.value))
        if self._notice is not None and self._notice is self.app.notice:
            self.app.dismiss_notice()
        self._explained = rejected
        if rejected:
            self.app.show_notice(*(f"{each.word} has no effect: {each.reason}" for each in rejected))
            self._notice = self.app.notice

    def _known(self) -> FilterWords:
        fleet_state = self.app.engine.fleet_state
        vantages = (LOCAL_VANTAGE, *fleet_state.vantages) if fleet_state.vantages else ()
        saved = tuple(self.app.saved_filters)
        return FilterWords(self._tags(), saved, vantages, fleet_state.states, self._words)

    @property
    def chosen(self) -> Filter:
        """The filter that the input line describes."""
        asked = self.line, self.app.engine.fleet_state.version
        if self._parsed is None or self._parsed[0] != asked:
            self._parsed = asked, parse_filter(self.line, self.app.saved_filters, self._possible)
        return self._parsed[1]

    @property
    def _possible(self) -> Values:
        """The possible values of fields, with the tags and vantages that the fleet has now."""
        fleet_state = self.app.engine.fleet_state
        if not fleet_state.states or not set(self.line) & set(":@<=>"):
            return self._values
        vantages = {each.home for each in fleet_state.states.values()} | set(fleet_state.vantages)
        if fleet_state.vantages:
            vantages.add(LOCAL_VANTAGE)
        names = sorted(vantages)
        return {**self._values, "vantage": names, "downfrom": names, "tag": sorted(self._tags())}

    def invert(self) -> None:
        """Invert the filter line."""
        line = self.input_line
        line.value = invert_filter(line.value)

    def set_filter(self, line: str) -> None:
        """Show the bar with this filter line, as if it had been typed."""
        self.add_class("-open")
        self.input_line.value = line

    def commit(self) -> None:
        """Add the line to the history; hide the bar if the line is empty."""
        line = self.input_line
        line.history.commit(line.value)
        self._explained, self._explained_line = (), ""
        self._explain_rejected()
        self.set_class(bool(line.value.strip()), "-open")

    def count(self, shown: int, of: int) -> None:
        """Show how many of how many entries pass, what a comparison lacks, and which word has no effect."""
        self._counted = shown, of
        self._draw()
        self._explain_rejected()
