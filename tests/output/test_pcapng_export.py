"""What carried the packets of a check, in the exported file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.output.sample_rounds import check, server
from tests.toy_protocol import Echo
from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.registry import register, unregister
from wgmon_tui.checks.transport import IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.output.ip_headers import TcpNumbers
from wgmon_tui.output.pcapng import CapturedPacket
from wgmon_tui.output.pcapng_export import PLACEHOLDER_PORT, captured_packets

SECOND_CONNECTION = b"second"
LONG = bytes(40_000)


class EchoOverTcp(Echo):
    """Two connections: the second one goes to another port of the server."""

    name = "echo-tcp"

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        if packet.data == SECOND_CONNECTION:
            return PacketTransport(IpProtocol.TCP, 4500, 1)
        return PacketTransport(IpProtocol.TCP)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register(EchoOverTcp())
    yield
    unregister("echo-tcp")


def exported(*packets: tuple[Direction, bytes], protocol: str = "echo-tcp") -> list[CapturedPacket]:
    exchange = tuple(Packet(0.1 * at, *each) for at, each in enumerate(packets))
    found = replace(check(server(), packets=exchange), protocol=protocol)
    return list(captured_packets(Round((found,), (Diagnosis(Verdict.SILENT, "", ()),))))


def test_packets_of_a_stream_are_numbered_on_both_sides() -> None:
    found = exported((Direction.SENT, b"12345"), (Direction.RECEIVED, b"123"), (Direction.SENT, b"6"))
    assert [each.numbers for each in found] == [TcpNumbers(1, 1), TcpNumbers(1, 6), TcpNumbers(6, 4)]
    assert {each.protocol for each in found} == {IpProtocol.TCP}


def test_a_second_connection_has_ports_and_numbers_of_its_own() -> None:
    _, second = exported((Direction.SENT, b"12345"), (Direction.SENT, SECOND_CONNECTION))
    assert (second.source[1], second.destination[1]) == (PLACEHOLDER_PORT + 1, 4500)
    assert second.numbers == TcpNumbers(1, 1)


def test_bytes_that_are_too_long_for_a_packet_become_several_segments() -> None:
    first, second, after = exported((Direction.SENT, LONG), (Direction.SENT, b"x"))
    assert first.payload + second.payload == LONG
    assert after.numbers == TcpNumbers(1 + len(LONG), 1)
    assert not second.comment


def test_pings_of_the_system_path_are_icmp() -> None:
    (found,) = exported((Direction.SENT, bytes(8)), protocol="system-path")
    assert found.protocol is IpProtocol.ICMP
