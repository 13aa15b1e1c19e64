"""The contract of a protocol: all that the rest of the program knows about one.

A protocol is one folder of `protocols/` and one line of `checks/registry.py`. docs/adding-a-protocol.md is
the guide. A class that derives from `Protocol` inherits the defaults of what its protocol does not need.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from types import MappingProxyType

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, NodeCommands
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.mesh_client import MeshClient
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.transport import UDP, PacketTransport
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.protocol_settings import NO_SETTINGS, ProtocolSettings
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.naive_port_check import check_port_naively
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.records import dataclass

if typing.TYPE_CHECKING:
    from wgmon_tui.checks.inspection import Inspector

LOSS_WINDOW = 20
"""How many recent checks decide whether a server is lossy: as many are given to `Protocol.diagnose`."""


class ProtocolTarget(typing.Protocol):
    """A server with the secrets that its check needs. Its repr shows none of them."""

    @property
    def server(self) -> Server:
        """The server's entry in servers.toml."""

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """What both sides must agree on, such as keys: "worked until" holds only while they are the same.

        Never shown or stored: it may hold secrets.
        """

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """What another process must have too, besides the entry, to check the same. Secrets are hashed."""

    def with_server(self, server: Server) -> typing.Self:
        """The same secrets with a changed entry of the server."""

    def is_probed_as(self, check: Check) -> bool:
        """Whether a check of an earlier run used the same identity as this target."""


@typing.runtime_checkable
class IdentityTarget(ProtocolTarget, typing.Protocol):
    """A target whose server knows one session for each identity: checks of it exclude each other."""

    @property
    def private_key(self) -> PrivateKey:
        """The private key of the identity."""

    @property
    def spacing_s(self) -> float:
        """The least seconds between two attempts with the identity, so that the server takes both."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets by server name, and one line per other server with its problem."""

    ready: Mapping[str, ProtocolTarget]
    problems: Mapping[str, str]


