"""Tests of the rule by which a verdict agrees with what a client got."""

from __future__ import annotations

import pytest

from tests.real.fetching import COMPLETE, HEADER, Fetched
from tests.real.matrix.agreement import find_disagreement
from wgmon_tui.checks.evidence import AnsweredFromElsewhere, Evidence, InnerEcho, InnerService
from wgmon_tui.checks.verdict import Severity, Verdict

QUICK = Fetched(COMPLETE, 0.3)
SLOW = Fetched(COMPLETE, 4.0)
CRAWLING = Fetched(COMPLETE, 25.0)
CUT = Fetched(HEADER, 6.0)
NOTHING = Fetched(0, 6.0)
EVERY_RESULT = (QUICK, SLOW, CRAWLING, CUT, NOTHING)
DOWN = [verdict for verdict in Verdict if verdict.severity is Severity.DOWN]


def agreeing(verdict: Verdict, *evidence: Evidence) -> set[Fetched]:
    """The results of one client that agree with a verdict."""
    return {each for each in EVERY_RESULT if not find_disagreement(verdict, evidence, (each,))}


def test_healthy_needs_a_complete_fetch_in_acceptable_time() -> None:
    assert agreeing(Verdict.HEALTHY) == {QUICK, SLOW}


@pytest.mark.parametrize("verdict", DOWN, ids=lambda verdict: verdict.slug)
def test_down_needs_an_incomplete_fetch(verdict: Verdict) -> None:
    assert agreeing(verdict) == {CUT, NOTHING}


def test_the_fault_of_this_machine_hits_the_client_too() -> None:
    assert agreeing(Verdict.LOCAL_FAULT) == {CUT, NOTHING}


def test_slow_needs_a_complete_fetch_that_takes_long() -> None:
    assert agreeing(Verdict.SLOW) == {SLOW, CRAWLING}


@pytest.mark.parametrize("verdict", [Verdict.LOSSY, Verdict.MTU_BLACKHOLE])
def test_loss_and_a_small_mtu_leave_no_quick_fetch(verdict: Verdict) -> None:
    assert agreeing(verdict) == {SLOW, CRAWLING, CUT, NOTHING}


def test_a_server_under_load_serves_its_client_in_the_end() -> None:
    assert agreeing(Verdict.UNDER_LOAD) == {QUICK, SLOW, CRAWLING}


def test_unproven_agrees_with_everything() -> None:
    assert agreeing(Verdict.UNPROVEN) == set(EVERY_RESULT)


def test_a_target_without_echoes_may_serve_the_client() -> None:
    assert agreeing(Verdict.INNER_DEAD, InnerEcho("10.7.0.1", 3, 0, None)) == set(EVERY_RESULT)


@pytest.mark.parametrize(
    "service",
    [
        InnerService("tcp", "10.7.0.1:8443", "closed"),
        InnerService("tcp", "10.7.0.1:8443", None),
        InnerService("dns", "10.7.0.1", "answered", rcode=2),
    ],
)
def test_a_dead_service_serves_no_client(service: InnerService) -> None:
    assert agreeing(Verdict.INNER_DEAD, service) == {CUT, NOTHING}


def test_answers_from_elsewhere_reach_some_clients_and_others_not() -> None:
    elsewhere = AnsweredFromElsewhere("10.98.0.9", 51820)
    assert agreeing(Verdict.LOSSY, elsewhere) == set(EVERY_RESULT)
    assert agreeing(Verdict.HEALTHY, elsewhere) == {QUICK, SLOW}


def test_where_one_address_of_a_name_is_dead_clients_of_the_other_are_served() -> None:
    assert not find_disagreement(Verdict.UNPROVEN, (), (QUICK, NOTHING))
    assert find_disagreement(Verdict.UNPROVEN, (), (QUICK, QUICK))
    assert find_disagreement(Verdict.UNPROVEN, (), (NOTHING, NOTHING))
    assert find_disagreement(Verdict.HEALTHY, (), (QUICK, NOTHING))
    assert find_disagreement(Verdict.SILENT, (), (QUICK, NOTHING))


def test_a_disagreement_names_the_verdict_and_the_bytes() -> None:
    line = find_disagreement(Verdict.HEALTHY, (), (Fetched(204, 6.0),))
    assert line == "healthy means a complete fetch within 8 s, but the client got 204 bytes, then nothing"
