"""Exchanges as the datagrams of a capture: each packet at its time, between our side and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui import __version__
from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.pcapng import CapturedDatagram, Socket, capture
from wgmon_tui.text import printable

PLACEHOLDER_ADDRESSES: dict[int, Address] = {4: IPv4Address("192.0.2.1"), 6: IPv6Address("2001:db8::1")}
"""What stands for ours, which the sockets are not told: addresses for documentation (RFC 5737, RFC 3849)."""

PLACEHOLDER_PORT = 50000
"""What stands for our port where it is not known any more. Wireshark takes it for no other protocol's."""

OurPort = Callable[[Address], int | None]
"""The port from which an address was asked, as far as it is known."""


def unknown_port(_: Address) -> None:
    """For exchanges of the past."""


def pcapng_of(
    rounds: Iterable[Round], *, our_port: OurPort = unknown_port, key_log: str = ""
) -> Iterator[bytes]:
    """A pcapng file of these rounds, block by block; `key_log` makes Wireshark decrypt them."""
    return capture(
        (datagram for outcome in rounds for datagram in datagrams(outcome, our_port)),
        application=f"wgmon-tui {__version__}",
        interface="UDP payloads of wgmon-tui",
        comment=_about(with_keys=bool(key_log)),
        key_log=key_log,
    )


def datagrams(outcome: Round, our_port: OurPort = unknown_port) -> Iterator[CapturedDatagram]:
    """The packets of a round, one address after the other; the first of each says what the check meant."""
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        address = check.address
        if address is None:  # the name did not resolve, so nothing was sent
            continue
        ours: Socket = (PLACEHOLDER_ADDRESSES[address.version], our_port(address) or PLACEHOLDER_PORT)
        servers: Socket = (address, check.endpoint.port)
        began_ns = int(check.started_at * 1e6) * 1000
        for number, packet in enumerate(check.exchange):
            outbound = packet.direction is Direction.SENT
            yield CapturedDatagram(
                at_ns=began_ns + round(packet.at * 1e9),
                source=ours if outbound else servers,
                destination=servers if outbound else ours,
                payload=packet.data,
                outbound=outbound,
                comment="" if number else _meaning(check, diagnosis),
            )


def by_address(outcome: Round) -> Iterator[Round]:
    """The checks of a round, each as a round of its own."""
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        yield Round((check,), (diagnosis,), outcome.port_monitor if check is outcome.check else None)


def _meaning(check: Check, diagnosis: Diagnosis) -> str:
    verdict = diagnosis.verdict
    return printable(
        f"{check.server} ({check.endpoint}), seen from {check.vantage}: "
        f"{verdict.slug} ({verdict.severity.word}). {diagnosis.summary}"
    )


def _about(*, with_keys: bool) -> str:
    headers = (
        "The UDP payloads of WireGuard checks, as sent and received. The IP and UDP headers are rebuilt: "
        f"{PLACEHOLDER_ADDRESSES[4]} and {PLACEHOLDER_ADDRESSES[6]} stand for our address, port {PLACEHOLDER_PORT} for ours where it "
        "is not known, and what came is shown as from the address that was asked."
    )
    ports = "Where Wireshark takes the server's port for another protocol: Decode As, WireGuard."
    keys = "This file holds a private key. Keep it to yourself and delete it when you have looked."
    return "\n".join([headers, ports, keys] if with_keys else [headers, ports])
