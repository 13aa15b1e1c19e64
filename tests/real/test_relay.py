"""Tests of the relay's process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from tests.real.namespaces import RoutedPath, entered
from tests.real.relay import Relay
from tests.real.relay_settings import AnswerFrom, RelaySettings

_WITHIN_S = 60.0


@contextmanager
def relayed(
    path: RoutedPath, settings: RelaySettings
) -> Iterator[tuple[Relay, socket.socket, socket.socket]]:
    """A relay, a client's socket, and the socket of a server."""
    with entered(path.server):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((str(path.server_address(4)), 0))
    with entered(path.client):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay = Relay(path, (IPv4Address(server.getsockname()[0]), server.getsockname()[1]), settings)
    with server, client:
        server.settimeout(_WITHIN_S)
        client.settimeout(_WITHIN_S)
        try:
            yield relay, client, server
        finally:
            relay.close()


def exchange(relay: Relay, client: socket.socket, server: socket.socket) -> tuple[str, int]:
    """Send there and back; returns the source of the answer."""
    address, port = relay.endpoint
    client.sendto(b"ping", (str(address), port))
    packet, via = server.recvfrom(100)
    server.sendto(packet + b" pong", via)
    answer, source = client.recvfrom(100)
    assert answer == b"ping pong"
    found: tuple[str, int] = source
    return found


def test_packets_pass_both_ways(path: RoutedPath) -> None:
    with relayed(path, RelaySettings()) as (relay, client, server):
        address, port = relay.endpoint
        assert exchange(relay, client, server) == (str(address), port)


def test_a_change_is_in_force_when_it_returns(path: RoutedPath) -> None:
    with relayed(path, RelaySettings(answer_from=AnswerFrom.OTHER_PORT)) as (relay, client, server):
        address, port = relay.endpoint
        source = exchange(relay, client, server)
        assert source[0] == str(address)
        assert source[1] != port
        relay.change(RelaySettings(answer_from=AnswerFrom.OTHER_ADDRESS))
        source = exchange(relay, client, server)
        assert source[0] != str(address)
        assert source[1] == port
