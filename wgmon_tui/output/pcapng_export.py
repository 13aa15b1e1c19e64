"""pcapng export of exchanges: each packet with its time, between this machine and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui import __version__
from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.packets import fields_of, label_of
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.pcapng import CapturedDatagram, Socket, capture
from wgmon_tui.text import printable

PLACEHOLDER_ADDRESSES: dict[int, Address] = {4: IPv4Address("192.0.2.1"), 6: IPv6Address("2001:db8::1")}
"""Documentation addresses (RFC 5737, RFC 3849) in place of the local address, which sockets do not report."""

PLACEHOLDER_PORT = 50000
"""Placeholder for an unknown local port. Wireshark assigns it to no other protocol."""

OurPort = Callable[[Address], int | None]
"""Returns the local port of the packets to an address, or None if unknown."""


def unknown_port(_: Address) -> None:
    """Return None: for stored exchanges, the local port is unknown."""


def pcapng_of(
    rounds: Iterable[Round], *, our_port: OurPort = unknown_port, key_log: str = ""
) -> Iterator[bytes]:
    """Yield a pcapng file of these rounds, block by block; with `key_log`, Wireshark decrypts them."""
    return capture(
        (datagram for outcome in rounds for datagram in datagrams(outcome, our_port)),
        application=f"wgmon-tui {__version__}",
        interface="UDP payloads of wgmon-tui",
        comment=_about(with_keys=bool(key_log)),
        key_log=key_log,
    )


def datagrams(outcome: Round, our_port: OurPort = unknown_port) -> Iterator[CapturedDatagram]:
    """Yield the packets of a round, by address; the first of each carries the diagnosis as comment."""
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        address = check.address
        if address is None:  # the name did not resolve, so nothing was sent
            continue
        ours: Socket = (PLACEHOLDER_ADDRESSES[address.version], our_port(address) or PLACEHOLDER_PORT)
        servers: Socket = (address, check.endpoint.port)
        began_ns = int(check.started_at * 1e6) * 1000
        for number, packet in enumerate(check.exchange):
            comments = [] if number else [_meaning(check, diagnosis)]
            if check.framing:  # Wireshark does not know the framing
                comments.append(_name_fields(check, packet))
            outbound = packet.direction is Direction.SENT
            yield CapturedDatagram(
                at_ns=began_ns + round(packet.at * 1e9),
                source=ours if outbound else servers,
                destination=servers if outbound else ours,
                payload=packet.data,
                outbound=outbound,
                comment="\n".join(comments),
            )


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
        "The UDP payloads of WireGuard checks, as sent and received. The IP and UDP headers are rebuilt: "
        f"{PLACEHOLDER_ADDRESSES[4]} and {PLACEHOLDER_ADDRESSES[6]} replace the client's address, and port "
        f"{PLACEHOLDER_PORT} its port if unknown. Received packets are shown with the checked address."
    )
    ports = "If Wireshark takes the server's port for another protocol, choose Decode As, WireGuard."
    keys = "This file contains a private key. Do not share it, and delete it after use."
    return "\n".join([headers, ports, keys] if with_keys else [headers, ports])
