"""Evidence: the facts that a check observed, without interpretation."""

from __future__ import annotations

from typing import Literal

from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    IdentityOnInterface,
    IdentityUsedElsewhere,
    InnerAddressAnswered,
    LeavesBy,
    NeighboursFailed,
    OtherVantagesAnswered,
    ServerInitiated,
    ServerOnInterface,
    WorkedUntil,
)
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class NameUnresolved:
    """The resolver returned no address. `error` is the resolver's message."""

    host: str
    error: str


@dataclass(frozen=True, slots=True)
class CookieDemanded:
    """An authentic cookie reply arrived: the server reports that it is under load."""

    at: float


@dataclass(frozen=True, slots=True)
class PacketRejected:
    """A received packet that was rejected, and the reason."""

    at: float
    reason: Reason
    length: int


@dataclass(frozen=True, slots=True)
class ForeignBytes:
    """Bytes from the server's address and port that are not a WireGuard message; `head` holds the first."""

    at: float
    length: int
    head: bytes


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP or ICMPv6 error about a sent packet, and its sender `offender`. It may be forged.

    `offender` is "" on a system that does not show the sender; `type` and `code` are the nearest then.
    `quotes_packet` tells whether it quotes a packet of this check, which only those on the path have seen.
    Many machines quote addresses and ports only. None in records of earlier versions.
    """

    at: float
    version: int
    type: int
    code: int
    offender: str
    from_target: bool
    mtu: int | None = None
    quotes_packet: bool | None = None


IDENTITY_BUSY = "EBUSY"
"""The error name of a check that was not sent, because another process uses its identity."""

TIMESTAMP_FAR_AHEAD = "ETIME"
"""The error name of a check that was not sent, because its timestamp is far ahead of all known times."""

WORKER_ENDED = "ECHILD"
"""The error name of a check that has no result, because two worker processes ended during it."""


@dataclass(frozen=True, slots=True)
class SocketError:
    """This machine refused to send, or a check has no result for another reason of this machine.

    `name` is the errno name (EPERM, ENETUNREACH …), or IDENTITY_BUSY, TIMESTAMP_FAR_AHEAD or WORKER_ENDED.
    """

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """An authentic answer after the end of its check, `age` seconds after the initiation was sent."""

    age: float


@dataclass(frozen=True, slots=True)
class ReceiveOverflow:
    """The local socket dropped datagrams during this check, so silence proves nothing."""

    dropped: int


@dataclass(frozen=True, slots=True)
class Silence:
    """No authentic answer arrived before the deadline, `waited` seconds after the first initiation."""

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
    """A name server or TCP port probed through the tunnel. `answer` is None if it did not answer.

    `rcode` is the response code of a name server (RFC 1035 §4.1.1); 0 is no error.
    """

    kind: Literal["dns", "tcp"]
    target: str
    answer: Literal["answered", "open", "closed"] | None
    rcode: int = 0


@dataclass(frozen=True, slots=True)
class InnerUnaddressed:
    """An inner target that cannot be probed: the identity has no tunnel address of its IP version."""

    target: str


@dataclass(frozen=True, slots=True)
class InnerHop:
    """The answer of the first hop inside the tunnel to packets that expire there.

    Probed when no inner address is configured, in each IP version that the identity has a tunnel address of.
    `source` is None if nothing answered; `rtt` is in seconds.
    """

    version: int
    source: Address | None
    rtt: float | None


@dataclass(frozen=True, slots=True)
class PassiveKeepalive:
    """Whether the server acknowledged data that nothing inside answered.

    `after` is the time in seconds from the first data packet to the keepalive. It is None if no keepalive
    arrived within `waited` seconds. Servers arm this timer before they check AllowedIPs, routes or inner
    firewalls.
    """

    after: float | None
    waited: float


@dataclass(frozen=True, slots=True)
class PathMtu:
    """The largest inner packet that came back, whole or in fragments, and the smallest above it that did not.

    `required` is the size that should pass. `reported` is the MTU that a hop reported, if any.
    """

    required: int
    largest_passing: int
    smallest_failing: int | None
    reported: int | None = None


@dataclass(frozen=True, slots=True)
class KnownKeyAnswered:
    """Experiment: the server is silent to its configured key, but answered to one of its `known_keys`."""

    public_key: PublicKey


@dataclass(frozen=True, slots=True)
class IdentityAnswered:
    """Experiment: the server is silent to this identity, but answered another one of servers.toml."""

    identity: str


@dataclass(frozen=True, slots=True)
class PresharedKeyFound:
    """Experiment: the preshared key under which an answer authenticates, where the configured one fails.

    `server_name` is the server that has this key in servers.toml. None means that the server uses no
    preshared key for this identity.
    """

    server_name: str | None


@dataclass(frozen=True, slots=True)
class OtherAddressAnswered:
    """Another address of the same name answered in the same round."""

    address: Address


@dataclass(frozen=True, slots=True)
class FreshPortAnswered:
    """Experiment: the server is silent to the usual source port, but answered a fresh one."""


@dataclass(frozen=True, slots=True)
class AllSilent:
    """All `servers` servers that were up stopped answering at once: a local fault."""

    servers: int


@dataclass(frozen=True, slots=True)
class StampsAhead:
    """The last timestamp is `seconds` ahead of the local clock, which was set back or once ran ahead."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NameMoved:
    """The server's name moved from some addresses to others within the last 24 hours.

    `at` is the Unix time of the lookup that showed it; None in records of earlier versions.
    """

    host: str
    removed: tuple[Address, ...]
    new: tuple[Address, ...]
    at: float | None = None


