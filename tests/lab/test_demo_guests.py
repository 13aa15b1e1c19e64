from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.busy_machine import repeated_if_starved
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab import demo_guests
from wgmon_tui.lab.control_plane import nodes
from wgmon_tui.lab.demo_guests import running_guests
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.reported_nodes import ReportedNodes
from wgmon_tui.monitor.watched_nodes import select_nodes


async def test_the_demo_has_openvpn_servers_that_can_be_checked() -> None:
    async with running_guests() as servers:
        fleet = Fleet(servers)
        targets = join(fleet, open_keyring(fleet, Path()))
    assert targets.problems == {}
    assert {"ovpn-zrh1", "ovpn-prg1", "ovpn-dub1"} <= set(targets.ready)


async def test_without_its_package_a_protocol_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_guests, "find_spec", lambda _: None)
    async with running_guests() as servers:
        assert not [each for each in servers if each.protocol == "openvpn"]


@repeated_if_starved()
async def test_the_control_plane_of_the_demo_reports_two_nodes_wrongly() -> None:
    async with running_guests() as servers:
        fleet = Fleet(servers)
        keyring = open_keyring(fleet, Path())
        [plane] = filter(is_control_plane, servers)
        fleet_state = FleetState(servers)

        def note(name: str, report: ControlPlaneReport) -> None:
            fleet_state.record_node_report(name, NodeReport(time.time(), report))

        services = ProbeServices(lambda _: bytes(12), note_report=note)
        outcome = await look(plane, join(fleet, keyring).ready[plane.name], services)
        assert outcome.diagnosis.verdict is Verdict.HEALTHY
        reported = fleet_state.states[plane.name].node_report
        assert reported is not None
        found = select_nodes(fleet, {plane.name: reported.report}).servers
        assert plane.protocol == "headscale"
        assert {each.protocol for each in found} == {"system-path"}
        ends = {each.what for each in outcome.check.evidence if isinstance(each, Expires)}
        assert ends == {"API key", "preauth key", "node key"}
        whole = replace(fleet, servers=(*servers, *found))
        fleet_state.add(found)
        ready = join(whole, open_keyring(whole, Path())).ready
        verdicts = {}
        for each in found:
            outcome = await look(each, ready[each.name], services)
            judged = ReportedNodes(fleet_state).judge(fleet_state.states[each.name], outcome, time.time())
            verdicts[each.name] = judged.diagnosis.verdict
    assert verdicts == {
        "mesh/web-ams1": Verdict.HEALTHY,
        "mesh/web-fra2": Verdict.HEALTHY,
        "mesh/db-hel1": Verdict.SAYS_CONNECTED,
        "mesh/gw-osl1": Verdict.FORGOTTEN,
    }


async def look(server: Server, target: ProtocolTarget, services: ProbeServices) -> Round:
    prober = find_protocol(server.protocol).make_prober(services)
    await prober.open()
    try:
        return await run_check_round(prober, server, target, CheckDepth())
    finally:
        await prober.close()


async def test_without_h11_the_demo_has_no_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_guests, "find_spec", lambda name: None if name == "h11" else name)
    async with running_guests() as servers:
        assert not list(filter(is_control_plane, servers))


async def test_where_loopback_has_one_address_the_demo_has_no_control_plane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {1: "127.0.0.1"}
    monkeypatch.setattr(nodes, "address_of", lambda number: ip_address(places.get(number, "192.0.2.1")))
    assert "sudo ifconfig lo0 alias 127.101.0.1" in demo_guests.explain_missing_addresses()
    async with running_guests() as servers:
        assert not list(filter(is_control_plane, servers))
