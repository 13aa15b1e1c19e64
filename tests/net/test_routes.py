"""Tests of next hops: the kernel's own answer about loopback, and answers it could give."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from wgmon_tui.net.neighbours import NeighbourState, find_neighbour_state
from wgmon_tui.net.netlink import NetlinkAnswer, RoutingSocket
from wgmon_tui.net.routes import find_next_hop, is_own_address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="rtnetlink is Linux's")

LOOPBACK_INDEX = struct.pack("=I", 1)


class Answering(RoutingSocket):
    """A kernel that gives one answer to everything; None if it knows no such entry."""

    def __init__(self, answer: NetlinkAnswer | None) -> None:
        super().__init__()
        self._answer = answer

    def ask(self, kind: int, fixed: bytes, *attributes: bytes) -> NetlinkAnswer | None:
        return self._answer


def route(attributes: dict[int, bytes]) -> Answering:
    return Answering(NetlinkAnswer(struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 3, 0, 1, 0), attributes))


@pytest.fixture
def kernel() -> Iterator[RoutingSocket]:
    """The kernel of the machine that runs the tests."""
    opened = RoutingSocket()
    opened.open()
    yield opened
    opened.close()


def test_a_loopback_address_is_this_machines_own_and_needs_no_gateway(kernel: RoutingSocket) -> None:
    hop = find_next_hop(kernel, IPv4Address("127.0.0.1"))
    assert hop is not None
    assert (hop.gateway, hop.interface) == (None, "lo")
    assert is_own_address(kernel, IPv4Address("127.0.0.1"))


@pytest.mark.parametrize("gateway", [IPv4Address("10.98.0.1"), IPv6Address("fe80::1")])
def test_the_next_hop_names_the_gateway_of_the_route(gateway: IPv4Address | IPv6Address) -> None:
    routing = route({4: LOOPBACK_INDEX, 5: gateway.packed})
    hop = find_next_hop(routing, IPv4Address("192.0.2.7"))
    assert hop is not None
    assert hop.gateway == gateway
    assert not is_own_address(routing, IPv4Address("192.0.2.7"))


def test_an_ipv4_route_may_lead_over_an_ipv6_gateway() -> None:
    via = {4: LOOPBACK_INDEX, 18: b"\n\0" + IPv6Address("fe80::1").packed}
    hop = find_next_hop(route(via), IPv4Address("192.0.2.7"))
    assert hop is not None
    assert hop.gateway == IPv6Address("fe80::1")


def test_without_a_route_there_is_no_next_hop() -> None:
    assert find_next_hop(Answering(None), IPv4Address("192.0.2.7")) is None


def test_an_address_that_nobody_asked_for_has_no_neighbour_entry(kernel: RoutingSocket) -> None:
    assert find_neighbour_state(kernel, IPv4Address("127.0.0.77"), 1) is None


@pytest.mark.parametrize(
    ("state", "unresolved"),
    [(0x01, True), (0x20, True), (0x02, False), (0x04, False), (0x08, False), (0x40, False), (0x80, False)],
)
def test_only_incomplete_and_failed_entries_are_unresolved(state: int, unresolved: bool) -> None:
    fixed = struct.pack("=BBHiHBB", 2, 0, 0, 1, state, 0, 0)
    found = find_neighbour_state(Answering(NetlinkAnswer(fixed, {})), ip_address("10.98.0.1"), 1)
    assert found is NeighbourState(state)
    assert found.is_unresolved is unresolved
