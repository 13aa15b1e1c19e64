from __future__ import annotations

from tests.output.sample_rounds import STARTED_AT, server, silent
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.fleet_json import COLUMNS, fleet_object


def test_before_the_first_check_all_that_is_not_known_is_null() -> None:
    told = fleet_object(ServerState(server()))
    assert tuple(told) == COLUMNS
    assert {key for key, value in told.items() if value is not None} == {
        "server",
        "endpoint",
        "severity",
        "flapping",
    }


def test_a_row_is_told_in_figures() -> None:
    server_state = ServerState(server(), Severity.DOWN, since=STARTED_AT, last=silent(), uptime=0.98765432)
    for rtt in (0.012, 0.013, None, 0.014):
        server_state.samples.add(rtt)
    told = fleet_object(server_state)
    assert (told["severity"], told["verdict"], told["rtt_ms"]) == ("down", "silent", None)
    assert (told["loss"], told["p50_ms"], told["p95_ms"]) == (0.25, 13.0, 14.0)
    assert (told["uptime"], told["since"]) == (0.987654, "2023-11-14T22:13:20.250+00:00")


def test_a_verdict_of_another_process_is_told_as_well() -> None:
    assert fleet_object(ServerState(server(), verdict=Verdict.HEALTHY))["verdict"] == "healthy"
