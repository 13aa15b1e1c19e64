"""Correlated failures, and how rarely they are computed."""

from __future__ import annotations

from tests.tui.sample_fleet import QuietEngine, record, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.tui.correlated_failures import CorrelatedFailures, describe_group


class Clock:
    """A clock that advances on request, and by `cost` at every reading."""

    def __init__(self) -> None:
        self.now = 0.0
        self.cost = 0.0

    def __call__(self) -> float:
        self.now += self.cost
        return self.now


def edges_down() -> FleetState:
    edges = ("fra1", "fra2", "fra3")
    fleet_state = QuietEngine([*(server(name, tags=["edge"]) for name in edges), server("ams1")]).fleet_state
    for name in edges:
        record(fleet_state, name, Verdict.SILENT, None)
    record(fleet_state, "ams1", Verdict.HEALTHY, 0.01)
    return fleet_state


def test_servers_with_one_tag_that_are_all_down_are_a_group() -> None:
    together = CorrelatedFailures(edges_down(), Clock())
    assert together.of("fra1") == (FailureGroup('the tag "edge"', ("fra1", "fra2", "fra3")),)
    assert together.of("ams1") == ()
    assert together.largest == together.groups()[0]


def test_one_of_them_that_comes_back_ends_the_group_a_second_later() -> None:
    fleet_state, clock = edges_down(), Clock()
    together = CorrelatedFailures(fleet_state, clock)
    assert together.groups()
    record(fleet_state, "fra2", Verdict.HEALTHY, 0.01)
    clock.now = 0.9
    assert together.groups()
    clock.now = 1.0
    assert together.groups() == ()
    assert together.largest is None


def test_what_takes_long_is_done_more_seldom() -> None:
    fleet_state, clock = edges_down(), Clock()
    together = CorrelatedFailures(fleet_state, clock)
    clock.cost = 0.2
    assert together.groups()
    clock.cost = 0.0
    record(fleet_state, "fra2", Verdict.HEALTHY, 0.01)
    clock.now = 10.0
    assert together.groups()
    clock.now = 11.0
    assert together.groups() == ()


def test_a_lost_check_of_a_server_that_is_not_down_makes_no_group() -> None:
    fleet_state = edges_down()
    fleet_state.states["fra3"].severity = Severity.UP  # the failure is not settled
    assert CorrelatedFailures(fleet_state, Clock()).groups() == ()


def test_a_paused_server_keeps_nobody_company() -> None:
    fleet_state = edges_down()
    fleet_state.pause("fra2", True, 0.0)
    assert CorrelatedFailures(fleet_state, Clock()).groups() == ()


def test_a_member_sees_the_others_and_of_many_the_first() -> None:
    small = FailureGroup('the tag "edge"', ("a", "b", "c"))
    assert describe_group(small, "b") == 'a and c: all with the tag "edge" are down'
    large = FailureGroup("the address 192.0.2.1", tuple("abcdefghi"))
    assert describe_group(large, "a").startswith("b, c, d, e, f, g and 2 more: all with")
