"""Lines of the list of expiry dates: text, filter and order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.text import Text

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.output.expiry_text import format_left, severity_of, state_word
from wgmon_tui.text import format_local_time
from wgmon_tui.tui.filter.parser import Values
from wgmon_tui.tui.filter.query import Filter, FilterTerm
from wgmon_tui.tui.lists import column_order
from wgmon_tui.tui.lists.column_order import GAP, ColumnOrder
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

WORDS = ("ended", "urgent", "soon", "valid")
"""The states of an end: past, within a week, within 30 days, later."""

EXPIRY_VALUES: Values = {"state": WORDS, "is": WORDS}

_STATE, _LEFT, _ENDS, _WHAT = 8, 9, 16, 21
_SERVER, _LEAST_NAME = 20, 8
_WIDE = 92


@dataclass(frozen=True, slots=True)
class ExpiryEntry:
    """Something of a server that ends."""

    server: Server
    expires: Expires

    @property
    def key(self) -> str:
        """What identifies it among all."""
        return "\0".join((self.server.name, self.expires.what, self.expires.name))


def entries_of(states: Iterable[ServerState]) -> list[ExpiryEntry]:
    """All that is known of these servers, the first to end first."""
    found = [ExpiryEntry(each.server, expires) for each in states for expires in each.expiries]
    return sorted(found, key=lambda each: (each.expires.at, each.key))


EXPIRY_ORDER = ColumnOrder(
    {
        "left": lambda each: each.expires.at,
        "server": lambda each: each.server.name.casefold(),
        "what": lambda each: each.expires.what.casefold(),
        "name": lambda each: each.expires.name.casefold(),
    },
    "left",
)


def _columns(width: int) -> list[tuple[str, int]]:
    """Titles and widths. A narrow list has no date; the line below it does."""
    columns = [("", _STATE), ("left", _LEFT)]
    if width >= _WIDE:
        columns.append(("ends", _ENDS))
    server = _SERVER if width >= _WIDE + _SERVER else 12
    columns += [("server", server), ("what", _WHAT)]
    rest = width - sum(size for _, size in columns) - GAP * len(columns)
    return [*columns, ("name", rest)] if rest >= _LEAST_NAME else columns


def heading(order: ColumnOrder, text_style: TextStyle) -> Text:
    """The titles of the columns."""
    return column_order.heading(_columns(text_style.width), order, text_style, right="left")


def line(entry: ExpiryEntry, now: float, text_style: TextStyle) -> Text:
    """One line: state, what is left, when it ends, and what it is."""
    palette, glyphs, expires = text_style.palette, text_style.glyphs, entry.expires
    severity = severity_of(expires.at, now)
    cells = {
        "": f"{glyphs.of(severity)} {state_word(expires.at, now)}",
        "left": short_left(expires.at, now),
        "ends": format_local_time(expires.at, seconds=False),
        "server": glyphs.clean(entry.server.name),
        "what": glyphs.clean(expires.what),
        "name": glyphs.clean(expires.name) or glyphs.absent,
    }
    found = Text()
    for title, width in _columns(text_style.width):
        found.append(" " * GAP if found else "")
        style = palette.severity[severity] if title in ("", "left") else palette.text
        found.append(fit(cells[title], width, glyphs, right=title == "left"), style)
    return found


def short_left(at: float, now: float) -> str:
    """What is left, in at most nine cells; nothing for what has ended."""
    return format_left(at, now) if at > now else "-"


def detail(entry: ExpiryEntry, now: float, text_style: TextStyle) -> Text:
    """The entry in full."""
    expires, palette = entry.expires, text_style.palette
    thing = f"{entry.server.name}: {expires.what} {expires.name}".rstrip()
    when = format_local_time(expires.at, seconds=False, zone=True)
    left = format_left(expires.at, now)
    ends = f"ends {when}, in {left}" if expires.at > now else f"ended {when}, {left.removeprefix('ended ')}"
    lines = text_style.paragraph(text_style.glyphs.clean(thing), palette.text)
    return Text("\n").join([*lines, *text_style.paragraph(ends, palette.muted)])


def passes(entry: ExpiryEntry, chosen: Filter, now: float) -> bool:
    """Whether an entry passes a filter."""
    return chosen.passes(lambda term: _matches(entry, term, now))


def _matches(entry: ExpiryEntry, term: FilterTerm, now: float) -> bool:
    server, expires = entry.server, entry.expires
    tags = [tag.casefold() for tag in server.tags]
    match term.key:
        case "state" | "is":
            return term.begins(state_word(expires.at, now))
        case "tag":
            return any(map(term.begins, tags))
        case "name":
            return term.occurs_in(server.name.casefold())
        case "endpoint":
            return term.occurs_in(str(server.endpoint).casefold())
        case "":
            if term.text in WORDS:
                return term.text == state_word(expires.at, now)
            places = (server.name.casefold(), expires.what.casefold(), expires.name.casefold(), *tags)
            return not term.comparison and any(map(term.occurs_in, places))
    return False
