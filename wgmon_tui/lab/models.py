"""Setup and behaviour of a lab server. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.amneziawg.parameters import Parameters

Network = IPv4Network | IPv6Network


class LabMode(Enum):
    """The fault of a server, if any. Each fault happens to real servers."""

    HEALTHY = "healthy"
    SLOW = "slow"
    """Every answer is delayed by `slow_delay`."""
    LOSSY = "lossy"
    """A share `loss` of received packets is dropped."""
    SILENT = "silent"
    """All received packets are dropped, as by a hung process or a firewall."""
    ROTATED_KEY = "rotated key"
    """The server holds `rotated_to`; clients with the old public key get no answer."""
    UNKNOWN_PEER = "unknown peer"
    """Only `remaining_peers` are known: the client was removed or never added. No answer."""
    WRONG_PSK = "wrong preshared key"
    """The server has another preshared key for every peer: its answers do not authenticate."""
    DATA_DROPPED = "data dropped"
    """AllowedIPs lack the client's tunnel address: the handshake works, data is dropped."""
    UNDER_LOAD = "under load"
    """The server demands a cookie before it answers."""
    CLOSED = "closed"
    """Nothing listens on the port: the kernel answers with ICMP port unreachable."""
    NOT_WIREGUARD = "not WireGuard"
    """A DNS server uses the port and answers with a format error."""


@dataclass(frozen=True, slots=True)
class ModeStep:
    """A mode and its duration."""

    seconds: float
    mode: LabMode


@dataclass(frozen=True, slots=True)
class LabBehaviour:
    """The behaviour of a server.

    `latency` is the fixed part of the round trip. A random part is added: `jitter` on average, sometimes
    several times that. `script` sets the mode in a loop, from its first step on. `keepalive_after` is how
    long data stays unanswered before an empty packet acknowledges it. Real servers wait ten seconds
    (KEEPALIVE_TIMEOUT). `seed` makes jitter and loss the same in every run.
    """

    mode: LabMode = LabMode.HEALTHY
    latency: float = 0.0
    jitter: float = 0.0
    slow_delay: float = 0.7
    loss: float = 0.4
    script: tuple[ModeStep, ...] = ()
    keepalive_after: float = 10.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class LabPeer:
    """A peer that the server admits: its `[Peer]` section."""

    public_key: PublicKey
    allowed_ips: tuple[Network, ...] = ()
    preshared_key: PresharedKey = NO_PRESHARED_KEY


@dataclass(frozen=True, slots=True)
class LabSetup:
    """The configuration of a lab server: keys, peers, and tunnel addresses, which answer pings."""

    private_key: PrivateKey
    peers: tuple[LabPeer, ...]
    addresses: tuple[Address, ...] = ()
    rotated_to: PrivateKey | None = None
    """The server's key in mode ROTATED_KEY; random if None."""
    remaining_peers: tuple[LabPeer, ...] = ()
    """Further peers, which the server knows even in mode UNKNOWN_PEER."""
    forwards: bool = True
    """Whether it is a router and reports expired packets."""
    amneziawg: Parameters | None = None
    """The parameters of an AmneziaWG server; None for WireGuard."""
    header_protection_key: bytes | None = field(default=None, repr=False)
    serves_http: bool = False
    """Whether an HTTP server answers on port 80 of the tunnel addresses."""
