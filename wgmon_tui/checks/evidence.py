"""Evidence: what a check observed. Facts, no opinion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard.handshake import Reason
from wgmon_tui.protocols.wireguard.keys import PublicKey


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
