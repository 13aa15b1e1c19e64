"""Text of incidents, for the server and incidents screens. Pure: records in, Rich texts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import MAX_VERDICTS, Incident
from wgmon_tui.store.models import Note
from wgmon_tui.text import format_elapsed, format_recent_time
from wgmon_tui.tui.filter.parser import SERVER_VALUES, Values
from wgmon_tui.tui.filter.query import Filter, FilterTerm
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

GAP = 2
_STATE, _SERVER, _CAUSE, _OPENED, _LASTED = 12, 20, 16, 12, 11
_SHORT_SERVER = 12
_WIDE = 100
_MIN_NOTES_WIDTH = 12

OPEN, CLOSED, ACKNOWLEDGED, FLAPPING = "open", "closed", "acknowledged", "flapping"
"""Filter words that test a flag of the incident, and not its text."""

_FLAGS = (OPEN, CLOSED, ACKNOWLEDGED, FLAPPING)
INCIDENT_VALUES: Values = {
    **SERVER_VALUES,
    "state": (*SERVER_VALUES["state"], *_FLAGS),
    "is": _FLAGS,
}
"""The values of the fields of incidents."""

_OPEN_STEP_S = 10


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """An incident, its notes, and its server if that is still in the fleet."""

    incident: Incident
    notes: tuple[Note, ...] = ()
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class IncidentColumns:
    """Column widths in cells. `server` is 0 if all incidents are of one server."""

    server: int
    notes_width: int
    """Width for the acknowledgement and the last note; 0 if there is no room."""


def columns_for(width: int, *, with_server: bool) -> IncidentColumns:
    """The column widths for a list of `width` cells."""
    server = (_SERVER if width >= _WIDE else _SHORT_SERVER) if with_server else 0
    column_widths = [_STATE, *([server] if server else []), _CAUSE, _OPENED, _LASTED]
    notes_width = width - sum(column_widths) - GAP * len(column_widths)
    return IncidentColumns(server, notes_width if notes_width >= _MIN_NOTES_WIDTH else 0)


def titles(columns: IncidentColumns) -> list[tuple[str, int, bool]]:
    """The title of each column, its width, and whether it is aligned to the right."""
    found = [("state", _STATE, False)]
    if columns.server:
        found.append(("server", columns.server, False))
    found += [("cause", _CAUSE, False), ("opened", _OPENED, True), ("lasted", _LASTED, True)]
    return [*found, ("notes", len("notes"), False)] if columns.notes_width else found


def heading(columns: IncidentColumns) -> str:
    """The titles of the columns."""
    cells = (
        title.rjust(width) if is_right else title.ljust(width) for title, width, is_right in titles(columns)
    )
    return (" " * GAP).join(cells)


def line(
    entry: IncidentEntry, now: float, columns: IncidentColumns, text_style: TextStyle, muted_reason: str = ""
) -> Text:
    """One incident; only an open one has a colour. `muted_reason` is why its alerts are muted.

    The column of notes says "open". Without it, the state of a closed one is "closed": a terminal without
    colour must show the difference too.
    """
    incident, palette, glyphs = entry.incident, text_style.palette, text_style.glyphs
    is_open = incident.closed_at is None
    loud = palette.severity[incident.severity] if is_open else palette.muted
    calm = palette.text if is_open else palette.muted
    gap = " " * GAP
    word = incident.severity.word if is_open or columns.notes_width else CLOSED
    state = f"{glyphs.of(incident.severity)} {word}"
    known = f" {glyphs.acknowledged}" if incident.acknowledged_at is not None else ""
    found = Text().append(fit(state, _STATE - 2, glyphs), loud).append(f"{known:<2}", palette.text)
    if columns.server:
        found.append(gap).append(fit(glyphs.clean(incident.server), columns.server, glyphs), calm)
    cause = palette.severity[incident.verdict.severity] if is_open else palette.muted
    found.append(gap).append(fit(incident.verdict.slug, _CAUSE, glyphs), cause)
    found.append(gap).append(f"{format_recent_time(incident.opened_at, now):>{_OPENED}}", calm)
    found.append(gap).append(f"{duration_text(incident, now):>{_LASTED}}", calm)
    if columns.notes_width:
        found.append(gap).append_text(_notes_text(entry, now, columns.notes_width, text_style, muted_reason))
    return found


def duration_text(incident: Incident, now: float) -> str:
    """How long the incident lasted. An open one counts in steps of 10 s, as each step repaints a line."""
    if incident.closed_at is None:
        return format_elapsed((now - incident.opened_at) // _OPEN_STEP_S * _OPEN_STEP_S)
    return format_elapsed(incident.closed_at - incident.opened_at)


def _notes_text(
    entry: IncidentEntry, now: float, width: int, text_style: TextStyle, muted_reason: str
) -> Text:
    """The notes column, in this order.

    Open, vantages other than this machine, muted, flapping, the sequence of verdicts, acknowledged, last
    note.
    """
    incident, palette, glyphs = entry.incident, text_style.palette, text_style.glyphs
    parts: list[tuple[str, Style]] = []
    if incident.closed_at is None:
        parts.append((OPEN, palette.severity[incident.severity]))
    if incident.vantage not in ("", LOCAL_VANTAGE):
        parts.append((glyphs.clean(f"from {incident.vantage.replace(',', ', ')}"), palette.text))
    if muted_reason:
        parts.append((f"{glyphs.muted} {glyphs.clean(muted_reason)}", palette.text))
    if incident.flapping:
        parts.append((FLAPPING, palette.text))
    if len(incident.verdicts) > 1:
        parts.append((incident.sequence, palette.muted))
    if incident.acknowledged_at is not None:
        who = f"{incident.acknowledged_by} {format_recent_time(incident.acknowledged_at, now)}".lstrip()
        parts.append((f"{glyphs.acknowledged} {glyphs.clean(who)}", palette.text))
    if entry.notes:
        parts.append((glyphs.clean(entry.notes[-1].text), palette.muted))
    found = Text()
    for text, style in parts:
        found.append("  " if found else "")
        found.append(text, style)
    if found.cell_len > width:
        found.truncate(width - 1)
        found.append(glyphs.ellipsis, palette.muted)
    return found


def detail(entry: IncidentEntry, now: float, text_style: TextStyle, muted_reason: str = "") -> Text:
    """The details of an incident: summary, times, flapping, acknowledgement, mute, and all notes."""
    incident, palette = entry.incident, text_style.palette
    lines = text_style.paragraph(incident.summary, palette.text)
    closed = "now" if incident.closed_at is None else format_recent_time(incident.closed_at, now)
    facts = [
        f"from {format_recent_time(incident.opened_at, now)} to {closed}, {duration_text(incident, now)}"
    ]
    facts += [FLAPPING] if incident.flapping else []
    facts.append(
        acknowledgement_text(incident, now) if incident.acknowledged_at is not None else "not acknowledged"
    )
    facts += [muted_reason] if muted_reason else []
    lines += text_style.paragraph(", ".join(facts), palette.muted)
    if len(incident.verdicts) > 1:
        lines += text_style.paragraph(_sequence_text(incident, now), palette.text)
    lines += note_lines(entry.notes, now, text_style)
    return Text("\n").join(lines)


def note_lines(notes: Sequence[Note], now: float, text_style: TextStyle) -> list[Text]:
    """All notes, each with its author and time."""
    lines: list[Text] = []
    for note in notes:
        when = format_recent_time(note.at, now)
        who = f"{note.who}, {when}: " if note.who else f"{when}: "
        lines += text_style.paragraph(f"{who}{note.text}", text_style.palette.text, "note")
    return lines


def _sequence_text(incident: Incident, now: float) -> str:
    """The verdicts in order, each with its time."""
    known = [f"{each.verdict.slug} {format_recent_time(each.at, now)}" for each in incident.verdicts]
    if incident.omitted_verdicts:
        known.insert(MAX_VERDICTS // 2, f"{incident.omitted_verdicts} more")
    return f"verdicts: {', then '.join(known)}"


def acknowledgement_text(incident: Incident, now: float) -> str:
    """Who acknowledged an incident, and when."""
    by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
    return f"acknowledged{by} {format_recent_time(incident.acknowledged_at or 0.0, now)}"


# Filtering


def passes(entry: IncidentEntry, chosen: Filter, now: float) -> bool:
    """Whether an incident passes a filter. `since` compares the time since it was opened."""
    return chosen.passes(lambda term: _matches_term(entry, term, now))


def _matches_term(entry: IncidentEntry, term: FilterTerm, now: float) -> bool:
    incident, text = entry.incident, term.text
    tags = [tag.casefold() for tag in entry.server.tags] if entry.server else []
    endpoint = str(entry.server.endpoint).casefold() if entry.server else ""
    match term.key:
        case "state":
            return term.begins(incident.severity.word) or _has_flag(incident, text)
        case "tag":
            return any(map(term.begins, tags))
        case "verdict":
            return any(map(term.begins, _slugs(incident)))
        case "name":
            return term.occurs_in(incident.server.casefold())
        case "endpoint":
            return term.occurs_in(endpoint)
        case "is":
            return _has_flag(incident, text)
        case "vantage" | "downfrom":
            return any(term.begins(name.casefold()) for name in incident.vantage.split(","))
        case "since":
            return term.matches_value(now - incident.opened_at)
    if term.comparison:
        return False
    if text in _FLAGS:
        return _has_flag(incident, text)
    if text == incident.severity.word:
        return True
    noted = (f"{note.who} {note.text}".casefold() for note in entry.notes)
    places = [incident.server.casefold(), *_slugs(incident), endpoint, *tags, *noted]
    return any(map(term.occurs_in, (*places, incident.acknowledged_by.casefold())))


def _slugs(incident: Incident) -> set[str]:
    """The verdicts that it had."""
    return {incident.verdict.slug, *(each.verdict.slug for each in incident.verdicts)}


def _has_flag(incident: Incident, word: str) -> bool:
    facts = {
        OPEN: incident.closed_at is None,
        CLOSED: incident.closed_at is not None,
        ACKNOWLEDGED: incident.acknowledged_at is not None,
        FLAPPING: incident.flapping,
    }
    return any(holds for fact, holds in facts.items() if fact.startswith(word))
