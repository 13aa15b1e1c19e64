"""Tests of a second client with the same key on wireguard-go: it is idle, and it is found."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_address, ip_interface

from tests.daemon.harness import until
from tests.real.server import prober_at, stamps, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.net import inner_packets
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.foreign_sessions import is_own_index
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

INNER = ip_address("10.7.0.1")


def connect_another_client(server: WireguardGo, same: Target) -> None:
    """One handshake and one echo, as of a client that has nothing to send afterwards."""
    index = next(index for index in range(1, 1 << 16) if not is_own_index(index))
    attempt = same.initiator.initiate(index, tai64n.encode(next(stamps)))
    host, port = server.endpoint(4)
    with server.vantage(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.settimeout(30)
        sending.sendto(attempt.packet, (str(host), port))
        session = attempt.complete(sending.recv(2048))
        echo = inner_packets.echo_request(same.tunnel_addresses[0].ip, INNER, 1, 1)
        sending.sendto(session.seal(echo), (str(host), port))
        session.open(sending.recv(2048))  # from now on the server uses this session


def target_with_data(server: WireguardGo) -> Target:
    """A target whose checks ping through the tunnel."""
    aim = target(server, server.new_peer())
    own = ip_interface(f"10.7.0.{server._peers}/24")
    return replace(
        aim, server=replace(aim.server, tunnel=True, tunnel_ping=(INNER,)), tunnel_addresses=(own,)
    )


async def look(prober: Prober, aim: Target) -> Check:
    return await prober.check(aim, ip_address(aim.server.endpoint.host))


async def ask_in_last_session(prober: Prober) -> None:
    """Ask what is asked twenty seconds after a check, and wait for the answer."""
    ((key, last),) = prober._last_sessions._kept.items()
    prober._last_sessions.ask(key)
    asked_at = last.asked_at
    assert asked_at is not None
    await until(lambda: prober._demultiplexer.foreign_sessions.has_arrived_since(last.source, asked_at))


async def test_an_idle_client_with_our_key_is_found_at_the_next_check(wireguard_go: WireguardGo) -> None:
    aim = target_with_data(wireguard_go)
    async with prober_at(wireguard_go) as prober:
        before = await look(prober, aim)
        connect_another_client(wireguard_go, aim)
        await ask_in_last_session(prober)
        after = await look(prober, aim)
    assert not all_of_kind(ForeignSession, before.evidence)
    assert all_of_kind(ForeignSession, after.evidence)
    diagnosis = diagnose(after, aim.server)
    assert diagnosis.verdict.severity is Severity.DEGRADED
    assert "another client uses this identity" in diagnosis.summary


async def test_the_only_client_of_a_key_finds_no_other(wireguard_go: WireguardGo) -> None:
    aim = target_with_data(wireguard_go)
    async with prober_at(wireguard_go) as prober:
        found = [await look(prober, aim) for _ in range(3)]
    assert not [each for check in found for each in all_of_kind(ForeignSession, check.evidence)]
