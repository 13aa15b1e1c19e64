"""Tests of the stages of checks of wireguard-go, healthy and with one fault each."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.real.server import ANSWER_S, LONG_S, SHORT_S, prober_at, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.stage_text import format_stages
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Endpoint, Interface
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.targets import Target

INNER = ip_address("10.7.0.1")
FOREIGN_ADDRESS = ip_interface("10.7.0.250/32")
"""An inner address that the server allows to no peer: it drops whatever comes from there."""


def inner_address(server: WireguardGo, peer: PrivateKey) -> Interface:
    """The inner address that the server allows to a peer."""
    shown = server.run(f"wg show {server.interface} allowed-ips").splitlines()
    allowed = next(line for line in shown if line.startswith(str(peer.public)))
    return ip_interface(allowed.split("\t")[1].split()[0])


def with_tunnel(aim: Target, own: Interface) -> Target:
    """The same target, with echoes to an inner address of the server."""
    entry = replace(aim.server, tunnel=True, tunnel_ping=(INNER,), tunnel_count=2, tunnel_over=0.1)
    return replace(aim, server=entry, tunnel_addresses=(own,))


async def check_all(server: WireguardGo, aim: Target) -> Check:
    async with prober_at(server) as prober:
        [check] = await prober.check_all(aim)
    return check


def outcomes(check: Check) -> dict[str, StageOutcome]:
    return {each.name: each.outcome for each in check.stages}


def passed_until(check: Check, failed: str) -> bool:
    """Whether every stage before this one passed, except the lookup of an address."""
    names = [each.name for each in check.stages]
    before = check.stages[1 : names.index(failed)]
    return all(each.outcome is StageOutcome.PASSED for each in before)


async def test_a_healthy_server_of_a_name_passes_every_stage(
    wireguard_go: WireguardGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, port = wireguard_go.endpoint(4)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(0, 0, 0, "", (str(address), port))])
    peer = wireguard_go.new_peer()
    aim = with_tunnel(target(wireguard_go, peer), inner_address(wireguard_go, peer))
    aim = replace(aim, server=replace(aim.server, endpoint=Endpoint("real.test", port)))

    check = await check_all(wireguard_go, aim)

    assert set(outcomes(check).values()) == {StageOutcome.PASSED}, format_stages(check.stages)
    times = {each.name: each.seconds for each in check.stages}
    assert check.handshake is not None
    assert times["handshake"] == check.handshake.rtt
    assert all(0 < (times[name] or 0) < LONG_S for name in ("resolve", "handshake", "tunnel"))
    assert diagnose(check, aim.server).failed_stage == ""


@pytest.mark.thorough
async def test_another_preshared_key_fails_at_authenticate(wireguard_go: WireguardGo) -> None:
    psk = PresharedKey(b"b".ljust(32))
    aim = target(wireguard_go, wireguard_go.new_peer(), psk=psk, timeout_s=ANSWER_S)

    check = await check_all(wireguard_go, aim)

    assert diagnose(check, aim.server).failed_stage == "authenticate"
    assert passed_until(check, "authenticate")


@pytest.mark.thorough
async def test_silence_fails_at_the_handshake_and_leaves_reach_not_known(wireguard_go: WireguardGo) -> None:
    aim = target(wireguard_go, wireguard_go.new_peer(), timeout_s=SHORT_S)
    with wireguard_go.device.frozen():
        check = await check_all(wireguard_go, aim)

    assert diagnose(check, aim.server).failed_stage == "handshake"
    assert outcomes(check)["reach"] is StageOutcome.NOT_KNOWN


@pytest.mark.thorough
@pytest.mark.parametrize("short_lived", ["wireguard_go"], indirect=True)
async def test_a_closed_port_is_reached_and_fails_at_the_handshake(short_lived: WireguardGo) -> None:
    aim = target(short_lived, short_lived.new_peer(), timeout_s=ANSWER_S)
    short_lived.stop()

    check = await check_all(short_lived, aim)

    assert diagnose(check, aim.server).failed_stage == "handshake"
    assert passed_until(check, "handshake")


@pytest.mark.thorough
async def test_data_that_the_server_drops_fails_at_the_tunnel(wireguard_go: WireguardGo) -> None:
    aim = with_tunnel(target(wireguard_go, wireguard_go.new_peer()), FOREIGN_ADDRESS)

    check = await check_all(wireguard_go, aim)

    assert diagnose(check, aim.server).failed_stage == "tunnel"
    assert passed_until(check, "tunnel")


@pytest.mark.thorough
async def test_a_firewall_on_the_path_that_refuses_fails_at_reach(wireguard_go: WireguardGo) -> None:
    aim = target(wireguard_go, wireguard_go.new_peer(), timeout_s=ANSWER_S)
    with wireguard_go.path.filtered("udp dport 51820 reject with icmpx admin-prohibited"):
        check = await check_all(wireguard_go, aim)

    assert diagnose(check, aim.server).failed_stage == "reach"


@pytest.mark.thorough
async def test_a_name_without_address_fails_at_resolve(
    wireguard_go: WireguardGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    aim = target(wireguard_go, wireguard_go.new_peer())
    aim = replace(aim, server=replace(aim.server, endpoint=Endpoint("real.test", 51820)))

    check = await check_all(wireguard_go, aim)

    assert diagnose(check, aim.server).failed_stage == "resolve"
    assert set(outcomes(check).values()) == {StageOutcome.FAILED, StageOutcome.NOT_RUN}
