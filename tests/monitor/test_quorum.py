"""Tests of the quorum of several vantages, and its effect on the fleet state and its incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitor.sample_vantages import EVERYWHERE, START, VANTAGES, Lookout, seen, watched
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE, Vantage
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.incidents import BROKEN, EventKind
from wgmon_tui.monitor.quorum import (
    DISCONNECTED_GRACE_S,
    RTTS_KEPT,
    QuorumResult,
    decide_quorum,
    next_vantage_state,
    validity_s,
    view_of,
)
from wgmon_tui.monitor.regional import VantageView

HEALTHY, SLOW, SILENT, BLIND = Verdict.HEALTHY, Verdict.SLOW, Verdict.SILENT, Verdict.LOCAL_FAULT
UP, DEGRADED, DOWN, UNKNOWN = Severity.UP, Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN

_SEVERITIES = st.sampled_from([UP, DEGRADED, DOWN])
_OF = {UP: HEALTHY, DEGRADED: SLOW, DOWN: SILENT}


def view(vantage: str, settled: Severity, verdict: Verdict | None = None) -> VantageView:
    meant = verdict or _OF[settled]
    return VantageView(vantage, settled, Diagnosis(meant, meant.meaning))


def agreed(quorum: int, *views: VantageView) -> QuorumResult:
    agreement = decide_quorum(views, quorum, watched())
    assert agreement is not None
    return agreement


# Agreement


def test_without_views_there_is_no_quorum() -> None:
    assert decide_quorum((), 1, watched()) is None


@pytest.mark.parametrize("quorum", [1, 2, 3])
def test_a_single_view_decides(quorum: int) -> None:
    alone = view("fra", DOWN)
    agreement = agreed(quorum, alone)
    assert (agreement.severity, agreement.source) == (DOWN, "fra")
    assert agreement.diagnosis is alone.diagnosis


def test_so_many_as_the_quorum_asks_for_take_it_down() -> None:
    views = view(LOCAL_VANTAGE, UP), view("fra", DOWN), view("nyc", DOWN)
    assert [agreed(quorum, *views).severity for quorum in (1, 2, 3)] == [DOWN, DOWN, UP]


def test_a_quorum_of_more_than_can_see_is_all_who_can() -> None:
    assert agreed(5, view(LOCAL_VANTAGE, DOWN), view("fra", DOWN)).severity is DOWN


def test_down_here_and_up_there_is_regional() -> None:
    agreement = agreed(1, view(LOCAL_VANTAGE, UP), view("nyc", DOWN))
    assert agreement.diagnosis.verdict is Verdict.REGIONAL
    assert agreement.diagnosis.evidence[0] == "down from nyc; up from local"
    assert agreement.vantages == ("nyc",)


def test_down_from_everywhere_has_the_local_diagnosis_and_lists_the_views() -> None:
    agreement = agreed(2, view(LOCAL_VANTAGE, DOWN), view("fra", DOWN, Verdict.UNREACHABLE))
    assert agreement.diagnosis.verdict is SILENT
    assert agreement.diagnosis.evidence == ("down from all 2: local, fra",)


def test_down_from_too_few_is_shown_and_does_not_count() -> None:
    agreement = agreed(2, view(LOCAL_VANTAGE, UP), view("fra", UP), view("nyc", DOWN))
    assert (agreement.severity, agreement.diagnosis.verdict) == (UP, HEALTHY)
    assert agreement.diagnosis.summary.startswith("Down from nyc (silent) alone; 2 must agree. ")
    assert agreement.diagnosis.causes


def test_if_all_are_up_the_local_diagnosis_is_unchanged() -> None:
    home = view(LOCAL_VANTAGE, UP)
    assert agreed(2, home, view("fra", UP)).diagnosis is home.diagnosis


def test_a_vantage_that_is_up_again_does_not_decide_for_those_that_are_down() -> None:
    agreement = agreed(2, view(LOCAL_VANTAGE, DOWN, HEALTHY), view("fra", DOWN))
    assert (agreement.diagnosis.verdict, agreement.source) == (SILENT, "fra")


@given(st.lists(_SEVERITIES, min_size=1, max_size=6), st.integers(1, 7))
def test_a_level_is_agreed_on_when_enough_are_at_least_that_bad(settled: list[Severity], quorum: int) -> None:
    agreement = agreed(quorum, *(view(str(number), each) for number, each in enumerate(settled)))
    needed = min(quorum, len(settled))
    down, broken = settled.count(DOWN), settled.count(DOWN) + settled.count(DEGRADED)
    expected = DOWN if down >= needed else DEGRADED if broken >= needed else UP
    assert agreement.severity is expected
    assert agreement.diagnosis.verdict.severity is expected
    assert (agreement.diagnosis.verdict is Verdict.REGIONAL) is (expected is DOWN and down < len(settled))


@given(st.lists(_SEVERITIES, min_size=1, max_size=6), st.integers(1, 6))
def test_a_larger_quorum_never_makes_it_worse(settled: list[Severity], quorum: int) -> None:
    views = [view(str(number), each) for number, each in enumerate(settled)]
    assert agreed(quorum + 1, *views).severity.rank >= agreed(quorum, *views).severity.rank


# One vantage state


def test_a_vantage_state_settles_by_the_rules_of_its_server_alone() -> None:
    server, vantage_state = watched(fail_after=2), None
    for number, verdict in enumerate((HEALTHY, HEALTHY, SILENT, SILENT)):
        vantage_state = next_vantage_state(
            vantage_state, "fra", seen(verdict, START + number), server, START, counted=True
        )
    assert vantage_state is not None
    assert (vantage_state.severity, vantage_state.last_up_at) == (DOWN, START + 1)


def test_a_vantage_state_keeps_the_last_packets_and_a_limited_number_of_round_trip_times() -> None:
    first = seen(HEALTHY)
    vantage_state = next_vantage_state(None, "fra", first, watched(), START, counted=True)
    for number in range(30):
        routine = seen(HEALTHY, START + number, packets=False)
        vantage_state = next_vantage_state(vantage_state, "fra", routine, watched(), START, counted=True)
    assert vantage_state.exchange is first
    assert vantage_state.last is routine
    assert vantage_state.rtts == (0.02,) * RTTS_KEPT


def test_an_old_round_settles_but_gives_no_view() -> None:
    long_ago = next_vantage_state(None, "fra", seen(SILENT, START), watched(), START + 3600, counted=True)
    assert (long_ago.current, long_ago.severity, view_of(long_ago)) == (False, UNKNOWN, None)
    assert long_ago.damping.severity is DOWN


def test_one_who_cannot_see_has_no_view() -> None:
    vantage_state = next_vantage_state(None, "fra", seen(HEALTHY), watched(), START, counted=True)
    assert view_of(vantage_state) is not None
    blind = next_vantage_state(vantage_state, "fra", seen(BLIND), watched(), START, counted=True)
    assert (view_of(blind), blind.severity) == (None, UNKNOWN)


# In the fleet state


def test_without_other_vantages_nothing_is_agreed_on() -> None:
    lookout = Lookout()
    lookout.record(LOCAL_VANTAGE, SILENT)
    assert lookout.server_state.quorum_result is None
    assert (
        lookout.server_state.diagnosis is lookout.server_state.last.diagnosis
        if lookout.server_state.last
        else False
    )


def test_an_incident_opens_when_enough_agree_and_names_them() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(HEALTHY)
    lookout.record("nyc", SILENT)
    assert (
        lookout.server_state.severity,
        lookout.server_state.status_word,
        lookout.server_state.incident,
    ) == (UP, "healthy", None)
    lookout.record("fra", SILENT)
    assert (lookout.server_state.severity, lookout.server_state.status_word) == (DOWN, "regional")
    assert lookout.server_state.incident
    assert lookout.server_state.incident.vantage == "fra,nyc"
    assert lookout.server_state.incident.verdict is Verdict.REGIONAL


def test_a_regional_outage_that_becomes_one_of_everywhere_has_another_cause() -> None:
    lookout = Lookout()
    lookout.record_from_all(HEALTHY)
    for vantage in ("fra", "nyc", LOCAL_VANTAGE, LOCAL_VANTAGE):
        lookout.record(vantage, SILENT)
    incident = lookout.server_state.incident
    assert incident
    assert (incident.latest.verdict, incident.vantage) == (SILENT, "local,fra,nyc")
    assert incident.verdict is Verdict.REGIONAL
    assert [event.kind for event in lookout.events] == [EventKind.OPENED, EventKind.CAUSE_CHANGED]


def test_it_ends_when_too_few_are_left() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(SILENT)
    lookout.record("fra", HEALTHY)
    assert lookout.server_state.incident
    lookout.record("nyc", HEALTHY)
    assert lookout.server_state.severity is UP
    assert [event.kind for event in lookout.events][-1] is EventKind.CLOSED


def test_without_a_local_view_the_others_decide() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(HEALTHY)
    lookout.record(LOCAL_VANTAGE, BLIND)
    assert (lookout.server_state.severity, lookout.server_state.status_word) == (UP, "healthy")


def test_reports_of_others_leave_the_local_results_alone() -> None:
    lookout = Lookout()
    lookout.record(LOCAL_VANTAGE, HEALTHY)
    before = (
        lookout.server_state.last,
        lookout.server_state.damping,
        len(lookout.server_state.samples),
        lookout.server_state.last_good,
    )
    lookout.record("fra", SILENT)
    assert (
        lookout.server_state.last,
        lookout.server_state.damping,
        len(lookout.server_state.samples),
        lookout.server_state.last_good,
    ) == before


def test_an_expired_report_no_longer_counts() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(HEALTHY)
    lookout.record("nyc", SILENT)
    lookout.record("fra", SILENT)
    assert lookout.server_state.severity is DOWN
    later = lookout.now + validity_s(lookout.server) + 1
    [change] = lookout.fleet_state.expire_outdated(later)
    assert (change.vantages, change.changed) == (("fra", "nyc"), True)
    assert [event.kind for event in change.events] == [EventKind.CLOSED]
    assert (lookout.server_state.severity, lookout.fleet_state.expire_outdated(later)) == (UP, [])


def test_a_line_that_is_back_at_once_changes_nothing() -> None:
    lookout = Lookout(quorum=2, server=replace(watched(), interval=3600.0))
    lookout.record_from_all(HEALTHY)
    lookout.record("fra", SILENT)
    lookout.record("nyc", SILENT)
    lookout.fleet_state.mark_disconnected("fra", lookout.now)
    assert lookout.fleet_state.expire_outdated(lookout.now + 1) == []
    assert lookout.server_state.severity is DOWN
    [change] = lookout.fleet_state.expire_outdated(lookout.now + DISCONNECTED_GRACE_S)
    assert (change.vantages, lookout.server_state.severity) == (("fra",), UP)


def test_a_vantage_that_no_longer_watches_a_server_leaves_no_state_of_it() -> None:
    lookout = Lookout()
    lookout.record_from_all(HEALTHY)
    lookout.record("nyc", SILENT)
    only_eu = Vantage("nyc", ("ssh",), tags=("eu",))
    [change] = lookout.fleet_state.set_vantages((VANTAGES[0], only_eu), 1, lookout.now)
    assert change.vantages == ("nyc",)
    assert (set(lookout.server_state.vantage_states), lookout.server_state.severity) == ({"fra"}, UP)


def test_another_quorum_counts_at_once() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(HEALTHY)
    lookout.record("nyc", SILENT)
    [change] = lookout.fleet_state.set_vantages(VANTAGES, 1, lookout.now)
    assert ([event.kind for event in change.events], lookout.server_state.severity) == (
        [EventKind.OPENED],
        DOWN,
    )


def test_a_pause_holds_for_every_vantage() -> None:
    lookout = Lookout()
    lookout.record_from_all(HEALTHY)
    lookout.fleet_state.pause("fra1", True, lookout.now)
    lookout.record("fra", SILENT)
    assert (lookout.server_state.severity, lookout.server_state.incident) == (Severity.PAUSED, None)
    lookout.fleet_state.pause("fra1", False, lookout.now)
    assert lookout.server_state.severity is UNKNOWN


def test_a_blamed_uplink_leaves_the_decision_to_the_others() -> None:
    lookout = Lookout(quorum=1)
    lookout.record_from_all(HEALTHY)
    lookout.record(LOCAL_VANTAGE, SILENT)
    assert lookout.server_state.incident
    events = lookout.fleet_state.rejudge_last_round(
        "fra1", seen(BLIND, lookout.now, LOCAL_VANTAGE), lookout.now
    )
    assert [event.kind for event in events] == [EventKind.CLOSED]
    assert (lookout.server_state.severity, lookout.server_state.status_word) == (UP, "healthy")


def test_a_server_without_local_checks_is_as_the_others_report() -> None:
    lookout = Lookout()
    lookout.record("fra", SILENT)
    assert (lookout.server_state.severity, lookout.server_state.status_word, lookout.server_state.last) == (
        DOWN,
        "silent",
        None,
    )
    assert lookout.server_state.incident


def test_restored_vantage_states_have_time_to_report_again() -> None:
    lookout = Lookout(quorum=2)
    lookout.record_from_all(HEALTHY)
    lookout.record("fra", SILENT)
    lookout.record("nyc", SILENT)
    fleet_state = FleetState([lookout.server])
    fleet_state.set_vantages(VANTAGES, 2, lookout.now)
    long_after = lookout.now + 1000.0
    fleet_state.restore_vantage_states("fra1", lookout.server_state.vantage_states.values(), long_after)
    fleet_state.record("fra1", seen(HEALTHY, long_after, LOCAL_VANTAGE), long_after)
    assert (fleet_state.states["fra1"].severity, fleet_state.states["fra1"].status_word) == (DOWN, "regional")


# Any sequence of events

_ROUNDS = st.lists(
    st.tuples(st.sampled_from(EVERYWHERE), st.sampled_from([HEALTHY, SILENT, SILENT, BLIND])), max_size=40
)


@given(_ROUNDS, st.integers(1, 3), st.integers(1, 2))
def test_an_incident_is_open_exactly_while_enough_of_those_who_see_have_settled_on_down(
    rounds: list[tuple[str, Verdict]], quorum: int, fail_after: int
) -> None:
    server = watched(fail_after=fail_after)
    lookout = Lookout(quorum, server)
    damping = dict.fromkeys(EVERYWHERE, Damping())
    last: dict[str, Verdict] = {}
    for vantage, verdict in rounds:
        was_open = lookout.server_state.incident is not None
        lookout.record(vantage, verdict)
        last[vantage] = verdict
        if verdict is not BLIND:
            damping[vantage] = next_damping(
                damping[vantage], verdict.severity, DampingRules.of(server), lookout.now
            )
        sees = [each for each in last if last[each] is not BLIND and damping[each].severity]
        down = [each for each in sees if damping[each].severity is DOWN]
        is_open = lookout.server_state.incident is not None
        if not sees:
            assert is_open is was_open
        elif len(down) < min(quorum, len(sees)):
            assert not is_open
        elif len(down) < len(sees) or any(last[each] is SILENT for each in down):
            assert is_open
        else:
            assert is_open is was_open  # all of them were answered just now: there is nothing to report


@given(_ROUNDS, st.integers(1, 3))
def test_every_incident_ends_before_the_next_opens(rounds: list[tuple[str, Verdict]], quorum: int) -> None:
    lookout = Lookout(quorum)
    for vantage, verdict in rounds:
        lookout.record(vantage, verdict)
    open_now = None
    for event in lookout.events:
        if event.kind is EventKind.OPENED:
            assert open_now is None
            assert event.incident.severity in BROKEN
            open_now = event.incident.id
        else:
            assert event.incident.id == open_now
        if event.kind is EventKind.CLOSED:
            open_now = None
    assert open_now == (lookout.server_state.incident.id if lookout.server_state.incident else None)
