"""Use of the port monitor's result, and its refutation by a newer check."""

from __future__ import annotations

import pytest

from tests.tui.sample_fleet import NOW, QuietEngine, record, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.tui.false_green import is_false_green, port_answer_at, port_up


def row(verdict: Verdict, rtt: float | None, said: str | None) -> ServerState:
    engine = QuietEngine([server("fra1")])
    record(engine.fleet_state, "fra1", verdict, rtt, port_monitor=said)
    return engine.fleet_state.states["fra1"]


@pytest.mark.parametrize(
    ("verdict", "rtt", "said", "up"),
    [
        (Verdict.HEALTHY, 0.01, "open|filtered", True),
        (Verdict.SILENT, None, "open|filtered", True),
        (Verdict.SILENT, None, "closed", False),
        (Verdict.SILENT, None, None, None),
        (Verdict.PORT_CLOSED, None, "open|filtered", False),
        (Verdict.HEALTHY, 0.01, "closed", True),
    ],
)
def test_a_newer_check_refutes_what_the_port_monitor_said_earlier(
    verdict: Verdict, rtt: float | None, said: str | None, up: bool | None
) -> None:
    assert port_up(row(verdict, rtt, said)) is up


@pytest.mark.parametrize(
    ("verdict", "rtt", "at"),
    [(Verdict.SILENT, None, NOW - 50), (Verdict.HEALTHY, 0.01, NOW), (Verdict.PORT_CLOSED, None, NOW)],
)
def test_an_answer_is_as_old_as_what_shows_it(verdict: Verdict, rtt: float | None, at: float) -> None:
    state = row(verdict, rtt, "open|filtered")
    state.port_monitor_at = NOW - 50
    assert port_answer_at(state) == at


def test_before_the_first_check_nothing_is_known() -> None:
    assert port_up(QuietEngine([server("fra1")]).fleet_state.states["fra1"]) is None


@pytest.mark.parametrize("verdict", [Verdict.PSK_MISMATCH, Verdict.DATA_DEAD, Verdict.SILENT])
def test_up_for_a_server_that_is_down_is_a_false_green(verdict: Verdict) -> None:
    assert is_false_green(row(verdict, None, "open|filtered"))


def test_up_is_no_false_green_for_one_that_is_up_or_whose_fault_is_ours() -> None:
    assert not is_false_green(row(Verdict.HEALTHY, 0.01, "open|filtered"))
    assert not is_false_green(row(Verdict.LOCAL_FAULT, None, "open|filtered"))
