"""Evidence from outside of a check: what other servers, vantages, clients and earlier checks showed."""

from __future__ import annotations

from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class ServerInitiated:
    """The server itself sent initiations that this identity's key decrypts.

    It is alive, knows this identity, and its packets arrive here. `at` is in seconds since the check began.
    """

    at: float
    count: int


@dataclass(frozen=True, slots=True)
class WorkedUntil:
    """The last time that this server answered this identity with the same keys, in Unix seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class NeighboursFailed:
    """How many other servers at the same address failed at the same time.

    `watched` counts these and the ones that have answered since.
    """

    address: Address
    failed: int
    watched: int


@dataclass(frozen=True, slots=True)
class OtherVantagesAnswered:
    """Other vantages got an answer from this server recently."""

    vantages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InnerAddressAnswered:
    """An address inside this server's tunnel answers another server's checks, which go another way.

    `server_name` is that server: this machine's own VPN reaches the address, for example. `interface` is the
    one by which those packets leave this machine; "" if it is not known.
    """

    address: Address
    server_name: str
    interface: str = ""


@dataclass(frozen=True, slots=True)
class LeavesBy:
    """The packets of a check leave this machine by this interface, by its routing table."""

    interface: str


@dataclass(frozen=True, slots=True)
class ServerOnInterface:
    """A WireGuard interface of this machine has this server as a peer, and another key than this identity."""

    interface: str


@dataclass(frozen=True, slots=True)
class ForeignSession:
    """Packets arrived for sessions that this process did not open, as if another client used this identity.

    Anybody can forge them. `proven` counts the observations that nobody can forge: packets for another client
    in sessions of this process, and sessions of this process that another client's handshake replaced.
    """

    packets: int
    proven: int = 0


@dataclass(frozen=True, slots=True)
class IdentityUsedElsewhere:
    """Another process stamped an initiation of this identity `age` seconds before this check."""

    age: float


@dataclass(frozen=True, slots=True)
class IdentityOnInterface:
    """A WireGuard interface of this machine has this identity's key, and the server as a peer."""

    interface: str