class ProtocolProber(typing.Protocol):
    """Runs the checks of one protocol. It never raises for what the network or a server does."""

    @property
    def vantage(self) -> str:
        """The vantage of its checks."""

    async def open(self) -> None:
        """Open what all checks share. Raises OSError if this machine cannot send at all."""

    async def close(self) -> None:
        """Close it again, also if `open` did not succeed or was never called."""

    async def check_all(
        self,
        target: typing.Any,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Check each address of a server, and return at least one check.

        `deep` adds slow checks that run only now and then. `explain` allows experiments that explain a
        failure. `soak` adds a long data test.
        """

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Restore what an earlier run knew of a server's name, from its last answered round."""


@typing.runtime_checkable
class TracingProber(typing.Protocol):
    """A prober that can also trace the path to a server."""

    async def trace_path(
        self,
        target: typing.Any,
        options: TraceOptions,
        on_progress: Callable[[PathTrace], None],
    ) -> PathTrace:
        """Trace the path to one address of a server. Raises TraceRefusedError."""


@typing.runtime_checkable
class PortNamingProber(typing.Protocol):
    """A prober that sends from ports which it keeps."""

    def port_for(self, address: Address) -> int | None:
        """The source port towards an address; None if this machine does not support its family."""


@dataclass(frozen=True, slots=True)
class ProbeServices:
    """What the process offers to its probers, for protocols with identities.

    `next_timestamp` gives a TAI64N stamp later than any that an identity has used, in any process. `ahead_s`
    tells how far the last one is ahead of the clock. `may_stamp` tells whether the next one is near the known
    times. `stamped_elsewhere` tells when another process last used the identity, in Unix seconds.
    `hold_identity` keeps other processes from a server during a check.

    `note_secret` takes the one-time secrets of the checks as text, for `Protocol.make_key_logs`. It is None
    unless somebody asked to decrypt an exchange: a prober then keeps no secret beyond its check.

    `note_report` takes what a control plane reported of its nodes, with its name in servers.toml.
    """

    next_timestamp: Callable[[PublicKey], bytes]
    ahead_s: Callable[[PublicKey], float] = lambda _: 0.0
    may_stamp: Callable[[PublicKey], bool] = lambda _: True
    stamped_elsewhere: Callable[[PublicKey], float | None] = lambda _: None
    hold_identity: Callable[[IdentityTarget], AbstractAsyncContextManager[bool]] = lambda _: nullcontext(True)
    vantage: str = "local"
    note_secret: Callable[[str], None] | None = None
    note_report: Callable[[str, ControlPlaneReport], None] = lambda _name, _report: None


@dataclass(frozen=True, slots=True)
class PacketRemark:
    """What became of a received packet, in words. `tone` is how it is drawn."""

    text: str
    tone: typing.Literal["good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment that explains a failure: what it tries, and what its result proves."""

    name: str
    tries: str
    proves: str


@dataclass(frozen=True, slots=True)
class GlossaryTerm:
    """A term of the protocol, explained in a sentence, and where it is defined."""

    term: str
    meaning: str
    source: str = ""


class Protocol(typing.Protocol):
    """One protocol. Derive from this class; importing its module must be cheap."""

    name: str
    """The word in servers.toml."""

    title: str
    """The name that people read."""

    settings: ProtocolSettings = NO_SETTINGS
    """What it reads of a `[[server]]`."""

    prober_of: str = ""
    """The protocol whose prober makes the checks, so that both share sockets and turns; "" for an own one."""

    repeats_deep_results: bool = False
    """Whether a quick check repeats what the last deep one found: only another deep check confirms that."""

    traces_paths: bool = False
    """Whether its prober can trace the path to a server: it is a `TracingProber`."""

    no_packets: str = ""
    """Why a check may have no packets to show, for a protocol that does not record all of them."""

    experiments: Sequence[Experiment] = ()
    glossary: Sequence[GlossaryTerm] = ()
    verdict_help: Mapping[Verdict, VerdictHelp] = MappingProxyType({})
    """Help on a verdict, where this protocol decides it by other evidence than WireGuard."""
    node_commands: NodeCommands | None = None
    """What settles questions about the nodes of a control plane; None for what has no nodes."""

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers of this protocol with their secrets. A bad secret excludes one server only."""
        secrets = keyring.protocol_secrets
        return Targets({each.name: ServerTarget(each, secrets.get(each.name, {})) for each in servers}, {})

    def share_trials(self, ready: Mapping[str, ProtocolTarget]) -> Mapping[str, ProtocolTarget]:
        """Targets of the fleet, also of other protocols, with what this one lets their experiments try."""
        return {}

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        """Make a prober. It is opened before its first check."""
        ...

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        """Diagnose a check: evidence in, verdict and ranked causes out. Pure.

        `recent` holds the RTTs of the previous LOSS_WINDOW checks, None for a lost one. `standing` is
        evidence that stays valid for more than one check. `is_explained_by_loss` tells whether the known
        loss of the path, a RecentLoss in `standing`, is a likely reason of silence.
        """
        ...

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        """Say in one line what evidence of this protocol is. Values may come from another machine."""
        return f"{evidence.kind}: {', '.join(evidence.values)}" if evidence.values else evidence.kind

    def has_seen_all_ends(self, check: Check) -> bool:
        """Whether a check that succeeded saw everything that ends: what it did not see has gone."""
        return any(isinstance(each, Expires) for each in check.evidence)

    def label_of(self, packet: bytes, framing: str = "") -> str:
        """The displayed name of a message. `framing` is that of the check."""
        ...

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        """The fields of a message, in order and without gaps."""
        ...

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        """The value of a field of packet `number`, in words or numbers; None if there is nothing to say."""
        return None

    def remark_on(self, check: Check, packet: Packet) -> PacketRemark | None:
        """What became of a packet; None if there is nothing to say."""
        return None

    def find_decisive_field(self, check: Check) -> tuple[int, str] | None:
        """The packet and the name of the field that decided a failed check; None if there is none."""
        return None

    def is_unasked(self, packet: bytes, framing: str = "") -> bool:
        """Whether a server sends such a message of its own accord, so that it answers nothing."""
        return False

    def transport_of(self, check: Check, packet: Packet) -> PacketTransport:
        """What carried a packet. Exports rebuild its headers from that."""
        return UDP

    def key_log_warning(self, target: ProtocolTarget) -> Sequence[str]:
        """Lines that warn of what a key log of an exchange reveals; none if Wireshark could not use one."""
        return ()

    def make_key_logs(self, target: ProtocolTarget, secrets: Sequence[str]) -> Sequence[KeyLog]:
        """Make the key logs of an exchange. `secrets` are what its prober gave to `note_secret`, in order."""
        return ()

    def make_mesh_client(self) -> MeshClient | None:
        """Make the reader of this mesh's client on this machine; None if there is none."""
        return None

    def find_inspector(self) -> Inspector | None:
        """What asks servers and this machine's interfaces for their own view; None if none can be asked."""
        return None

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """What a monitor that knows only the port would say; None if it could not ask."""
        return await check_port_naively(address, port)


def by_protocol(servers: Iterable[Server]) -> dict[str, list[Server]]:
    """Group servers by their protocol."""
    groups: dict[str, list[Server]] = {}
    for server in servers:
        groups.setdefault(server.protocol, []).append(server)
    return groups