@dataclass(frozen=True, slots=True)
class FlowCut:
    """Data passed at first, then all of it was lost, while later handshakes may still work.

    `packets` and `size` count the datagrams of the flow, and the bytes in them, up to the last one that was
    answered. `after` is the time of that one in seconds after the handshake. `unanswered` echoes followed.
    """

    packets: int
    size: int
    after: float
    unanswered: int


@dataclass(frozen=True, slots=True)
class Soak:
    """A soak: many echoes of mixed sizes in one flow. `size` counts the bytes sent, `lasted` seconds."""

    sent: int
    received: int
    size: int
    lasted: float


@dataclass(frozen=True, slots=True)
class AnsweredFromElsewhere:
    """Authentic packets came from another address or port than the one probed."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class RecentLoss:
    """What the last `checks` checks of this server lost: initiations and echoes, without counting outages."""

    checks: int
    initiations: int
    initiations_lost: int
    echoes: int
    echoes_lost: int


@dataclass(frozen=True, slots=True)
class GatewaySilent:
    """The next hop of this machine does not answer address resolution: its neighbour entry failed."""

    gateway: Address
    interface: str


@dataclass(frozen=True, slots=True)
class WitnessProbed:
    """The `witness` of config.toml was probed while the server was silent."""

    address: str
    answered: bool


@dataclass(frozen=True, slots=True)
class MachineStarved:
    """This process waited `lag` seconds for the processor during the check."""

    lag: float


@dataclass(frozen=True, slots=True)
class OnlyServerWatched:
    """No other server or witness is checked from here that could show whether the uplink works."""


@dataclass(frozen=True, slots=True)
class ProtocolEvidence:
    """A fact that only one protocol observes. Its `Protocol.describe_evidence` says it in words.

    `at` is seconds since the first packet of the check; None if it has no moment. A fact
    `from_experiment` holds until the next experiments, while the server does not answer. If it is
    `about_data`, it holds while the handshake works and no data comes back.
    """

    protocol: str
    kind: str
    values: tuple[str, ...] = ()
    at: float | None = None
    from_experiment: bool = False
    about_data: bool = False


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
    | InnerFetch
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
    | FlowCut
    | Soak
    | AnsweredFromElsewhere
    | RecentLoss
    | ServerInitiated
    | GatewaySilent
    | WitnessProbed
    | MachineStarved
    | OnlyServerWatched
    | WorkedUntil
    | NeighboursFailed
    | OtherVantagesAnswered
    | InnerAddressAnswered
    | ForeignSession
    | IdentityUsedElsewhere
    | IdentityOnInterface
    | LeavesBy
    | MeshPeer
    | ServerOnInterface
    | Expires
    | ProtocolEvidence
)
