"""How a lab server is set up and how it behaves, as frozen records. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey

Network = IPv4Network | IPv6Network


class LabMode(Enum):
    """What is right or wrong with a server. Each is a thing that happens to real ones."""

    HEALTHY = "healthy"
    SLOW = "slow"
    """Every answer comes `slow_delay` late."""
    LOSSY = "lossy"
    """A share `loss` of what arrives is dropped."""
    SILENT = "silent"
    """Everything that arrives is dropped: a hung process, or a firewall in front of it."""
    ROTATED_KEY = "rotated key"
    """The server holds `rotated_to`; who still uses the old public key gets silence."""
    UNKNOWN_PEER = "unknown peer"
    """No peer is configured but those that are `remaining_peers`: ours was removed, or never added. Silence."""
    WRONG_PSK = "wrong preshared key"
    """The server's preshared key for every peer is another: it answers, and the answer does not open."""
    DATA_DROPPED = "data dropped"
    """AllowedIPs lack the client's tunnel address: the handshake is fine, its data goes nowhere."""
    UNDER_LOAD = "under load"
    """A cookie is demanded before a handshake is served."""
    CLOSED = "closed"
    """Nothing listens on the port: the kernel itself answers with ICMP port unreachable."""
    NOT_WIREGUARD = "not WireGuard"
    """A DNS server has the port, and calls what it gets a format error."""


@dataclass(frozen=True, slots=True)
class ModeStep:
    """A mode, and how long it lasts."""

    seconds: float
    mode: LabMode


@dataclass(frozen=True, slots=True)
class LabBehaviour:
    """How a server behaves.

    `latency` is what the server and the way to it add to a round trip; on top comes a random part that is
    `jitter` on average and now and then several times that. `script`, where there is one, sets the mode in
    a loop that begins with its first step. `keepalive_after` is how long data may stay unanswered before an
    empty packet acknowledges it; real servers wait ten seconds (KEEPALIVE_TIMEOUT).
    `seed` makes jitter and loss the same in every run.
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
    """Who may come in: the server's `[Peer]` section."""

    public_key: PublicKey
    allowed_ips: tuple[Network, ...] = ()
    preshared_key: PresharedKey = NO_PRESHARED_KEY


@dataclass(frozen=True, slots=True)
class LabSetup:
    """The server's own half of its configuration: its keys and its tunnel addresses, which answer pings."""

    private_key: PrivateKey
    peers: tuple[LabPeer, ...]
    addresses: tuple[Address, ...] = ()
    rotated_to: PrivateKey | None = None
    """The key that the server holds in the mode ROTATED_KEY; a random one where nobody needs to know it."""
    remaining_peers: tuple[LabPeer, ...] = ()
    """Further peers, whom the server knows in the mode UNKNOWN_PEER too."""
    forwards: bool = True
    """Whether it is a router, and says so to packets whose time to live ends at it."""
