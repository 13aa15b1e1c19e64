"""What several vantages agree on, and what comes of it for the board and its incidents."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitor.seen import EVERYWHERE, START, VANTAGES, Lookout, seen, watched
from wgmon_tui.diagnosis.vantages import View
from wgmon_tui.diagnosis.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.fleet.vantage_settings import HOME, Vantage
from wgmon_tui.monitor.board import Board
from wgmon_tui.monitor.damping import Damping, Rules, step
from wgmon_tui.monitor.incidents import BROKEN, What
from wgmon_tui.monitor.sights import (
    LOST_HOLDS_S,
    RTTS_KEPT,
    Agreement,
    agree,
    sight_after,
    view_of,
    word_holds,
)

HEALTHY, SLOW, SILENT, BLIND = Verdict.HEALTHY, Verdict.SLOW, Verdict.SILENT, Verdict.LOCAL_FAULT
UP, DEGRADED, DOWN, UNKNOWN = Severity.UP, Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN

_SEVERITIES = st.sampled_from([UP, DEGRADED, DOWN])
_OF = {UP: HEALTHY, DEGRADED: SLOW, DOWN: SILENT}


def view(vantage: str, settled: Severity, verdict: Verdict | None = None) -> View:
    meant = verdict or _OF[settled]
    return View(vantage, settled, Diagnosis(meant, meant.meaning))


def agreed(quorum: int, *views: View) -> Agreement:
    agreement = agree(views, quorum, watched())
    assert agreement is not None
    return agreement


# What they agree on


def test_where_nobody_sees_nothing_is_agreed_on() -> None:
    assert agree((), 1, watched()) is None


@pytest.mark.parametrize("quorum", [1, 2, 3])
def test_the_only_one_who_sees_has_the_word(quorum: int) -> None:
    alone = view("fra", DOWN)
    agreement = agreed(quorum, alone)
    assert (agreement.severity, agreement.source) == (DOWN, "fra")
    assert agreement.diagnosis is alone.diagnosis


def test_so_many_as_the_quorum_asks_for_take_it_down() -> None:
    views = view(HOME, UP), view("fra", DOWN), view("nyc", DOWN)
    assert [agreed(quorum, *views).severity for quorum in (1, 2, 3)] == [DOWN, DOWN, UP]


def test_a_quorum_of_more_than_can_see_is_all_who_can() -> None:
    assert agreed(5, view(HOME, DOWN), view("fra", DOWN)).severity is DOWN


def test_down_here_and_up_there_is_regional() -> None:
    agreement = agreed(1, view(HOME, UP), view("nyc", DOWN))
    assert agreement.diagnosis.verdict is Verdict.REGIONAL
    assert agreement.diagnosis.evidence[0] == "down from nyc; up from local"
    assert agreement.vantages == ("nyc",)


def test_down_from_everywhere_has_the_diagnosis_of_home_and_says_so() -> None:
    agreement = agreed(2, view(HOME, DOWN), view("fra", DOWN, Verdict.UNREACHABLE))
    assert agreement.diagnosis.verdict is SILENT
    assert agreement.diagnosis.evidence == ("down from all 2: local, fra",)


def test_down_from_too_few_is_shown_and_not_believed() -> None:
    agreement = agreed(2, view(HOME, UP), view("fra", UP), view("nyc", DOWN))
    assert (agreement.severity, agreement.diagnosis.verdict) == (UP, HEALTHY)
    assert agreement.diagnosis.summary.startswith("Down from nyc (silent) alone; 2 must agree. ")
    assert agreement.diagnosis.causes


def test_where_all_is_well_nothing_is_added_to_what_home_says() -> None:
    home = view(HOME, UP)
    assert agreed(2, home, view("fra", UP)).diagnosis is home.diagnosis


def test_one_that_is_up_again_does_not_speak_for_those_that_are_down() -> None:
    agreement = agreed(2, view(HOME, DOWN, HEALTHY), view("fra", DOWN))
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


# One sight


def test_a_sight_settles_by_the_rules_of_its_server_alone() -> None:
    server, sight = watched(fail_after=2), None
    for number, verdict in enumerate((HEALTHY, HEALTHY, SILENT, SILENT)):
        sight = sight_after(sight, "fra", seen(verdict, START + number), server, START, counted=True)
    assert sight is not None
    assert (sight.severity, sight.up_at) == (DOWN, START + 1)


def test_a_sight_keeps_the_last_packets_that_came_and_so_many_round_trip_times() -> None:
    first = seen(HEALTHY)
    sight = sight_after(None, "fra", first, watched(), START, counted=True)
    for number in range(30):
        routine = seen(HEALTHY, START + number, packets=False)
        sight = sight_after(sight, "fra", routine, watched(), START, counted=True)
    assert sight.exchange is first
    assert sight.last is routine
    assert sight.rtts == (0.02,) * RTTS_KEPT


def test_what_was_seen_long_ago_is_nobodys_word_now() -> None:
    long_ago = sight_after(None, "fra", seen(SILENT, START), watched(), START + 3600, counted=True)
    assert (long_ago.current, long_ago.severity, view_of(long_ago)) == (False, UNKNOWN, None)
    assert long_ago.damping.severity is DOWN


def test_one_who_cannot_see_has_no_view() -> None:
    sight = sight_after(None, "fra", seen(HEALTHY), watched(), START, counted=True)
    assert view_of(sight) is not None
    blind = sight_after(sight, "fra", seen(BLIND), watched(), START, counted=True)
    assert (view_of(blind), blind.severity) == (None, UNKNOWN)


# On the board


def test_without_other_vantages_nothing_is_agreed_on() -> None:
    lookout = Lookout()
    lookout.sees(HOME, SILENT)
    assert lookout.row.agreed is None
    assert lookout.row.diagnosis is lookout.row.last.diagnosis if lookout.row.last else False


def test_an_incident_opens_when_enough_agree_and_names_them() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(HEALTHY)
    lookout.sees("nyc", SILENT)
    assert (lookout.row.severity, lookout.row.word, lookout.row.incident) == (UP, "healthy", None)
    lookout.sees("fra", SILENT)
    assert (lookout.row.severity, lookout.row.word) == (DOWN, "regional")
    assert lookout.row.incident
    assert lookout.row.incident.vantage == "fra,nyc"
    assert lookout.row.incident.verdict is Verdict.REGIONAL


def test_a_regional_outage_that_becomes_one_of_everywhere_has_another_cause() -> None:
    lookout = Lookout()
    lookout.all_see(HEALTHY)
    for vantage in ("fra", "nyc", HOME, HOME):
        lookout.sees(vantage, SILENT)
    incident = lookout.row.incident
    assert incident
    assert (incident.verdict, incident.vantage) == (SILENT, "local,fra,nyc")
    assert [event.what for event in lookout.events] == [What.OPENED, What.CAUSE_CHANGED]


def test_it_ends_when_too_few_are_left() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(SILENT)
    lookout.sees("fra", HEALTHY)
    assert lookout.row.incident
    lookout.sees("nyc", HEALTHY)
    assert lookout.row.severity is UP
    assert [event.what for event in lookout.events][-1] is What.CLOSED


def test_home_that_cannot_see_leaves_the_word_to_the_others() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(HEALTHY)
    lookout.sees(HOME, BLIND)
    assert (lookout.row.severity, lookout.row.word) == (UP, "healthy")


def test_reports_of_others_leave_what_home_knows_alone() -> None:
    lookout = Lookout()
    lookout.sees(HOME, HEALTHY)
    before = lookout.row.last, lookout.row.damping, len(lookout.row.samples), lookout.row.last_good
    lookout.sees("fra", SILENT)
    assert (lookout.row.last, lookout.row.damping, len(lookout.row.samples), lookout.row.last_good) == before


def test_a_word_that_is_out_of_date_no_longer_counts() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(HEALTHY)
    lookout.sees("nyc", SILENT)
    lookout.sees("fra", SILENT)
    assert lookout.row.severity is DOWN
    later = lookout.now + word_holds(lookout.server) + 1
    [change] = lookout.board.outdated(later)
    assert (change.vantages, change.changed) == (("fra", "nyc"), True)
    assert [event.what for event in change.events] == [What.CLOSED]
    assert (lookout.row.severity, lookout.board.outdated(later)) == (UP, [])


def test_a_line_that_is_back_at_once_changes_nothing() -> None:
    lookout = Lookout(quorum=2, server=replace(watched(), interval=3600.0))
    lookout.all_see(HEALTHY)
    lookout.sees("fra", SILENT)
    lookout.sees("nyc", SILENT)
    lookout.board.lost("fra", lookout.now)
    assert lookout.board.outdated(lookout.now + 1) == []
    assert lookout.row.severity is DOWN
    [change] = lookout.board.outdated(lookout.now + LOST_HOLDS_S)
    assert (change.vantages, lookout.row.severity) == (("fra",), UP)


def test_a_vantage_that_watches_a_server_no_longer_leaves_no_sight_of_it() -> None:
    lookout = Lookout()
    lookout.all_see(HEALTHY)
    lookout.sees("nyc", SILENT)
    only_eu = Vantage("nyc", ("ssh",), tags=("eu",))
    [change] = lookout.board.see_from((VANTAGES[0], only_eu), 1, lookout.now)
    assert change.vantages == ("nyc",)
    assert (set(lookout.row.sights), lookout.row.severity) == ({"fra"}, UP)


def test_another_quorum_counts_at_once() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(HEALTHY)
    lookout.sees("nyc", SILENT)
    [change] = lookout.board.see_from(VANTAGES, 1, lookout.now)
    assert ([event.what for event in change.events], lookout.row.severity) == ([What.OPENED], DOWN)


def test_a_pause_holds_for_every_vantage() -> None:
    lookout = Lookout()
    lookout.all_see(HEALTHY)
    lookout.board.pause("fra1", True, lookout.now)
    lookout.sees("fra", SILENT)
    assert (lookout.row.severity, lookout.row.incident) == (Severity.PAUSED, None)
    lookout.board.pause("fra1", False, lookout.now)
    assert lookout.row.severity is UNKNOWN


def test_an_uplink_that_was_to_blame_leaves_the_others_word() -> None:
    lookout = Lookout(quorum=1)
    lookout.all_see(HEALTHY)
    lookout.sees(HOME, SILENT)
    assert lookout.row.incident
    events = lookout.board.reconsider("fra1", seen(BLIND, lookout.now, HOME), lookout.now)
    assert [event.what for event in events] == [What.CLOSED]
    assert (lookout.row.severity, lookout.row.word) == (UP, "healthy")


def test_a_server_that_nobody_has_seen_from_here_is_as_the_others_say() -> None:
    lookout = Lookout()
    lookout.sees("fra", SILENT)
    assert (lookout.row.severity, lookout.row.word, lookout.row.last) == (DOWN, "silent", None)
    assert lookout.row.incident


def test_restored_sights_have_the_time_to_say_it_again() -> None:
    lookout = Lookout(quorum=2)
    lookout.all_see(HEALTHY)
    lookout.sees("fra", SILENT)
    lookout.sees("nyc", SILENT)
    board = Board([lookout.server])
    board.see_from(VANTAGES, 2, lookout.now)
    long_after = lookout.now + 1000.0
    board.restore_sights("fra1", lookout.row.sights.values(), long_after)
    board.record("fra1", seen(HEALTHY, long_after, HOME), long_after)
    assert (board.rows["fra1"].severity, board.rows["fra1"].word) == (DOWN, "regional")


# Any course of events

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
        was_open = lookout.row.incident is not None
        lookout.sees(vantage, verdict)
        last[vantage] = verdict
        if verdict is not BLIND:
            damping[vantage] = step(damping[vantage], verdict.severity, Rules.of(server), lookout.now)
        sees = [each for each in last if last[each] is not BLIND and damping[each].severity]
        down = [each for each in sees if damping[each].severity is DOWN]
        is_open = lookout.row.incident is not None
        if not sees:
            assert is_open is was_open
        elif len(down) < min(quorum, len(sees)):
            assert not is_open
        elif len(down) < len(sees) or any(last[each] is SILENT for each in down):
            assert is_open
        else:
            assert is_open is was_open  # all of them have just been answered: there is nothing to say of it


@given(_ROUNDS, st.integers(1, 3))
def test_every_incident_that_is_told_of_is_ended_before_the_next(
    rounds: list[tuple[str, Verdict]], quorum: int
) -> None:
    lookout = Lookout(quorum)
    for vantage, verdict in rounds:
        lookout.sees(vantage, verdict)
    open_now = None
    for event in lookout.events:
        if event.what is What.OPENED:
            assert open_now is None
            assert event.incident.severity in BROKEN
            open_now = event.incident.id
        else:
            assert event.incident.id == open_now
        if event.what is What.CLOSED:
            open_now = None
    assert open_now == (lookout.row.incident.id if lookout.row.incident else None)
