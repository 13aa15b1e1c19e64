"""pcapng export of exchanges: each packet with its time, between this machine and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui import __version__
from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.packets import fields_of, label_of, transport_of
from wgmon_tui.checks.transport import IpProtocol, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.ip_headers import Socket, TcpNumbers
from wgmon_tui.output.pcapng import CapturedPacket, capture
from wgmon_tui.text import printable

PLACEHOLDER_ADDRESSES: dict[int, Address] = {4: IPv4Address("192.0.2.1"), 6: IPv6Address("2001:db8::1")}
"""Documentation addresses (RFC 5737, RFC 3849) in place of the local address, which sockets do not report."""

PLACEHOLDER_PORT = 50000
"""Placeholder for an unknown local port. Wireshark assigns it to no other protocol."""

_LONGEST_SEGMENT = 32768
"""The length field of an IPv4 packet has 16 bits."""

OurPort = Callable[[Address], int | None]
"""Returns the local port of the packets to an address, or None if unknown."""


def unknown_port(_: Address) -> None:
    """Return None: for stored exchanges, the local port is unknown."""


def pcapng_of(
    rounds: Iterable[Round], *, our_port: OurPort = unknown_port, key_logs: Sequence[KeyLog] = ()
) -> Iterator[bytes]:
    """Yield a pcapng file of these rounds, block by block; with `key_logs`, Wireshark decrypts them."""
    return capture(
        (packet for outcome in rounds for packet in captured_packets(outcome, our_port)),
        application=f"wgmon-tui {__version__}",
        interface="payloads of wgmon-tui",
        comment=_about(with_keys=bool(key_logs)),
        key_logs=key_logs,
    )


def captured_packets(outcome: Round, our_port: OurPort = unknown_port) -> Iterator[CapturedPacket]:
    """Yield the packets of a round, by address; the first of each carries the diagnosis as comment."""
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        address = check.address
        if address is None:  # the name did not resolve, so nothing was sent
            continue
        sides = _Sides(address, check.endpoint.port, our_port(address) or PLACEHOLDER_PORT)
        for number, packet in enumerate(check.exchange):
            comments = [] if number else [_meaning(check, diagnosis)]
            if check.framing:  # Wireshark does not know the framing
                comments.append(_name_fields(check, packet))
            at_ns = int(check.started_at * 1e6) * 1000 + round(packet.at * 1e9)
            yield from sides.capture(packet, transport_of(check, packet), at_ns, "\n".join(comments))


class _Sides:
    """Both sides of a check, and how far each has come in every TCP stream between them."""

    def __init__(self, address: Address, server_port: int, our_port: int) -> None:
        self._address = address
        self._server_port = server_port
        self._our_port = our_port
        self._next: dict[tuple[Socket, Socket], int] = {}
        """By source and destination: the number of the next byte."""

    def capture(
        self, packet: Packet, by: PacketTransport, at_ns: int, comment: str
    ) -> Iterator[CapturedPacket]:
        """Yield a packet with its headers. What is too long for one segment becomes several."""
        ours: Socket = (PLACEHOLDER_ADDRESSES[self._address.version], self._our_port + by.connection)
        servers: Socket = (self._address, by.server_port or self._server_port)
        outbound = packet.direction is Direction.SENT
        source, destination = (ours, servers) if outbound else (servers, ours)
        for part in _split(packet.data) if by.protocol is IpProtocol.TCP else (packet.data,):
            numbers = None
            if by.protocol is IpProtocol.TCP:
                sequence = self._next.get((source, destination), 1)
                numbers = TcpNumbers(sequence, self._next.get((destination, source), 1))
                self._next[source, destination] = (sequence + len(part)) % 2**32
            yield CapturedPacket(at_ns, source, destination, part, outbound, comment, by.protocol, numbers)
            comment = ""


def _split(data: bytes) -> Iterator[bytes]:
    """Split bytes of a stream into segments."""
    for start in range(0, max(len(data), 1), _LONGEST_SEGMENT):
        yield data[start : start + _LONGEST_SEGMENT]


def by_address(outcome: Round) -> Iterator[Round]:
    """Yield each check of a round as a separate round."""
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        yield Round((check,), (diagnosis,), outcome.port_monitor if check is outcome.check else None)


def _meaning(check: Check, diagnosis: Diagnosis) -> str:
    verdict = diagnosis.verdict
    return printable(
        f"{check.server} ({check.endpoint}), seen from {check.vantage}: "
        f"{verdict.slug} ({verdict.severity.word}). {diagnosis.summary}"
    )


def _name_fields(check: Check, packet: Packet) -> str:
    """The name of a framed packet, and its fields with their bytes."""
    fields = (f"{each.name} {each.offset}-{each.end - 1}" for each in fields_of(check, packet))
    return printable(f"{label_of(check, packet)}: {', '.join(fields)}")


def _about(*, with_keys: bool) -> str:
    headers = (
        "The payloads of checks, as sent and received. The headers of IP, UDP and TCP are rebuilt: "
        f"{PLACEHOLDER_ADDRESSES[4]} and {PLACEHOLDER_ADDRESSES[6]} replace the client's address, and port "
        f"{PLACEHOLDER_PORT} its port if unknown. Received packets are shown with the checked address."
    )
    ports = "If Wireshark takes the server's port for another protocol, choose Decode As."
    keys = "This file contains secret keys. Do not share it, and delete it after use."
    return "\n".join([headers, ports, keys] if with_keys else [headers, ports])
