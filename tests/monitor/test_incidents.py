"""Tests of a server's incident after each check: opened, cause changed, closed."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping
from wgmon_tui.monitor.incidents import (
    EventKind,
    Incident,
    IncidentEvent,
    acknowledge_incident,
    close_incident,
    random_id,
    update_incident,
)
from wgmon_tui.net.addresses import Endpoint

CHECK = Check("fra1", "here", Endpoint("192.0.2.7", 51820), None, 0.0, None)
HEALTHY, SLOW, SILENT, CLOSED = Verdict.HEALTHY, Verdict.SLOW, Verdict.SILENT, Verdict.PORT_CLOSED
USUAL = DampingRules()
DOWN, DEGRADED, UP = Severity.DOWN, Severity.DEGRADED, Severity.UP


class EventFields(NamedTuple):
    """The fields of one event."""

    what: str
    at: float
    verdict: str
    severity: str


def followed(*verdicts: Verdict, by: DampingRules = USUAL) -> tuple[Incident | None, list[IncidentEvent]]:
    """Return the incident after checks one second apart with these verdicts, and all its events."""
    damping, incident, events = Damping(), None, []
    ids = map(str, count(1))
    for at, (before, verdict) in enumerate(zip((None, *verdicts), verdicts, strict=False)):
        damping = next_damping(damping, verdict.severity, by, at)
        incident, event = update_incident(
            incident,
            damping,
            CHECK,
            Diagnosis(verdict, verdict.meaning),
            at,
            confirmed=verdict is before,
            new_id=lambda: next(ids),
        )
        events += [event] if event else []
    return incident, events


def event_fields(*verdicts: Verdict) -> list[EventFields]:
    _, events = followed(*verdicts)
    return [
        EventFields(event.kind.value, event.at, event.incident.verdict.slug, event.incident.severity.word)
        for event in events
    ]


def test_a_lost_check_opens_none() -> None:
    assert followed(HEALTHY, SILENT, HEALTHY, HEALTHY, SILENT, HEALTHY) == (None, [])


def test_a_server_that_was_never_up_has_one_as_soon_as_that_is_settled() -> None:
    assert event_fields(SILENT, SILENT) == [("opened", 1, "silent", "down")]


def test_it_opens_when_the_server_is_settled_down_and_closes_when_it_is_up() -> None:
    assert event_fields(HEALTHY, SILENT, SILENT, SILENT, HEALTHY, HEALTHY, HEALTHY) == [
        ("opened", 2, "silent", "down"),
        ("closed", 5, "silent", "down"),
    ]


def test_it_names_its_server_and_its_vantage() -> None:
    incident, _ = followed(SILENT, SILENT)
    assert incident is not None
    assert (incident.id, incident.server, incident.vantage) == ("1", "fra1", "here")
    assert (incident.opened_at, incident.closed_at, incident.summary) == (1, None, SILENT.meaning)


def test_degraded_is_one_too_and_down_makes_it_worse() -> None:
    assert event_fields(HEALTHY, SLOW, SLOW, SILENT, SILENT) == [
        ("opened", 2, "slow", "degraded"),
        ("cause changed", 4, "silent", "down"),
    ]


def test_it_keeps_its_worst_severity_with_the_verdict_of_that_time() -> None:
    assert event_fields(SILENT, SILENT, SLOW, SLOW, HEALTHY, HEALTHY) == [
        ("opened", 1, "silent", "down"),
        ("cause changed", 3, "silent", "down"),
        ("closed", 5, "silent", "down"),
    ]


def test_another_cause_must_be_found_twice() -> None:
    assert event_fields(SILENT, SILENT, CLOSED, SILENT, CLOSED, SILENT) == [("opened", 1, "silent", "down")]
    assert event_fields(SILENT, SILENT, CLOSED, CLOSED)[1:] == [("cause changed", 3, "silent", "down")]


def test_the_headline_is_the_first_of_the_worst_verdicts_and_the_sequence_is_beside_it() -> None:
    unproven = Verdict.UNPROVEN
    _, events = followed(
        HEALTHY, CLOSED, CLOSED, CLOSED, SILENT, SILENT, unproven, unproven, HEALTHY, HEALTHY
    )
    closed = events[-1].incident
    assert (closed.verdict, closed.severity, closed.summary) == (CLOSED, DOWN, CLOSED.meaning)
    assert closed.sequence == "port-closed, then silent, then unproven, then healthy"
    assert [each.at for each in closed.verdicts] == [2, 5, 7, 9]
    assert [event.incident.latest.summary for event in events[1:3]] == [SILENT.meaning, unproven.meaning]
    assert not any(event.note for event in events), "the sequence says it already"


def test_a_headline_that_gets_worse_under_the_same_verdict_keeps_the_sentence_of_its_time() -> None:
    opened = Incident("1", "fra1", "here", 5, SILENT, DEGRADED, "It worked until 4.")
    settled = Damping(DOWN, flapping=True)
    later = Diagnosis(SILENT, "It worked until 6.")
    incident, _ = update_incident(opened, settled, CHECK, later, 7, confirmed=True)
    assert incident is not None
    assert (incident.severity, incident.summary) == (DOWN, "It worked until 4.")


def test_a_long_sequence_keeps_its_ends_and_counts_the_rest() -> None:
    incident, _ = followed(*([SILENT] * 2 + [CLOSED] * 2) * 40)
    assert incident is not None
    assert (len(incident.verdicts), incident.omitted_verdicts) == (32, 48)
    assert incident.verdicts[0].at < 2 < incident.verdicts[1].at < 4
    assert incident.verdicts[-1].verdict is CLOSED


def test_a_better_check_that_changes_nothing_yet_is_no_other_cause() -> None:
    assert event_fields(SILENT, SILENT, HEALTHY, SILENT, SLOW) == [("opened", 1, "silent", "down")]


def test_flapping_is_one_event_and_holds_it_open() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    incident, events = followed(HEALTHY, *outage, *outage, HEALTHY, HEALTHY, HEALTHY)
    assert incident is not None
    assert [(event.kind, event.incident.id, event.incident.flapping) for event in events] == [
        (EventKind.OPENED, "1", False),
        (EventKind.CLOSED, "1", False),
        (EventKind.OPENED, "2", False),
        (EventKind.CAUSE_CHANGED, "2", True),
    ]
    assert events[-1].incident.verdict is SILENT


def test_the_end_of_flapping_is_the_end_of_its_incident() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    incident, events = followed(HEALTHY, *outage, *outage, HEALTHY, by=DampingRules(calm=3.0))
    assert incident is None
    assert (events[-1].kind, events[-1].incident.flapping) == (EventKind.CLOSED, True)


def test_an_incident_that_another_process_opened_goes_on() -> None:
    known = Incident("abc", "fra1", "here", -1000.0, SILENT, DOWN, "")
    down = Damping(DOWN, (DOWN, DOWN), failed_at=0.0)
    healthy = Diagnosis(HEALTHY, "")
    assert update_incident(known, down, CHECK, healthy, 1.0, confirmed=False) == (known, None)
    gone, event = update_incident(known, Damping(UP), CHECK, healthy, 2.0, confirmed=False)
    assert gone is None
    assert event is not None
    assert (event.incident.id, event.incident.closed_at) == ("abc", 2.0)


def test_no_incident_ends_before_it_began() -> None:
    incident = Incident("abc", "fra1", "here", 1000.0, SILENT, DOWN, "")
    assert close_incident(incident, 10.0).incident.closed_at == 1000.0


def test_who_acknowledged_first_stays_so_and_a_second_one_may_add_a_note() -> None:
    incident = Incident("abc", "fra1", "here", 0.0, SILENT, DOWN, "")
    first = acknowledge_incident(incident, 5.0, "alice")
    second = acknowledge_incident(first.incident, 9.0, "bob", "on my way")
    assert (second.who, second.note) == ("bob", "on my way")
    assert second.incident == first.incident
    assert (first.incident.acknowledged_by, first.incident.acknowledged_at) == ("alice", 5.0)


def test_no_two_have_one_id() -> None:
    assert len({random_id() for _ in range(1000)}) == 1000


@given(st.lists(st.sampled_from([HEALTHY, SLOW, SILENT, CLOSED, Verdict.DATA_DEAD]), max_size=60))
def test_incidents_come_one_after_the_other_and_only_get_worse(verdicts: list[Verdict]) -> None:
    incident, events = followed(*verdicts)
    current: Incident | None = None
    for event in events:
        if event.kind is EventKind.OPENED:
            assert current is None
        else:
            assert current is not None
            assert current.id == event.incident.id
            assert current.severity is event.incident.severity or current.severity is DEGRADED
        current = None if event.kind is EventKind.CLOSED else event.incident
    assert current == incident


@pytest.mark.parametrize("settled", [None, UP])
def test_a_server_that_is_not_settled_broken_opens_none(settled: Severity | None) -> None:
    silent = Diagnosis(SILENT, "")
    assert update_incident(None, Damping(settled), CHECK, silent, 0.0, confirmed=True) == (None, None)
