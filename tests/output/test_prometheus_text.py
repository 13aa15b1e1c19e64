"""Prometheus metrics of servers, read by prometheus-client's parser and by promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.output.sample_rounds import check, healthy, round_of, server, silent, unresolved
from tests.real.prerequisites import require
from wgmon_tui.checks.check import Handshake, Tunnel
from wgmon_tui.checks.evidence import SocketError
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE, Vantage
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.output.prometheus_counters import RTT_BOUNDS_S, FleetCounters
from wgmon_tui.output.prometheus_text import FAMILIES, render_metrics

NOW = 1_700_000_001.0

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Desk:
    """A fleet state, and its counters."""

    def __init__(self, *servers: Server) -> None:
        self.fleet_state = FleetState(servers or (server(),))
        self.tallies = FleetCounters()

    def record(self, outcome: Round, now: float = NOW) -> None:
        name = outcome.check.server
        events: tuple[IncidentEvent, ...] = self.fleet_state.record(name, outcome, now)
        self.tallies(self.fleet_state.states[name], outcome, events)

    def text(self) -> str:
        *_, parts = render_metrics(self.fleet_state.states.values(), self.tallies)
        return b"".join(parts).decode()

    def series(self) -> Series:
        return read(self.text())

    def value(self, name: str, **labels: str) -> float | None:
        return self.series().get((name, frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for each, labels in self.series() if each == name]


def read(text: str) -> Series:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    series = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(series) == len(samples), "no series stands there twice"
    return series


FRA1 = {"server": "fra1"}
HERE = {"server": "fra1", "vantage": LOCAL_VANTAGE}


def test_a_server_that_is_up_says_so_with_its_verdict_and_its_times() -> None:
    desk = Desk()
    desk.record(healthy())
    assert desk.value("wgmon_up", **HERE) == 1
    assert desk.value("wgmon_severity", **FRA1) == 0
    assert desk.value("wgmon_verdict", **HERE, verdict="healthy") == 1
    assert desk.value("wgmon_last_handshake_rtt_seconds", **HERE) == pytest.approx(0.0123456)
    assert desk.value("wgmon_last_check_timestamp_seconds", **HERE) == 1_700_000_000.25
    assert desk.value("wgmon_state_since_timestamp_seconds", **FRA1) == NOW
    assert desk.value("wgmon_check_interval_seconds", **FRA1) == 10
    assert desk.value("wgmon_incident_open", **FRA1) == 0


def test_a_verdict_has_a_series_only_while_it_is_the_last_one() -> None:
    desk = Desk()
    for outcome, slug in ((healthy(), "healthy"), (silent(), "silent"), (unresolved(), "dns-failure")):
        desk.record(outcome)
        assert [each["verdict"] for each in desk.labels("wgmon_verdict")] == [slug]


def test_a_server_that_is_down_has_an_open_incident_and_since_when() -> None:
    desk = Desk()
    desk.record(silent())
    assert desk.value("wgmon_up", **HERE) == 0
    assert desk.value("wgmon_severity", **FRA1) == 2
    assert desk.value("wgmon_incident_open", **FRA1) == 1
    assert desk.value("wgmon_incident_opened_timestamp_seconds", **FRA1) == NOW
    assert desk.value("wgmon_incidents_total", **FRA1) == 1
    assert desk.value("wgmon_last_handshake_rtt_seconds", **HERE) is None
    desk.record(healthy())
    assert desk.value("wgmon_incident_open", **FRA1) == 0
    assert desk.labels("wgmon_incident_opened_timestamp_seconds") == []
    assert desk.value("wgmon_incidents_total", **FRA1) == 1


def test_what_nobody_can_tell_is_neither_up_nor_down_nor_lost() -> None:
    desk = Desk()
    assert desk.value("wgmon_severity", **FRA1) == 3
    assert desk.labels("wgmon_up") == desk.labels("wgmon_verdict") == []
    desk.record(round_of(server(), check(server(), SocketError(0.0, "ENETUNREACH"))))
    assert desk.labels("wgmon_up") == []
    assert desk.value("wgmon_verdict", **HERE, verdict="local-fault") == 1
    assert desk.value("wgmon_checks_total", **HERE, verdict="local-fault") == 1
    assert desk.value("wgmon_handshakes_lost_total", **HERE) == 0


def test_each_certificate_and_key_has_the_time_of_its_end() -> None:
    desk = Desk()
    assert desk.labels("wgmon_expires_timestamp_seconds") == []
    key, certificate = Expires("API key", 'a"b', NOW), Expires("server certificate", "", NOW + 1)
    desk.fleet_state.show_expiries({"fra1": (key, certificate)})
    assert desk.labels("wgmon_expires_timestamp_seconds") == [
        {**FRA1, "what": "API key", "name": 'a"b'},
        {**FRA1, "what": "server certificate", "name": ""},
    ]
    assert f"}} {NOW + 1:.3f}\n" in desk.text()


def test_why_nobody_is_told_of_a_server_is_said_only_while_it_holds() -> None:
    desk = Desk()
    desk.record(healthy())
    assert desk.labels("wgmon_silenced") == []
    desk.fleet_state.mute("fra1", inf, "ada")
    desk.fleet_state.set_maintenance("fra1", "Sunday")
    assert desk.value("wgmon_silenced", **FRA1, reason="muted") == 1
    assert desk.value("wgmon_silenced", **FRA1, reason="maintenance") == 1
    desk.fleet_state.pause("fra1", True, NOW)
    assert desk.value("wgmon_silenced", **FRA1, reason="paused") == 1
    assert desk.value("wgmon_severity", **FRA1) == 4
    assert desk.labels("wgmon_up") == desk.labels("wgmon_verdict") == []


def test_checks_are_counted_by_verdict_and_each_address_counts() -> None:
    desk = Desk()
    desk.record(silent())
    one, other = check(server(), handshake=Handshake(0.01)), check(server(), handshake=Handshake(0.02))
    desk.record(round_of(server(), one, other))
    assert desk.value("wgmon_checks_total", **HERE, verdict="silent") == 1
    assert desk.value("wgmon_checks_total", **HERE, verdict="healthy") == 2
    assert desk.value("wgmon_handshakes_lost_total", **HERE) == 1
    assert desk.tallies.checks == 3


@given(st.lists(st.floats(0, 10) | st.sampled_from(RTT_BOUNDS_S), max_size=40))
def test_the_histogram_counts_each_time_at_its_bound_and_above(rtts: list[float]) -> None:
    desk = Desk()
    for rtt in rtts:
        desk.record(round_of(server(), check(server(), handshake=Handshake(rtt))))
    for bound in (*RTT_BOUNDS_S, inf):
        le = "+Inf" if bound == inf else repr(bound)
        assert desk.value("wgmon_handshake_rtt_seconds_bucket", **HERE, le=le) == sum(
            rtt <= bound for rtt in rtts
        )
    assert desk.value("wgmon_handshake_rtt_seconds_count", **HERE) == len(rtts)
    assert desk.value("wgmon_handshake_rtt_seconds_sum", **HERE) == pytest.approx(sum(rtts))


def test_what_went_through_the_tunnel_is_counted_where_anything_is_sent_through_it() -> None:
    watched = replace(server(), tunnel=True)
    desk = Desk(watched)
    for received in (3, 1):
        tunnel = Tunnel(3, received, 0.05, None, passive=False)
        desk.record(round_of(watched, replace(check(watched, handshake=Handshake(0.01)), tunnel=tunnel)))
    assert desk.value("wgmon_tunnel_packets_sent_total", **HERE) == 6
    assert desk.value("wgmon_tunnel_packets_received_total", **HERE) == 4
    assert desk.value("wgmon_last_tunnel_rtt_seconds", **HERE) == 0.05
    assert "tunnel" not in Desk().text()


def test_what_another_vantage_sees_stands_beside_ours() -> None:
    desk = Desk()
    desk.fleet_state.set_vantages((Vantage("tokyo", ("ssh",)),), 2, NOW)
    desk.record(healthy())
    outcome = silent()
    report = VantageReport("tokyo", "epoch", 1, "fra1", outcome)
    desk.fleet_state.record_report(report, NOW)
    desk.tallies.count_report(desk.fleet_state.states["fra1"], "tokyo", report)
    there = {"server": "fra1", "vantage": "tokyo"}
    assert (desk.value("wgmon_up", **HERE), desk.value("wgmon_up", **there)) == (1, 0)
    assert desk.value("wgmon_verdict", **there, verdict="silent") == 1
    assert desk.value("wgmon_checks_total", **there, verdict="silent") == 1
    assert desk.value("wgmon_severity", **FRA1) == 0, "the quorum is not reached"


def test_whatever_stands_in_a_name_arrives_as_it_is() -> None:
    odd = 'o"dd\\ {name} ä,n=1'
    desk = Desk(replace(server(odd), tags=('a="b"', "c\\")))
    desk.record(healthy(server(odd)))
    [info] = desk.labels("wgmon_server_info")
    assert (info["server"], info["tags"]) == (odd, ',a="b",c\\,')


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_name_can_be_read_again(name: str) -> None:
    desk = Desk(server(name))
    assert {labels["server"] for labels in desk.labels("wgmon_severity")} == {name}


def test_who_has_left_is_not_counted_any_more() -> None:
    desk = Desk(server("ams1"), server("fra1"))
    for name in ("ams1", "fra1"):
        desk.record(silent(server(name)))
    desk.fleet_state.replace([server("fra1")])
    desk.tallies.retain_servers(desk.fleet_state.states)
    assert {labels["server"] for labels in desk.labels("wgmon_checks_total")} == {"fra1"}
    desk.fleet_state.replace([server("ams1"), server("fra1")])
    assert desk.value("wgmon_incidents_total", server="ams1") == 0
    assert desk.tallies.checks == 2


def test_ten_thousand_servers_are_written_a_few_at_a_time() -> None:
    desk = Desk(*(server(f"s{number}") for number in range(500)))
    steps = list(render_metrics(desk.fleet_state.states.values(), desk.tallies))
    assert len(steps) > 10
    assert not any(steps[:-1])


def test_each_stage_of_the_last_check_has_its_duration_if_it_was_measured() -> None:
    desk, stages = Desk(), (Stage("resolve", StageOutcome.PASSED, 0.002), Stage("reach", StageOutcome.PASSED))
    desk.record(round_of(server(), replace(check(server(), handshake=Handshake(0.01)), stages=stages)))

    assert desk.value("wgmon_stage_duration_seconds", **HERE, stage="resolve") == 0.002
    assert len(desk.labels("wgmon_stage_duration_seconds")) == 1


def test_the_stage_that_failed_has_a_series_with_the_reason_only_while_it_fails() -> None:
    desk = Desk()
    desk.record(silent())
    assert desk.value("wgmon_stage_failed", **HERE, stage="handshake", reason="silent") == 1

    desk.record(unresolved())
    assert [each["stage"] for each in desk.labels("wgmon_stage_failed")] == ["resolve"]

    desk.record(healthy())
    assert desk.labels("wgmon_stage_failed") == []


def in_order(text: str) -> Iterable[str]:
    return (line.split(" ", 3)[2] for line in text.splitlines() if line.startswith("# TYPE"))


def everything() -> Desk:
    """Return a fleet in which every metric has a value."""
    watched = replace(server("ams1"), tunnel=True, tags=("eu",))
    desk = Desk(watched, server("fra1"), server("paused"))
    tunnel = Tunnel(3, 3, 0.05, None, passive=False)
    stages = (Stage("handshake", StageOutcome.PASSED, 0.01),)
    answered = replace(check(watched, handshake=Handshake(0.01)), tunnel=tunnel, stages=stages)
    desk.record(round_of(watched, answered))
    desk.record(silent())
    desk.fleet_state.pause("paused", True, NOW)
    desk.fleet_state.show_expiries({"fra1": (Expires("API key", "abc", NOW),)})
    return desk


def test_each_metric_has_one_place_with_its_help() -> None:
    assert list(in_order(everything().text())) == [family.name for family in FAMILIES]


def test_promtool_finds_nothing_to_say_of_names_and_units() -> None:
    require("promtool")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=everything().text(), capture_output=True, text=True
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
