"""Tests of next hops: the kernel's own answer about loopback, and answers it could give."""

from __future__ import annotations

import struct
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from wgmon_tui.net import neighbours, routes
from wgmon_tui.net.neighbours import NeighbourState, find_neighbour_state
from wgmon_tui.net.netlink import NetlinkAnswer
from wgmon_tui.net.routes import find_next_hop, is_own_address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")

LOOPBACK_INDEX = struct.pack("=I", 1)


def answering(monkeypatch: pytest.MonkeyPatch, attributes: dict[int, bytes], kind: int = 1) -> None:
    fixed = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 3, 0, kind, 0)
    monkeypatch.setattr(routes, "ask_kernel", lambda *_: NetlinkAnswer(fixed, attributes))


def test_a_loopback_address_is_this_machines_own_and_needs_no_gateway() -> None:
    hop = find_next_hop(IPv4Address("127.0.0.1"))
    assert hop is not None
    assert (hop.gateway, hop.interface) == (None, "lo")
    assert is_own_address(IPv4Address("127.0.0.1"))


@pytest.mark.parametrize("gateway", [IPv4Address("10.98.0.1"), IPv6Address("fe80::1")])
def test_the_next_hop_names_the_gateway_of_the_route(
    monkeypatch: pytest.MonkeyPatch, gateway: IPv4Address | IPv6Address
) -> None:
    answering(monkeypatch, {4: LOOPBACK_INDEX, 5: gateway.packed})
    hop = find_next_hop(IPv4Address("192.0.2.7"))
    assert hop is not None
    assert hop.gateway == gateway
    assert not is_own_address(IPv4Address("192.0.2.7"))


def test_an_ipv4_route_may_lead_over_an_ipv6_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {4: LOOPBACK_INDEX, 18: b"\n\0" + IPv6Address("fe80::1").packed})
    hop = find_next_hop(IPv4Address("192.0.2.7"))
    assert hop is not None
    assert hop.gateway == IPv6Address("fe80::1")


def test_without_a_route_there_is_no_next_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ask_kernel", lambda *_: None)
    assert find_next_hop(IPv4Address("192.0.2.7")) is None


def test_an_address_that_nobody_asked_for_has_no_neighbour_entry() -> None:
    assert find_neighbour_state(IPv4Address("127.0.0.77"), 1) is None


@pytest.mark.parametrize(
    ("state", "unresolved"),
    [(0x01, True), (0x20, True), (0x02, False), (0x04, False), (0x08, False), (0x40, False), (0x80, False)],
)
def test_only_incomplete_and_failed_entries_are_unresolved(
    monkeypatch: pytest.MonkeyPatch, state: int, unresolved: bool
) -> None:
    fixed = struct.pack("=BBHiHBB", 2, 0, 0, 1, state, 0, 0)
    monkeypatch.setattr(neighbours, "ask_kernel", lambda *_: NetlinkAnswer(fixed, {}))
    found = find_neighbour_state(ip_address("10.98.0.1"), 1)
    assert found is NeighbourState(state)
    assert found.is_unresolved is unresolved
