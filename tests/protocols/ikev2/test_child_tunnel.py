"""Echoes through a CHILD_SA: what is asked, what answers, and what does not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.protocols.ikev2.esp_sessions import SUITES, sessions
from wgmon_tui.checks.evidence import InnerEcho, InnerHop, InnerUnaddressed
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.child_tunnel import ChildTunnel
from wgmon_tui.protocols.ikev2.esp import EspError, EspSession

OWN = {4: ip_address("10.9.0.2")}
GATEWAY, RESOLVER = ip_address("10.9.0.1"), ip_address("10.9.0.53")
MS = 1_000_000


class Server:
    """The other end: answers echoes to its addresses, and reports packets that expire."""

    def __init__(self, session: EspSession, *addresses: Address) -> None:
        self._session = session
        self._addresses = addresses
        self.asked = 0

    def answer(self, packets: tuple[bytes, ...]) -> list[bytes]:
        return [each for packet in packets if (each := self._answer(packet))]

    def _answer(self, packet: bytes) -> bytes | None:
        inner = bytearray(self._session.open(packet).data)
        self.asked += 1
        destination = ip_address(bytes(inner[16:20]))
        if destination not in self._addresses:
            return None
        inner[12:16], inner[16:20] = inner[16:20], inner[12:16]
        inner[20] = 0
        return self._session.seal(bytes(inner))


def tunnel(*targets: Address, answering: tuple[Address, ...] = ()) -> tuple[ChildTunnel, Server]:
    here, there = sessions(SUITES[0])
    return ChildTunnel(here, OWN, targets), Server(there, *answering)


def exchange(made: ChildTunnel, server: Server, at_ns: int = 0) -> None:
    for packet in server.answer(made.send(at_ns)):
        made.receive(packet, at_ns + 3 * MS)


def test_an_answered_echo_has_a_time() -> None:
    made, server = tunnel(GATEWAY, answering=(GATEWAY,))
    exchange(made, server, 10 * MS)
    assert made.is_answered
    assert made.has_received_data
    assert made.evidence() == (InnerEcho("10.9.0.1", 1, 1, 0.003),)
    result = made.result()
    assert result is not None
    assert (result.sent, result.received, result.rtt) == (1, 1, 0.003)


def test_what_does_not_answer_is_asked_again_and_the_others_are_not() -> None:
    made, server = tunnel(GATEWAY, RESOLVER, answering=(GATEWAY,))
    exchange(made, server)
    exchange(made, server)
    assert server.asked == 3
    assert not made.is_answered
    assert made.evidence() == (InnerEcho("10.9.0.1", 1, 1, 0.003), InnerEcho("10.9.0.53", 2, 0, None))


def test_a_target_of_another_ip_version_is_named() -> None:
    made, server = tunnel(ip_address("fd09::1"), answering=())
    exchange(made, server)
    assert server.asked == 0
    assert made.evidence() == (InnerUnaddressed("fd09::1"),)


def test_without_a_target_the_first_hop_is_asked() -> None:
    made, server = tunnel(answering=(GATEWAY,))
    exchange(made, server)
    assert made.evidence() == (InnerHop(4, GATEWAY, 0.003),)
    result = made.result()
    assert result is not None
    assert result.passive


def test_a_forged_answer_proves_nothing() -> None:
    made, server = tunnel(GATEWAY, answering=(GATEWAY,))
    answer = server.answer(made.send(0))[0]
    with pytest.raises(EspError):
        made.receive(answer[:-1] + bytes((answer[-1] ^ 1,)), MS)
    assert not made.has_received_data
    assert not made.is_answered


def test_a_late_answer_counts_once() -> None:
    made, server = tunnel(GATEWAY, answering=(GATEWAY,))
    first, second = made.send(0), made.send(100 * MS)
    for packet in server.answer((*first, *second)):
        made.receive(packet, 150 * MS)
    echo = made.evidence()[0]
    assert isinstance(echo, InnerEcho)
    assert (echo.sent, echo.received) == (2, 2)
