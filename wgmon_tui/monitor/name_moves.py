"""Notes in incidents about a server whose name moved to other addresses."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.checks.evidence import NameMoved
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.monitor.incidents import EventKind, Incident, IncidentEvent
from wgmon_tui.monitor.models import Round


def note_moved_name(
    incident: Incident | None,
    events: tuple[IncidentEvent, ...],
    before: Round | None,
    outcome: Round,
    now: float,
) -> tuple[IncidentEvent, ...]:
    """Return the event that notes a move in an incident; none if there is nothing new to say.

    `events` are those of the round `outcome`, and `incident` is the open one, if any. `before` is the round
    before. An incident that opens gets the last move of the name; an open one, and one that closes, gets a
    move that this round found.
    """
    incident = events[-1].incident if events else incident
    if incident is None:
        return ()
    moved = next(_moves(outcome), None)
    if moved is None:
        return ()
    is_new = before is None or moved not in _moves(before)
    if not is_new and all(event.kind is not EventKind.OPENED for event in events):
        return ()
    return (IncidentEvent(EventKind.NOTED, now, incident, note=describe_evidence(moved)),)


def _moves(outcome: Round) -> Iterator[NameMoved]:
    return (each for check in outcome.checks for each in check.evidence if isinstance(each, NameMoved))
