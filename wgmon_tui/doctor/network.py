"""Network checks: routes, loopback, ICMP errors, timestamps. Packets go only to loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError

_POLLS = 50
_POLL_S = 0.02
_TIMESTAMP_ATTEMPTS = 20
_SHOW_FIREWALL = f"type: {PLATFORM.commands.firewall}"
_SHOW_ADDRESSES = f"type: {PLATFORM.commands.addresses}"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AddressFamily:
    """An address family, its loopback, and an address of its documentation prefix (RFC 5737, RFC 3849)."""

    version: int
    family: socket.AddressFamily
    loopback: str
    documentation_address: str

    def __str__(self) -> str:
        return f"IPv{self.version}"


FAMILIES = (
    AddressFamily(4, socket.AF_INET, "127.0.0.1", "192.0.2.1"),
    AddressFamily(6, socket.AF_INET6, "::1", "2001:db8::1"),
)


async def check_network(fleet: Fleet) -> list[ExaminedItem]:
    """Check the routes, then loopback for each family: firewall, ICMP errors, timestamps."""
    sources = {family: find_source_address(family) for family in FAMILIES}
    items = check_routes(sources, fleet)
    for family in FAMILIES:
        items += await loopback(
            family, needed=_find_literal(fleet, family) is not None or family.version == 4
        )
    return items


def find_source_address(family: AddressFamily) -> str | None:
    """The source address for the Internet; None without a route.

    connect() on a UDP socket makes the kernel choose a route and sends nothing.
    """
    try:
        with socket.socket(family.family, socket.SOCK_DGRAM) as chosen:
            chosen.connect((family.documentation_address, 9))
            return str(chosen.getsockname()[0])
    except OSError:
        return None


def check_routes(sources: Mapping[AddressFamily, str | None], fleet: Fleet) -> list[ExaminedItem]:
    """Report the routes, rated by whether this fleet needs them."""
    items = []
    for family, source in sources.items():
        subject = f"{family} route"
        server = _find_literal(fleet, family)
        if source:
            items.append(ok_item(subject, f"source address {source}"))
        elif not any(sources.values()):
            items.append(
                ExaminedItem(
                    subject, ItemStatus.FIX, "no route", f"type: {PLATFORM.commands.routes[family.version]}"
                )
            )
        elif server:
            fact = f'no route, but server "{server.name}" is {server.endpoint}'
            items.append(
                ExaminedItem(
                    subject, ItemStatus.FIX, fact, f"type: {PLATFORM.commands.routes[family.version]}"
                )
            )
        else:
            fact = f"no route: {family} addresses of servers cannot be checked from this machine"
            items.append(
                ExaminedItem(
                    subject, ItemStatus.LOOK, fact, f"type: {PLATFORM.commands.routes[family.version]}"
                )
            )
    return items


def _find_literal(fleet: Fleet, family: AddressFamily) -> Server | None:
    """A server with a literal address of this family as its endpoint."""
    for server in fleet.servers:
        try:
            if ip_address(server.endpoint.host).version == family.version:
                return server
        except ValueError:
            continue
    return None


async def loopback(family: AddressFamily, needed: bool = True) -> list[ExaminedItem]:
    """Test a prober's socket on loopback, for up to three seconds. `needed`: a fault must be fixed."""
    fault = ItemStatus.FIX if needed else ItemStatus.LOOK
    received: list[Datagram] = []
    errors: list[QueuedError] = []
    try:
        udp_socket = open_udp_socket(family.family, received.append, errors.append)
    except OSError as error:
        return [
            ExaminedItem(f"{family} socket", fault, f"cannot be opened: {error.strerror}", _SHOW_ADDRESSES)
        ]
    try:
        has_kernel_timestamps = await _probe_kernel_timestamps(family, udp_socket, received)
        if has_kernel_timestamps is None:
            fact = "packets sent to loopback do not arrive"
            return [ExaminedItem(f"{family} firewall", fault, fact, _SHOW_FIREWALL)]
        return [
            ok_item(f"{family} firewall", "allows UDP on loopback in both directions"),
            timestamping_item(family, has_kernel_timestamps),
            await _check_icmp_errors(family, udp_socket, errors),
        ]
    except OSError as error:
        return [send_refused_item(family, error, fault)]
    finally:
        udp_socket.close(asyncio.get_running_loop())


