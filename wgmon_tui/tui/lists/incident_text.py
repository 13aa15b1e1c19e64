"""Incidents as lines of a list, on the server's page and on the fleet's. Pure: records in, Rich texts out."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.models import Note
from wgmon_tui.text import format_elapsed, format_recent_time
from wgmon_tui.tui.filter.query import Filter, FilterTerm
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

GAP = 2
_STATE, _SERVER, _CAUSE, _OPENED, _LASTED = 12, 20, 16, 12, 11
_SHORT_SERVER = 12
_WIDE = 100
_MIN_NOTES_WIDTH = 12

OPEN, CLOSED, ACKNOWLEDGED, FLAPPING = "open", "closed", "acknowledged", "flapping"
"""Words of the filter that mean a fact of the incident, not a text in it."""


_OPEN_STEP_S = 10


@dataclass(frozen=True, slots=True)
class IncidentEntry:
    """An incident, what was written beside it, and the entry of its server where that is still watched."""

    incident: Incident
    notes: tuple[Note, ...] = ()
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class IncidentColumns:
    """What the columns of a list are wide, in cells; no server where all are of one."""

    server: int
    notes_width: int
    """For who knows of it and what was noted; 0 where there is no room."""


def columns_for(width: int, *, with_server: bool) -> IncidentColumns:
    """The columns for a list of `width` cells."""
    server = (_SERVER if width >= _WIDE else _SHORT_SERVER) if with_server else 0
    column_widths = [_STATE, *([server] if server else []), _CAUSE, _OPENED, _LASTED]
    notes_width = width - sum(column_widths) - GAP * len(column_widths)
    return IncidentColumns(server, notes_width if notes_width >= _MIN_NOTES_WIDTH else 0)


def heading(columns: IncidentColumns) -> str:
    """The titles of the columns."""
    titles = [f"{'state':<{_STATE}}"]
    if columns.server:
        titles.append(f"{'server':<{columns.server}}")
    titles += [f"{'cause':<{_CAUSE}}", f"{'opened':>{_OPENED}}", f"{'lasted':>{_LASTED}}"]
    if columns.notes_width:
        titles.append("notes")
    return (" " * GAP).join(titles)


def line(
    entry: IncidentEntry, now: float, columns: IncidentColumns, text_style: TextStyle, muted_reason: str = ""
) -> Text:
    """One incident; only an open one is loud. `muted_reason` is why nobody is told of it."""
    incident, palette, glyphs = entry.incident, text_style.palette, text_style.glyphs
    is_open = incident.closed_at is None
    loud = palette.severity[incident.severity] if is_open else palette.muted
    calm = palette.text if is_open else palette.muted
    gap = " " * GAP
    state = f"{glyphs.of(incident.severity)} {incident.severity.word}"
    known = f" {glyphs.acknowledged}" if incident.acknowledged_at is not None else ""
    found = Text().append(fit(state, _STATE - 2, glyphs), loud).append(f"{known:<2}", palette.text)
    if columns.server:
        found.append(gap).append(fit(glyphs.clean(incident.server), columns.server, glyphs), calm)
    found.append(gap).append(fit(incident.verdict.slug, _CAUSE, glyphs), loud)
    found.append(gap).append(f"{format_recent_time(incident.opened_at, now):>{_OPENED}}", calm)
    found.append(gap).append(f"{duration_text(incident, now):>{_LASTED}}", calm)
    if columns.notes_width:
        found.append(gap).append_text(_notes_text(entry, now, columns.notes_width, text_style, muted_reason))
    return found


def duration_text(incident: Incident, now: float) -> str:
    """How long it took, or has taken until now: that in whole tens of seconds, since each repaints a line."""
    if incident.closed_at is None:
        return format_elapsed((now - incident.opened_at) // _OPEN_STEP_S * _OPEN_STEP_S)
    return format_elapsed(incident.closed_at - incident.opened_at)


def _notes_text(
    entry: IncidentEntry, now: float, width: int, text_style: TextStyle, muted_reason: str
) -> Text:
    """Open or not, who saw it where that is not us alone, who is not told, flapping, who knows of it since
    when, and the last note.
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
    """All that is known of one incident: its summary, from when to when, who knows of it or is not told,
    every note.
    """
    incident, palette = entry.incident, text_style.palette
    lines = text_style.paragraph(incident.summary, palette.text)
    closed = "now" if incident.closed_at is None else format_recent_time(incident.closed_at, now)
    facts = [
        f"from {format_recent_time(incident.opened_at, now)} to {closed}, {duration_text(incident, now)}"
    ]
    facts += [FLAPPING] if incident.flapping else []
    facts.append(
        _acknowledgement_text(incident, now) if incident.acknowledged_at is not None else "not acknowledged"
    )
    facts += [muted_reason] if muted_reason else []
    lines += text_style.paragraph(", ".join(facts), palette.muted)
    for note in entry.notes:
        who = (
            f"{note.who}, {format_recent_time(note.at, now)}: "
            if note.who
            else f"{format_recent_time(note.at, now)}: "
        )
        lines += text_style.paragraph(f"{who}{note.text}", palette.text, "note")
    return Text("\n").join(lines)


def _acknowledgement_text(incident: Incident, now: float) -> str:
    by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
    return f"acknowledged{by} {format_recent_time(incident.acknowledged_at or 0.0, now)}"


# Which of them a filter lets through


def passes(entry: IncidentEntry, chosen: Filter, now: float) -> bool:
    """Whether an incident meets every condition of a filter line; it is as old as its opening."""
    return chosen.passes(lambda term: _matches_term(entry, term, now))


def _matches_term(entry: IncidentEntry, term: FilterTerm, now: float) -> bool:
    incident, text = entry.incident, term.text
    tags = [tag.casefold() for tag in entry.server.tags] if entry.server else []
    endpoint = str(entry.server.endpoint).casefold() if entry.server else ""
    match term.key:
        case "state":
            return incident.severity.word.startswith(text) or _has_flag(incident, text)
        case "tag":
            return any(tag.startswith(text) for tag in tags)
        case "verdict":
            return incident.verdict.slug.startswith(text)
        case "name":
            return text in incident.server.casefold()
        case "endpoint":
            return text in endpoint
        case "is":
            return _has_flag(incident, text)
        case "vantage" | "downfrom":
            return any(name.casefold().startswith(text) for name in incident.vantage.split(","))
        case "since":
            return term.matches_value(now - incident.opened_at)
    if term.comparison:
        return False
    if text in (OPEN, CLOSED, ACKNOWLEDGED, FLAPPING):
        return _has_flag(incident, text)
    noted = (f"{note.who} {note.text}".casefold() for note in entry.notes)
    places = [incident.server.casefold(), incident.verdict.slug, endpoint, *tags, *noted]
    return any(text in place for place in (*places, incident.acknowledged_by.casefold()))


def _has_flag(incident: Incident, word: str) -> bool:
    facts = {
        OPEN: incident.closed_at is None,
        CLOSED: incident.closed_at is not None,
        ACKNOWLEDGED: incident.acknowledged_at is not None,
        FLAPPING: incident.flapping,
    }
    return any(holds for fact, holds in facts.items() if fact.startswith(word))
