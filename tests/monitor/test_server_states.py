"""Fleet state: what the outcome of a check changes in the state of its server, and pauses."""

from __future__ import annotations

import pytest

from tests.monitor.fleet_harness import HEALTHY, LOCAL, SILENT, outcome, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import FleetState

# Severity and since


def test_since_moves_only_when_the_severity_changes() -> None:
    fleet_state = FleetState([server()])
    server_state = fleet_state.states["fra1"]
    seen = []
    rounds = (HEALTHY, HEALTHY, SILENT, outcome(Verdict.PORT_CLOSED), outcome(Verdict.SLOW), HEALTHY)
    for number, each in enumerate(rounds):
        fleet_state.record("fra1", each, now=100.0 + number)
        seen.append((server_state.severity, server_state.since))
    assert seen == [
        (Severity.UP, 100.0),
        (Severity.UP, 100.0),
        (Severity.DOWN, 102.0),
        (Severity.DOWN, 102.0),
        (Severity.DEGRADED, 104.0),
        (Severity.UP, 105.0),
    ]


def test_a_first_check_that_stays_unknown_has_a_since_too() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", LOCAL, now=100.0)
    assert (fleet_state.states["fra1"].severity, fleet_state.states["fra1"].since) == (
        Severity.UNKNOWN,
        100.0,
    )


def test_a_lost_check_is_counted_and_one_of_unknown_outcome_is_not() -> None:
    fleet_state = FleetState([server()])
    for each in (HEALTHY, SILENT, LOCAL, outcome(Verdict.MISCONFIGURED)):
        fleet_state.record("fra1", each, now=100.0)
    assert fleet_state.states["fra1"].samples.recent(10) == pytest.approx([0.02, None], rel=0.0005)
    assert fleet_state.states["fra1"].samples.loss() == 0.5


def test_rtt_is_that_of_the_last_check() -> None:
    fleet_state = FleetState([server()])
    fleet_state.record("fra1", outcome(Verdict.SLOW, rtt=0.75), now=100.0)
    assert fleet_state.states["fra1"].rtt == 0.75
    fleet_state.record("fra1", SILENT, now=110.0)
    assert fleet_state.states["fra1"].rtt is None


def test_the_last_good_check_outlives_the_bad_ones() -> None:
    fleet_state = FleetState([server()])
    for each in (HEALTHY, SILENT, LOCAL):
        fleet_state.record("fra1", each, now=100.0)
    assert fleet_state.states["fra1"].last_good is HEALTHY.check


def test_a_good_check_of_the_second_address_is_the_last_good_one() -> None:
    fleet_state = FleetState([server()])
    mixed = outcome(Verdict.SILENT, Verdict.HEALTHY)
    fleet_state.record("fra1", mixed, now=100.0)
    assert fleet_state.states["fra1"].severity is Severity.DOWN
    assert fleet_state.states["fra1"].last_good is mixed.checks[1]


# Pause


def test_a_paused_server_keeps_its_last_check_and_is_unknown_when_resumed() -> None:
    fleet_state = FleetState([server()])
    server_state = fleet_state.states["fra1"]
    fleet_state.record("fra1", SILENT, now=100.0)
    fleet_state.pause("fra1", paused=True, now=110.0)
    assert (server_state.severity, server_state.status_word, server_state.since) == (
        Severity.PAUSED,
        "paused",
        110.0,
    )
    fleet_state.pause("fra1", paused=False, now=120.0)
    assert (server_state.severity, server_state.status_word, server_state.since) == (
        Severity.UNKNOWN,
        "silent",
        120.0,
    )


def test_a_check_that_ends_after_the_pause_began_does_not_end_it() -> None:
    fleet_state = FleetState([server()])
    fleet_state.pause("fra1", paused=True, now=100.0)
    fleet_state.record("fra1", SILENT, now=101.0)
    assert fleet_state.states["fra1"].severity is Severity.PAUSED


def test_resumed_before_any_check_a_server_waits() -> None:
    fleet_state = FleetState([server(paused=True)])
    fleet_state.pause("fra1", paused=False, now=100.0)
    assert (fleet_state.states["fra1"].severity, fleet_state.states["fra1"].status_word) == (
        Severity.UNKNOWN,
        "waiting",
    )