async def _probe_kernel_timestamps(
    family: AddressFamily, udp_socket: DatagramSocket, received: list[Datagram]
) -> bool | None:
    """Whether the kernel timestamps datagrams to a prober's socket; None if none arrives.

    Only a kernel timestamp is older than the read. The kernel starts a few milliseconds after the first
    socket on the machine asks for timestamps, so the first datagrams do not count. Raises OSError if this
    machine refuses to send.
    """
    with socket.socket(family.family, socket.SOCK_DGRAM) as other:
        other.bind((family.loopback, 0))
        udp_socket.send(b"doctor", (family.loopback, other.getsockname()[1]))
        for _ in range(_TIMESTAMP_ATTEMPTS):
            received.clear()
            other.sendto(b"doctor", (family.loopback, udp_socket.port))
            read_ns = await _wait_for_arrival(udp_socket, received)
            if read_ns is None:
                return None
            if received[0].received_ns <= read_ns:
                return True
    return False


async def _wait_for_arrival(udp_socket: DatagramSocket, arrived: list[T]) -> int | None:
    """The time just before the read that found something; None if nothing arrives within a second.

    It polls, because that time must be between arrival and read. A reader in the event loop runs too late.
    """
    for _ in range(_POLLS):
        await asyncio.sleep(_POLL_S)
        read_ns = time.time_ns()
        udp_socket.drain()
        if arrived:
            return read_ns
    return None


def send_refused_item(family: AddressFamily, error: OSError, fault: ItemStatus) -> ExaminedItem:
    """Explain why this machine refuses to send to loopback."""
    if error.errno in (errno.EPERM, errno.EACCES):
        fact = f"the firewall of this machine blocks UDP even to loopback ({errno.errorcode[error.errno]})"
        return ExaminedItem(f"{family} firewall", fault, fact, _SHOW_FIREWALL)
    fact = f"UDP to {family.loopback} cannot be sent: {error.strerror}"
    return ExaminedItem(f"{family} loopback", fault, fact, f"type: {PLATFORM.commands.loopback_up}")


def timestamping_item(family: AddressFamily, has_kernel_timestamps: bool) -> ExaminedItem:
    """Report whether the kernel timestamps received packets."""
    subject = f"{family} timing"
    if has_kernel_timestamps:
        return ok_item(subject, "the kernel timestamps received packets")
    fact = "the kernel does not timestamp received packets; load on this machine adds to round-trip times"
    return ExaminedItem(subject, ItemStatus.LOOK, fact, "")


async def _check_icmp_errors(
    family: AddressFamily, udp_socket: DatagramSocket, errors: list[QueuedError]
) -> ExaminedItem:
    """Send to a closed port and read the ICMP error. Raises OSError if this machine refuses to send."""
    subject = f"{family} ICMP errors"
    with socket.socket(family.family, socket.SOCK_DGRAM) as closed:
        # Connected to itself, it accepts no other packets, and no other socket gets its port.
        closed.bind((family.loopback, 0))
        closed.connect(closed.getsockname())
        udp_socket.send(b"doctor", (family.loopback, closed.getsockname()[1]))
        if await _wait_for_arrival(udp_socket, errors) is not None:
            detail = "with" if PLATFORM.has_error_queue else "without"
            return ok_item(subject, f"are delivered {detail} the sender's address")
    return ExaminedItem(
        subject,
        ItemStatus.LOOK,
        "a closed port on loopback was not reported: port-closed is shown as silent here",
        _SHOW_FIREWALL,
    )
