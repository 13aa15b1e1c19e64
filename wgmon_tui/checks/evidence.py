"""What a check leaves behind: the packets as they were on the wire, and evidence. Facts, no opinion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from wgmon_tui.config.models import Address, Endpoint, Interface
from wgmon_tui.protocols.wireguard.handshake import Reason
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


@dataclass(frozen=True, slots=True)
class InnerEcho:
    """Echoes through the tunnel to one inner address; `rtt` is the median of those answered, in seconds."""

    target: str
    sent: int
    received: int
    rtt: float | None


@dataclass(frozen=True, slots=True)
class InnerIcmp:
    """An ICMP error that came through the tunnel, from `source`, about a packet of ours to `original_destination`."""

    source: Address
    version: int
    type: int
    code: int
    original_destination: Address | None
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class InnerService:
    """A name server or TCP port asked through the tunnel. `answer` is None where nothing came."""

    kind: Literal["dns", "tcp"]
    target: str
    answer: Literal["answered", "open", "closed"] | None


@dataclass(frozen=True, slots=True)
class InnerUnaddressed:
    """An inner target that cannot be asked: our identity has no tunnel address of that IP version."""

    target: str


@dataclass(frozen=True, slots=True)
class InnerHop:
    """Who answered packets of ours that live no further than the first hop inside the tunnel.

    Asked in each IP version that we have a tunnel address of, where no inner address can be asked. `source`
    is None where nobody answered, `rtt` in seconds.
    """

    version: int
    source: Address | None
    rtt: float | None


@dataclass(frozen=True, slots=True)
class PassiveKeepalive:
    """Whether the server acknowledged data that nothing inside answered.

    `after` is how many seconds after the first data packet its keepalive came, None where none came within
    `waited` seconds. Servers arm this timer before they look at AllowedIPs, routes or inner firewalls.
    """

    after: float | None
    waited: float


@dataclass(frozen=True, slots=True)
class PathMtu:
    """The largest inner packet that came back whole or in fragments, and the smallest above it that did not.

    `required` is the size that ought to pass; `reported` the MTU that a hop named, if one did.
    """

    required: int
    largest_passing: int
    smallest_failing: int | None
    reported: int | None = None


@dataclass(frozen=True, slots=True)
class KnownKeyAnswered:
    """Experiment: the server is silent to `public_key` of its entry, and answered one of its `known_keys`."""

    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class IdentityAnswered:
    """Experiment: the server is silent to our identity, and answered another one of the same file."""

    identity: str


@dataclass(frozen=True, slots=True)
class PresharedKeyFound:
    """Experiment: with which preshared key an answer was made that ours does not open.

    `server_name` is the server in whose entry that key stands; None says that the server has no preshared key for us.
    """

    server_name: str | None


@dataclass(frozen=True, slots=True)
class OtherAddressAnswered:
    """Another address of the same name answered in the same round."""

    address: Address


@dataclass(frozen=True, slots=True)
class FreshPortAnswered:
    """Experiment: silent to our usual source port, the server answered a fresh one."""


@dataclass(frozen=True, slots=True)
class AllSilent:
    """Every one of `servers` servers, well a moment ago, fell silent at once: it is our side."""

    servers: int


@dataclass(frozen=True, slots=True)
class StampsAhead:
    """Our timestamps run `seconds` ahead of our clock: it was set back, or ran ahead once."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NameMoved:
    """The addresses of the server's name changed since the last look."""

    host: str
    removed: tuple[Address, ...]
    new: tuple[Address, ...]


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
    | InnerEcho
    | InnerIcmp
    | InnerService
    | InnerUnaddressed
    | InnerHop
    | PassiveKeepalive
    | PathMtu
    | KnownKeyAnswered
    | IdentityAnswered
    | PresharedKeyFound
    | OtherAddressAnswered
    | FreshPortAnswered
    | AllSilent
    | StampsAhead
    | NameMoved
)


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
