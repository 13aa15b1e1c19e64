"""Look-ups of names inside a tunnel, without a tunnel."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from wgmon_tui.checks.inner_lookup import InnerLookup, LookupFailedError
from wgmon_tui.net.addresses import NameServer
from wgmon_tui.net.inner_packets import UDP, Unwrapped, unwrap

SERVER, HERE = IPv4Address("10.8.0.53"), IPv4Address("10.8.0.250")
NAME = "www.example.net"


def begun(*servers: NameServer) -> tuple[InnerLookup, list[bytes]]:
    sent: list[bytes] = []
    lookup = InnerLookup(servers or (NameServer(SERVER),), {4: HERE}, sent.append)
    lookup.ask(NAME, 0.0)
    return lookup, sent


def answer_to(packet: bytes, record: bytes, rcode: int = 0, *, source: IPv4Address = SERVER) -> Unwrapped:
    asked = unwrap(packet)
    assert asked is not None
    query = asked.payload[8:]
    count = b"\0\1" if record else b"\0\0"
    message = query[:2] + bytes((0x81, 0x80 | rcode)) + b"\0\1" + count + bytes(4) + query[12:] + record
    header = asked.payload[2:4] + asked.payload[:2] + bytes(4)
    return Unwrapped(source, HERE, UDP, header + message)


A = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x08\0\5"


def test_the_answer_of_a_name_server_has_the_address() -> None:
    lookup, sent = begun()
    assert lookup.receive(answer_to(sent[0], A), 0.02)
    assert (lookup.is_over(), lookup.address(NAME), lookup.took(NAME)) == (True, ip_address("10.8.0.5"), 0.02)


def test_an_answer_from_another_address_is_not_believed() -> None:
    lookup, sent = begun()
    assert not lookup.receive(answer_to(sent[0], A, source=IPv4Address("10.8.0.54")), 0.02)
    assert not lookup.is_over()


def test_a_lost_query_is_sent_again_and_given_up_in_the_end() -> None:
    lookup, sent = begun()
    for now in (0.9, 1.1, 2.6, 3.9):
        lookup.tick(now)
    assert (len(sent), lookup.is_over()) == (3, False)
    lookup.tick(4.1)
    assert lookup.is_over()
    with pytest.raises(LookupFailedError, match="no name server answers"):
        lookup.address(NAME)


def test_a_name_that_does_not_exist_says_so() -> None:
    lookup, sent = begun()
    lookup.receive(answer_to(sent[0], b"", 3), 0.02)
    with pytest.raises(LookupFailedError, match="the name does not exist"):
        lookup.address(NAME)


def test_name_servers_of_another_ip_version_end_it_at_once() -> None:
    lookup, sent = begun(NameServer(ip_address("fd00::53")))
    assert (sent, lookup.is_over()) == ([], True)
    with pytest.raises(LookupFailedError, match="IP version"):
        lookup.address(NAME)
