from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.protocol import ProbeServices, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab import demo_guests
from wgmon_tui.lab.demo_fleet import DemoFleet
from wgmon_tui.lab.demo_guests import running_guests
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.reported_nodes import ReportedNodes
from wgmon_tui.monitor.watched_nodes import select_nodes


async def test_the_demo_has_openvpn_servers_that_can_be_checked() -> None:
    async with running_guests(Fleet()) as servers:
        fleet = Fleet(servers)
        targets = join(fleet, open_keyring(fleet, Path()))
    assert targets.problems == {}
    assert {"ovpn-zrh1", "ovpn-prg1", "ovpn-dub1"} <= set(targets.ready)


async def test_without_its_package_a_protocol_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_guests, "find_spec", lambda _: None)
    async with running_guests(Fleet()) as servers:
        assert not [each for each in servers if each.protocol == "openvpn"]


async def test_the_control_plane_of_the_demo_reports_a_node_as_online_that_is_dead() -> None:
    lab = DemoFleet(())
    async with running_guests(lab.fleet) as servers:
        fleet = replace(lab.fleet, servers=servers)
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
        nodes = select_nodes(fleet, {plane.name: reported.report}).servers
        assert [each.name for each in nodes] == ["mesh/db-hel1", "mesh/web-ams1", "mesh/web-fra2"]
        whole = replace(fleet, servers=(*servers, *nodes))
        fleet_state.add(nodes)
        ready = join(whole, open_keyring(whole, Path())).ready
        verdicts = {}
        for each in nodes:
            outcome = await look(each, ready[each.name], services)
            judged = ReportedNodes(fleet_state).judge(fleet_state.states[each.name], outcome, time.time())
            verdicts[each.name] = judged.diagnosis.verdict
    assert verdicts["mesh/db-hel1"] is Verdict.SAYS_CONNECTED
    assert verdicts["mesh/web-ams1"] is verdicts["mesh/web-fra2"] is Verdict.HEALTHY


async def look(server: Server, target: ProtocolTarget, services: ProbeServices) -> Round:
    prober = find_protocol(server.protocol).make_prober(services)
    await prober.open()
    try:
        return await run_check_round(prober, server, target, CheckDepth())
    finally:
        await prober.close()


async def test_without_h11_the_demo_has_no_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_guests, "find_spec", lambda name: None if name == "h11" else name)
    lab = DemoFleet(())
    async with running_guests(lab.fleet) as servers:
        assert not list(filter(is_control_plane, servers))
