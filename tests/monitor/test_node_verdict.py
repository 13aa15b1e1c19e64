"""What the report of a control plane and the check of the data path say together of a node."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, MeshRelay, Node, NodeCommands
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.registry import control_plane_names, find_protocol
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import NO_PUBLIC_KEY, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.node_verdict import DEAD, ReportedNode, judge_node
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.monitor.reported_nodes import KnownReports, ReportedNodes
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.net.addresses import Endpoint

NOW = 1_700_000_000.0
COMMANDS = NodeCommands("tailscale status", "headscale policy get", "journalctl -e", "tailscale up")
ONLINE = Node("7", "web1", (ip_address("100.64.0.7"),), online=True)
OFFLINE = replace(ONLINE, online=False)
OTHER = Cause("the VPN of this machine is down", "it can be", "ip route get 100.64.0.7")
SILENT = Diagnosis(Verdict.SILENT, "Nothing came back.", ("sent 3",), (OTHER,))
HEALTHY = Diagnosis(Verdict.HEALTHY, "It answers.")
EXPIRED, FIREWALL, ACCESS = "node-key-expired", "node-firewall", "node-access-rule"
RELAY, STALE, GONE = "node-relay", "node-stale-session", "node-gone"


def reported(node: Node, *, is_current: bool = True, by_key: bool = False) -> ReportedNode:
    return ReportedNode("office", node, 12.0, is_current, COMMANDS, by_key)


def causes(diagnosis: Diagnosis) -> list[str]:
    return [each.hypothesis for each in diagnosis.causes]


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("online", [True, False, None])
def test_the_matrix_of_both_reports(verdict: Verdict, online: bool | None) -> None:
    found = judge_node(Diagnosis(verdict, "It is so."), reported(replace(ONLINE, online=online)), NOW)
    expected = verdict
    if online is True and verdict in (Verdict.SILENT, Verdict.UNREACHABLE, Verdict.DATA_DEAD):
        expected = Verdict.SAYS_CONNECTED
    if online is False and verdict is Verdict.HEALTHY:
        expected = Verdict.FORGOTTEN
    assert found.verdict is expected
    assert "It is so." in found.summary


def test_a_dead_node_that_is_online_lists_its_causes_with_a_command_each() -> None:
    found = judge_node(SILENT, reported(ONLINE), NOW)
    assert found.verdict is Verdict.SAYS_CONNECTED
    assert causes(found) == [FIREWALL, ACCESS, RELAY, STALE, GONE, ""]
    assert all(each.fix for each in found.causes)
    assert found.causes[0].fix == "on the node: nft list ruleset"
    assert found.causes[-1] == OTHER
    assert found.summary.startswith("office reports web1 as online, but no data reaches it.")


def test_an_expired_key_is_the_first_cause() -> None:
    expired = replace(ONLINE, key_expiry=NOW - 7300.0, trouble="its key has expired")
    found = judge_node(SILENT, reported(expired), NOW)
    assert causes(found)[0] == EXPIRED
    assert found.causes[0].fix == "tailscale up"
    assert "2 h 01 min" in found.causes[0].why


def test_a_key_that_is_still_valid_is_no_cause() -> None:
    assert EXPIRED not in causes(judge_node(SILENT, reported(replace(ONLINE, key_expiry=NOW + 1.0)), NOW))


def test_what_the_control_plane_says_against_a_node_is_a_cause() -> None:
    found = judge_node(SILENT, reported(replace(ONLINE, trouble="it is not authorized")), NOW)
    assert "it is not authorized" in found.causes[0].why


def test_an_old_handshake_makes_a_stale_session_likely_and_a_fresh_one_disproves_it() -> None:
    old = judge_node(SILENT, reported(replace(ONLINE, last_handshake=NOW - 900.0)), NOW)
    assert causes(old)[0] == STALE
    fresh = judge_node(SILENT, reported(replace(ONLINE, last_handshake=NOW - 60.0)), NOW)
    assert STALE not in causes(fresh)


def test_a_handshake_of_the_check_itself_uses_neither_a_relay_nor_a_session_of_the_mesh() -> None:
    found = judge_node(SILENT, reported(replace(ONLINE, last_handshake=NOW - 900.0), by_key=True), NOW)
    assert causes(found) == [FIREWALL, ACCESS, GONE, ""]


# What the client of the mesh on this machine says

TSMP = MeshPeer("tailscale", is_known=True, is_direct=True, handshake_age=20.0, is_answered=True)


def with_client(peer: MeshPeer, node: Node = ONLINE, relay: MeshRelay | None = None) -> Diagnosis:
    known = replace(reported(node), peer=peer, relay=relay)
    return judge_node(SILENT, known, NOW)


def test_a_ping_through_wireguard_leaves_only_a_firewall_and_an_access_rule() -> None:
    found = with_client(TSMP, replace(ONLINE, key_expiry=NOW - 60.0))
    assert causes(found) == [FIREWALL, ACCESS]
    assert "a ping through WireGuard is answered" in found.causes[0].why


def test_a_ping_through_wireguard_without_an_answer_disproves_firewall_and_access_rule() -> None:
    found = with_client(replace(TSMP, is_answered=False, is_direct=None, handshake_age=None))
    assert set(causes(found)) == {RELAY, STALE, GONE}


def test_a_direct_path_disproves_the_relay_and_a_fresh_handshake_the_stale_session() -> None:
    assert causes(with_client(replace(TSMP, is_answered=False))) == [GONE]


def test_a_path_by_a_relay_is_the_first_cause() -> None:
    found = with_client(replace(TSMP, is_answered=False, is_direct=False, relay="fra"))
    assert causes(found) == [RELAY, GONE]
    assert "it uses the relay fra" in found.causes[0].why


def test_the_handshake_of_this_machine_counts_more_than_that_of_the_report() -> None:
    old = replace(ONLINE, last_handshake=NOW - 900.0)
    assert STALE not in causes(with_client(replace(TSMP, is_answered=False), old))
    assert causes(with_client(replace(TSMP, is_answered=False, handshake_age=900.0)))[0] == STALE


def test_a_node_that_the_client_does_not_list_has_one_cause() -> None:
    found = with_client(MeshPeer("tailscale", is_known=False))
    assert causes(found) == [ACCESS]
    assert "list of peers" in found.causes[0].why


def test_a_key_that_has_expired_for_the_client_is_a_cause() -> None:
    found = with_client(replace(TSMP, is_answered=False, has_expired=True))
    assert causes(found)[0] == EXPIRED


def test_a_client_that_could_not_be_asked_changes_nothing() -> None:
    found = with_client(MeshPeer("tailscale", trouble="it is not installed here"))
    assert found == judge_node(SILENT, reported(ONLINE), NOW)


def test_a_relay_that_is_proven_dead_is_the_first_cause_and_named() -> None:
    by_relay = replace(ONLINE, relay="fra")
    dead = replace(reported(by_relay), relay=MeshRelay("fra", False, "the port refuses connections"))
    found = judge_node(SILENT, dead, NOW)
    assert causes(found)[0] == RELAY
    assert found.causes[0].cause == "its relay fra is down"
    assert "refuses connections" in found.causes[0].why


def test_a_relay_that_answers_or_is_silent_is_not_called_down() -> None:
    by_relay = replace(ONLINE, relay="fra")
    for relay in (MeshRelay("fra", True), MeshRelay("fra", None)):
        found = judge_node(SILENT, replace(reported(by_relay), relay=relay), NOW)
        [cause] = [each for each in found.causes if each.hypothesis == RELAY]
        assert cause.cause == "only the path by a relay is left, and it carries nothing"
        assert ("which itself answers" in cause.why) is bool(relay.works)
        assert causes(found)[0] == FIREWALL


def test_a_dead_relay_is_no_cause_of_a_node_with_a_direct_path() -> None:
    direct = replace(TSMP, is_answered=False)
    assert RELAY not in causes(with_client(direct, relay=MeshRelay("fra", False)))


def test_a_node_that_answers_and_is_offline_is_forgotten() -> None:
    found = judge_node(HEALTHY, reported(replace(OFFLINE, last_seen=NOW - 7300.0)), NOW)
    assert (found.verdict, found.verdict.severity) == (Verdict.FORGOTTEN, Severity.DEGRADED)
    assert causes(found) == ["node-client", "node-address-reused"]
    assert "2 h 01 min ago" in found.causes[0].why
    assert found.causes[0].fix == "journalctl -e"


def test_a_handshake_by_key_disproves_that_another_machine_has_the_address() -> None:
    assert causes(judge_node(HEALTHY, reported(OFFLINE, by_key=True), NOW)) == ["node-client"]


@pytest.mark.parametrize(("diagnosis", "node"), [(SILENT, ONLINE), (HEALTHY, OFFLINE)])
def test_a_report_that_is_too_old_changes_no_verdict_and_is_named(diagnosis: Diagnosis, node: Node) -> None:
    found = judge_node(diagnosis, reported(node, is_current=False), NOW)
    assert (found.verdict, found.summary, found.causes) == (
        diagnosis.verdict,
        diagnosis.summary,
        diagnosis.causes,
    )
    assert found.evidence[-1].endswith("12 s ago: too long ago to count")


def test_a_proven_cause_of_the_check_stays_the_verdict() -> None:
    proven = replace(SILENT, causes=(replace(OTHER, proven=True),))
    assert judge_node(proven, reported(ONLINE), NOW).verdict is Verdict.SILENT


@given(st.sampled_from(Verdict), st.sampled_from([True, False, None]), st.booleans(), st.text(max_size=8))
def test_the_report_always_stands_in_the_evidence_without_control_characters(
    verdict: Verdict, online: bool | None, is_current: bool, name: str
) -> None:
    node = replace(ONLINE, online=online, name=name, trouble=name, relay=name)
    found = judge_node(Diagnosis(verdict, "", ("first",)), reported(node, is_current=is_current), NOW)
    assert found.evidence[0] == "first"
    assert found.evidence[1].startswith("the control plane office reported ")
    texts = (found.summary, *found.evidence, *(each.why for each in found.causes))
    assert all(text.isprintable() for text in texts)
    assert found.verdict in (verdict, Verdict.SAYS_CONNECTED, Verdict.FORGOTTEN)
    if verdict not in DEAD and verdict is not Verdict.HEALTHY:
        assert found.verdict is verdict


@pytest.mark.parametrize("name", control_plane_names())
def test_every_control_plane_says_what_to_type(name: str) -> None:
    assert find_protocol(name).node_commands is not None


# Which server is which node

KEY = PublicKey(bytes(range(32)))
ADDRESS = ip_address("100.64.0.7")


def fleet(*nodes: Node, key: PublicKey = NO_PUBLIC_KEY, at: float = NOW) -> FleetState:
    """A control plane that reported these nodes, and a server."""
    plane = Server("office", Endpoint("127.0.0.1", 9), protocol="headscale", interval=60.0, timeout=5.0)
    server = Server("web", Endpoint("100.64.0.7", 22), public_key=key, protocol="system-path")
    state = FleetState((plane, server))
    state.record_node_report("office", NodeReport(at, ControlPlaneReport(nodes)))
    return state


def judged(state: FleetState, *, works: bool = False, now: float = NOW) -> Verdict:
    check = Check("web", "local", Endpoint("100.64.0.7", 22), ADDRESS, NOW, Handshake(0.1) if works else None)
    outcome = Round((check,), (HEALTHY if works else SILENT,))
    return ReportedNodes(state).judge(state.states["web"], outcome, now).diagnosis.verdict


def test_a_server_is_the_node_with_its_address() -> None:
    assert judged(fleet(ONLINE)) is Verdict.SAYS_CONNECTED
    assert judged(fleet(OFFLINE), works=True) is Verdict.FORGOTTEN


def test_a_server_is_the_node_with_its_public_key() -> None:
    assert (
        judged(fleet(replace(ONLINE, addresses=(), public_key=str(KEY)), key=KEY)) is Verdict.SAYS_CONNECTED
    )


def test_a_server_that_is_no_node_keeps_its_verdict() -> None:
    elsewhere = replace(ONLINE, addresses=(ip_address("100.64.0.8"),), public_key=str(NO_PUBLIC_KEY))
    assert judged(fleet(elsewhere)) is Verdict.SILENT


def test_an_address_of_two_nodes_says_nothing() -> None:
    assert judged(fleet(ONLINE, replace(ONLINE, id="8"))) is Verdict.SILENT


def test_a_report_counts_as_long_as_a_state_of_its_control_plane() -> None:
    assert judged(fleet(ONLINE), now=NOW + 185.0) is Verdict.SAYS_CONNECTED
    assert judged(fleet(ONLINE), now=NOW + 186.0) is Verdict.SILENT


def test_a_new_report_changes_the_next_verdict() -> None:
    state = fleet(OFFLINE)
    nodes = ReportedNodes(state)
    check = Check("web", "local", Endpoint("100.64.0.7", 22), ADDRESS, NOW, None)
    outcome = Round((check,), (SILENT,))
    assert nodes.judge(state.states["web"], outcome, NOW).diagnosis.verdict is Verdict.SILENT
    state.record_node_report("office", NodeReport(NOW, ControlPlaneReport((ONLINE,))))
    assert nodes.judge(state.states["web"], outcome, NOW).diagnosis.verdict is Verdict.SAYS_CONNECTED


def test_a_control_plane_is_no_node_of_its_own_report() -> None:
    state = fleet(replace(ONLINE, addresses=(ip_address("127.0.0.1"),)))
    check = Check("office", "local", Endpoint("127.0.0.1", 9), ip_address("127.0.0.1"), NOW, None)
    outcome = Round((check,), (SILENT,))
    assert ReportedNodes(state).judge(state.states["office"], outcome, NOW) is outcome
    plane, report = state.states["office"].server, state.states["office"].node_report
    assert report is not None
    known = KnownReports.of({"office": plane}, {"office": report})  # as `probe` without a writer judges
    assert known.judge_round(plane, outcome, NOW) is outcome


def test_where_other_vantages_check_too_they_decide_together() -> None:
    state = fleet(ONLINE)
    state.set_vantage_names(("nyc",), 1)
    check = Check("web", "nyc", Endpoint("100.64.0.7", 22), ADDRESS, NOW, Handshake(0.1))
    report = VantageReport("nyc", "epoch", 1, "web", Round((check,), (HEALTHY,)))
    state.record_report(report, NOW)
    assert judged(state) is Verdict.SILENT


def agreed(state: FleetState, *verdicts: Verdict, quorum: int = 1) -> ServerState:
    """The server after two settled rounds of each vantage, and one of this machine first."""
    state.set_vantage_names(tuple(f"v{number}" for number in range(1, len(verdicts))), quorum)
    for _ in range(2):
        for number, verdict in enumerate(verdicts):
            vantage = f"v{number}" if number else "local"
            works = verdict is Verdict.HEALTHY
            check = Check(
                "web", vantage, Endpoint("100.64.0.7", 22), ADDRESS, NOW, Handshake(0.1) if works else None
            )
            outcome = Round((check,), (HEALTHY if works else SILENT,))
            if number:
                state.record_report(VantageReport(vantage, "epoch", 1, "web", outcome), NOW)
            else:
                state.record("web", outcome, NOW)
    return state.states["web"]


def test_vantages_that_agree_on_silence_and_a_node_that_is_online_say_connected() -> None:
    found = agreed(fleet(ONLINE), Verdict.SILENT, Verdict.SILENT, quorum=2)
    assert found.diagnosis is not None
    assert (found.severity, found.diagnosis.verdict) == (Severity.DOWN, Verdict.SAYS_CONNECTED)
    assert found.incident is not None
    assert found.incident.verdict is Verdict.SAYS_CONNECTED
    assert "down from all 2" in found.diagnosis.evidence[0]


def test_vantages_that_reach_a_node_that_is_offline_find_it_forgotten() -> None:
    found = agreed(fleet(OFFLINE), Verdict.HEALTHY, Verdict.HEALTHY)
    assert found.diagnosis is not None
    assert (found.severity, found.diagnosis.verdict) == (Severity.DEGRADED, Verdict.FORGOTTEN)


def test_vantages_that_disagree_keep_their_verdict_and_name_the_report() -> None:
    found = agreed(fleet(ONLINE), Verdict.SILENT, Verdict.HEALTHY)
    assert found.diagnosis is not None
    assert found.diagnosis.verdict is Verdict.REGIONAL
    assert "the control plane office reported web1 as online" in found.diagnosis.evidence[-1]


def test_a_member_that_reaches_a_node_outvotes_a_machine_that_is_none() -> None:
    found = agreed(fleet(ONLINE), Verdict.SILENT, Verdict.HEALTHY, quorum=2)
    assert found.severity is Severity.UP
