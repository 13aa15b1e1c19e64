"""One check of one address: its packets, its handshake, its tunnel stage and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.net.addresses import Address, Endpoint, Interface
from wgmon_tui.protocols.wireguard.keys import PublicKey


class Direction(Enum):
    """Which way a packet went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Packet:
    """A UDP payload of an exchange. `at` is in seconds from the start of the check."""

    at: float
    direction: Direction
    data: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """A handshake whose response authenticated.

    `rtt` is in seconds, of the attempt that was answered, by the kernel's receive timestamp where the
    platform has one. `retransmits` counts the initiations before that attempt that got no answer;
    `cookie` says that the server demanded one first.
    """

    rtt: float
    retransmits: int = 0
    cookie: bool = False


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What came of sending data through the session.

    `sent` and `received` count echoes and service questions; `rtt` is the median echo's, in seconds. `mtu`
    is the largest inner packet that passed, None where it was not searched. `passive` says that there was no
    inner address to ask: then the first hop was asked instead, counted once for each IP version, and a deep
    look waits for the server's keepalive where that too is silent.
    """

    sent: int
    received: int
    rtt: float | None
    mtu: int | None
    passive: bool


@dataclass(frozen=True, slots=True)
class ProbedAs:
    """As whom a check asked: what the server must list of us."""

    public_key: PublicKey
    tunnel_addresses: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One run of all stages against one address of one server.

    `started_at` is Unix time in seconds; `address` is None where the name did not resolve; `sent` counts
    initiations.
    """

    server: str
    vantage: str
    endpoint: Endpoint
    address: Address | None
    started_at: float
    handshake: Handshake | None
    evidence: tuple[Evidence, ...] = ()
    exchange: tuple[Packet, ...] = ()
    sent: int = 0
    tunnel: Tunnel | None = None
    probed_as: ProbedAs | None = None
