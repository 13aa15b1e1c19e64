"""Fleet state: damped states, and the incidents that follow from them."""

from __future__ import annotations

from dataclasses import replace

from tests.monitor.fleet_harness import HEALTHY, LOCAL, SILENT, Watched, answered, damped, outcome
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import EventKind
from wgmon_tui.net.addresses import Endpoint


def test_the_state_is_damped_and_the_status_word_is_of_the_last_check() -> None:
    seen = []
    watched = Watched(damped())
    for each in (HEALTHY, SILENT, SILENT, HEALTHY, HEALTHY):
        server_state = watched.saw(each).server_state
        seen.append((server_state.severity, server_state.status_word, server_state.progress))
    assert seen == [
        (Severity.UP, "healthy", None),
        (Severity.UP, "silent", (1, 2)),
        (Severity.DOWN, "silent", None),
        (Severity.DOWN, "healthy", (1, 2)),
        (Severity.UP, "healthy", None),
    ]
    assert watched.happened == [EventKind.OPENED, EventKind.CLOSED]


def test_until_a_first_failure_is_settled_the_state_is_unknown() -> None:
    watched = Watched(damped()).saw(SILENT)
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.UNKNOWN, "silent")
    assert watched.saw(SILENT).server_state.severity is Severity.DOWN


def test_a_local_fault_is_shown_and_does_not_change_the_damped_state() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT, LOCAL)
    assert (watched.server_state.severity, watched.server_state.progress) == (Severity.UNKNOWN, None)
    incident = watched.server_state.incident
    assert watched.saw(SILENT).server_state.severity is Severity.DOWN
    assert watched.server_state.incident is incident is not None
    assert watched.happened == [EventKind.OPENED]


def test_what_is_not_counted_is_shown_and_changes_no_state() -> None:
    watched = Watched(damped()).saw(HEALTHY).saw(SILENT, SILENT, SILENT, counted=False)
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.UP, "silent")
    assert watched.server_state.samples.loss() == 0.75
    watched.fleet_state.count_doubted_round("fra1", watched.now)
    assert watched.server_state.progress == (1, 2)


def test_flapping_is_in_the_server_state() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    watched = Watched(damped()).saw(HEALTHY, *outage, *outage)
    assert watched.server_state.flapping
    assert (watched.server_state.severity, watched.server_state.status_word) == (Severity.DOWN, "healthy")
    watched.fleet_state.pause("fra1", True, watched.now)
    assert not watched.server_state.flapping


def test_a_blamed_uplink_forgives_the_failures_that_it_explains() -> None:
    watched = Watched(damped()).saw(answered(HEALTHY), SILENT, SILENT)
    assert watched.server_state.severity is Severity.DOWN
    [event] = watched.fleet_state.rejudge_last_round("fra1", LOCAL, watched.now)
    assert (event.kind, event.note) == (EventKind.CLOSED, LOCAL.diagnosis.summary)
    assert (watched.server_state.severity, watched.server_state.incident) == (Severity.UNKNOWN, None)
    assert watched.saw(HEALTHY).server_state.severity is Severity.UP


def test_a_blamed_uplink_forgives_no_answer_of_the_server_itself() -> None:
    closed = outcome(Verdict.PORT_CLOSED)
    from_the_server = IcmpError(0.02, 4, 3, 3, "192.0.2.7", from_target=True)
    refused = replace(closed, checks=(replace(closed.check, evidence=(from_the_server,)),))
    watched = Watched(damped()).saw(answered(HEALTHY), refused, refused, SILENT)
    assert watched.fleet_state.rejudge_last_round("fra1", LOCAL, watched.now) == ()
    assert watched.server_state.incident is not None
    assert watched.server_state.severity is Severity.UNKNOWN
    assert watched.saw(refused).server_state.severity is Severity.DOWN
    assert watched.happened == [EventKind.OPENED]


def test_a_pause_ends_the_incident_and_records_who_asked() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    [event] = watched.fleet_state.pause("fra1", True, watched.now, "alice")
    assert (event.kind, event.who, event.note) == (EventKind.CLOSED, "alice", "paused")
    assert event.incident.closed_at == watched.now
    assert watched.server_state.incident is None
    assert watched.fleet_state.pause("fra1", False, watched.now) == ()


def test_a_resumed_server_starts_with_a_fresh_state() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    for paused in (True, False):
        watched.fleet_state.pause("fra1", paused, watched.now)
    assert watched.saw(SILENT).server_state.incident is None
    assert watched.saw(HEALTHY).server_state.severity is Severity.UP


def test_a_server_that_was_edited_keeps_its_incident_until_the_edit_is_seen_to_mend_it() -> None:
    outage = (SILENT, SILENT, HEALTHY, HEALTHY)
    watched = Watched(damped()).saw(HEALTHY, *outage, *outage)
    incident = watched.server_state.incident
    watched.fleet_state.replace([damped(note="moved", endpoint=Endpoint("192.0.2.8", 51820))])
    assert (watched.server_state.severity, watched.server_state.incident) == (Severity.DOWN, incident)
    assert not watched.server_state.flapping  # the cause of the flapping may be fixed
    assert watched.saw(HEALTHY, HEALTHY).server_state.incident is None


def test_who_acknowledges_an_incident_is_in_it_until_it_ends() -> None:
    watched = Watched(damped()).saw(SILENT, SILENT)
    [event] = watched.fleet_state.acknowledge("fra1", 150.0, "alice", "on my way")
    assert (event.kind, event.who, event.note) == (EventKind.ACKNOWLEDGED, "alice", "on my way")
    assert event.incident == watched.server_state.incident
    assert watched.fleet_state.acknowledge("fra1", 160.0, "bob") == ()
    watched.saw(HEALTHY, HEALTHY)
    assert watched.events[-1].incident.acknowledged_by == "alice"
    assert watched.fleet_state.acknowledge("fra1", 170.0, "alice") == ()
