"""An incident says that the name of its server moved to other addresses."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tests.monitor.fleet_harness import HEALTHY, SILENT, Watched, server
from wgmon_tui.checks.evidence import NameMoved
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import EventKind

MOVED = NameMoved("fra1.example.net", (ip_address("192.0.2.7"),), (ip_address("192.0.2.9"),), 1_700_000_000.0)


def after_move(outcome: Round) -> Round:
    """Return the same round of a server whose name moved."""
    return replace(outcome, checks=tuple(replace(each, evidence=(MOVED,)) for each in outcome.checks))


def noted(*outcomes: Round) -> list[tuple[EventKind, bool]]:
    """Return the events of these rounds, and which of them say that the name moved."""
    text = "fra1.example.net moved from 192.0.2.7 to 192.0.2.9 on "
    events = Watched(server()).saw(*outcomes).events
    return [(event.kind, event.note.startswith(text)) for event in events]


def test_an_incident_that_a_move_ends_says_so_and_counts_as_a_recovery() -> None:
    assert noted(SILENT, after_move(HEALTHY)) == [
        (EventKind.OPENED, False),
        (EventKind.CLOSED, False),
        (EventKind.NOTED, True),
    ]


def test_an_incident_that_opens_after_a_move_says_so() -> None:
    moved = after_move(HEALTHY)
    assert noted(HEALTHY, moved, moved, after_move(SILENT)) == [
        (EventKind.OPENED, False),
        (EventKind.NOTED, True),
    ]


def test_a_move_during_an_incident_is_noted_once() -> None:
    moved = after_move(SILENT)
    assert noted(SILENT, moved, moved, after_move(HEALTHY)) == [
        (EventKind.OPENED, False),
        (EventKind.NOTED, True),
        (EventKind.CLOSED, False),
    ]


def test_a_move_without_an_incident_makes_no_event() -> None:
    assert noted(HEALTHY, after_move(HEALTHY)) == []
