"""What a check leaves behind: the packets as they were on the wire, and evidence. Facts, no opinion."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from wgmon_tui.fleet.records import Address, Endpoint, Server
from wgmon_tui.wireguard.handshake import Initiator, Reason
from wgmon_tui.wireguard.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey


@dataclass(frozen=True, slots=True)
class Target:
    """A server with the secrets that a check of it needs, resolved. Keys never show in its repr.

    Raises RejectedError (LOW_ORDER) for a server key that no Curve25519 key pair has.
    """

    server: Server
    private_key: PrivateKey
    preshared_key: PresharedKey = NO_PRESHARED_KEY
    initiator: Initiator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Made once: the static-static DH is a quarter of what a handshake costs.
        initiator = Initiator(self.private_key, self.server.public_key, self.preshared_key)
        object.__setattr__(self, "initiator", initiator)


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
class NameUnresolved:
    """The resolver had no address. `error` is its own word."""

    host: str
    error: str


@dataclass(frozen=True, slots=True)
class CookieDemanded:
    """An authentic cookie reply came: the server says that it is under load."""

    at: float


@dataclass(frozen=True, slots=True)
class PacketRejected:
    """A WireGuard message to us that must not be believed, and why."""

    at: float
    reason: Reason
    length: int


@dataclass(frozen=True, slots=True)
class ForeignBytes:
    """Bytes from the server's address and port in no form that WireGuard sends; the first of them."""

    at: float
    length: int
    head: bytes


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP or ICMPv6 error about a packet of ours, and who sent it."""

    at: float
    version: int
    type: int
    code: int
    offender: str
    from_target: bool
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class SocketError:
    """Our own system refused to send: `name` is the errno's (EPERM, ENETUNREACH …)."""

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """An authentic answer to an attempt of an earlier check, `age` seconds after that was sent."""

    age: float


@dataclass(frozen=True, slots=True)
class ReceiveOverflow:
    """Our own socket dropped datagrams while this check waited: silence proves nothing then."""

    dropped: int


@dataclass(frozen=True, slots=True)
class Silence:
    """No authentic answer came before the deadline, `waited` seconds after the first initiation."""

    waited: float


Evidence = (
    NameUnresolved
    | CookieDemanded
    | PacketRejected
    | ForeignBytes
    | IcmpError
    | SocketError
    | LateAnswer
    | ReceiveOverflow
    | Silence
)


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
