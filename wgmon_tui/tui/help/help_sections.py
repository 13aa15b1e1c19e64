"""The sections of the help, and the search in them. Pure: tables in, entries out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VERDICT_HELP
from wgmon_tui.tui.editing.fields import SERVER_FIELDS
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.fleet.totals import TOP_LINE
from wgmon_tui.tui.keys.action import EVERYWHERE, GROUPS, OWN, Action
from wgmon_tui.tui.keys.actions import actions_for
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

_TYPING_SCREENS = ("form", "import")
"""Screens whose input lines take every letter."""


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """A term and its meaning. `more` is searched as well, and shown if it contains what is searched."""

    term: Text
    meaning: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class HelpSection:
    """A heading with its entries. A section with `found_only` is shown only while it is searched."""

    heading: str
    entries: tuple[HelpEntry, ...]
    found_only: bool = False


def help_sections(
    screen: str, actions: Sequence[Action], palette: Palette, glyphs: Glyphs
) -> Iterator[HelpSection]:
    """The keys of a screen by group, then the fields of a form, verdicts, columns, and all other keys."""
    bold = palette.text + Style(bold=True)
    own, everywhere = actions_for(screen, actions), actions_for(EVERYWHERE, actions)
    here = (*own, *(_not_typed(own, everywhere) if screen in _TYPING_SCREENS else everywhere))
    for group in GROUPS:
        members = [action for action in here if action.group == group]
        if members:
            yield HelpSection(
                group, tuple(HelpEntry(Text(each.shown, bold), _meaning(each)) for each in members)
            )
    if screen == "form":
        fields = (HelpEntry(Text(field.label, bold), field.help) for field in SERVER_FIELDS)
        yield HelpSection("Fields", tuple(fields))
    yield HelpSection("Verdicts", tuple(_verdicts(palette, glyphs)))
    columns = (HelpEntry(Text(column.title, bold), column.meaning) for column in COLUMNS.values())
    yield HelpSection("Columns", tuple(columns))
    yield HelpSection("Top line", tuple(HelpEntry(Text(title, bold), meaning) for title, meaning in TOP_LINE))
    listed = {each.id for each in (*own, *everywhere)}
    others = (
        HelpEntry(Text(each.shown, bold), f"{_meaning(each)} (screen: {', '.join(each.screens)})")
        for each in actions
        if each.id not in listed
    )
    yield HelpSection("Keys of other screens", tuple(others), found_only=True)


def _meaning(action: Action) -> str:
    """What an action does. A command of the operator has its name too: its key alone says nothing."""
    return f"{action.label}. {action.help}" if action.group == OWN else action.help


def _not_typed(own: Sequence[Action], everywhere: Sequence[Action]) -> Iterator[Action]:
    """The actions of the app with the keys that neither an input line nor the screen takes itself."""
    taken = {key for action in own for key in action.keys}
    for action in everywhere:
        keys = tuple(key for key in action.keys if len(key) > 1 and key != "space" and key not in taken)
        if keys:
            yield replace(action, keys=keys)


def _verdicts(palette: Palette, glyphs: Glyphs) -> Iterator[HelpEntry]:
    for verdict in sorted(Verdict, key=lambda verdict: verdict.severity.rank):
        term = Text(f"{glyphs.of(verdict.severity)} {verdict.slug}", palette.severity[verdict.severity])
        explained = VERDICT_HELP[verdict]
        more = f"Evidence: {explained.explanation} First: {explained.first_step}"
        yield HelpEntry(term, verdict.meaning, more)


def search(section: HelpSection, line: str) -> list[tuple[Text, str]]:
    """The entries that contain every word of the line, in any case; without words, all of the section."""
    words = line.casefold().split()
    if not words:
        return [] if section.found_only else [(entry.term, entry.meaning) for entry in section.entries]
    found = []
    for entry in section.entries:
        short = f"{section.heading} {entry.term.plain} {entry.meaning}".casefold()
        if all(word in short for word in words):
            found.append((entry.term, entry.meaning))
        elif all(word in f"{short} {entry.more.casefold()}" for word in words):
            found.append((entry.term, f"{entry.meaning} {entry.more}"))
    return found
