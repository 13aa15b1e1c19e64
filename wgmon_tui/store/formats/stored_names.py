"""Stored names of records, separate from their names in the code; those of enums are in stored_enums.py.

The left side is the name in the code, the right side the stored one. A rename in the code changes the left
side only. The right side never changes, because other versions read and write it.

A new field needs an entry here and a default value, because stores of earlier versions lack it. Modules with
stored types that are not in this table have a table there: store/formats/incident_snapshot.py,
alerts/delivery_queue.py and vantages/protocol.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from wgmon_tui.checks.check import Check, Handshake, Packet, ProbedAs, Tunnel
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
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, MeshRelay, Node, Part
from wgmon_tui.checks.evidence import (
    AllSilent,
    AnsweredFromElsewhere,
    CookieDemanded,
    FlowCut,
    ForeignBytes,
    FreshPortAnswered,
    GatewaySilent,
    IcmpError,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    InnerService,
    InnerUnaddressed,
    KnownKeyAnswered,
    LateAnswer,
    MachineStarved,
    NameMoved,
    NameUnresolved,
    OnlyServerWatched,
    OtherAddressAnswered,
    PacketRejected,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    ProtocolEvidence,
    ReceiveOverflow,
    RecentLoss,
    Silence,
    Soak,
    SocketError,
    StampsAhead,
    WitnessProbed,
)
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.stage import Stage
from wgmon_tui.checks.verdict import Cause, Diagnosis
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.records import dataclass
from wgmon_tui.store.formats.stored_enums import ENUM_NAMES


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """Stored names of a record's `fields`, and its stored `kind` if it is a member of a union.

    The `sparse` fields are written only if they differ from their default.
    """

    fields: Mapping[str, str]
    kind: str = ""
    sparse: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class StoredNames:
    """Stored names of records and enums. Compared by identity, so that codecs can be cached.

    With `as_rows`, a record is the list of its values, without the names of its fields. That is for two
    processes of one version: they write and read it in two thirds of the time.
    """

    records: Mapping[type[Any], StoredRecord]
    enums: Mapping[type[Enum], Mapping[Any, str]]
    as_rows: bool = False

    def __or__(self, other: StoredNames) -> StoredNames:
        """Combine two tables."""
        return StoredNames({**self.records, **other.records}, {**self.enums, **other.enums})


_RECORDS: Mapping[type[Any], StoredRecord] = {
    Round: StoredRecord({"checks": "checks", "diagnoses": "diagnoses", "port_monitor": "port_monitor"}),
    Diagnosis: StoredRecord(
        {
            "verdict": "verdict",
            "summary": "summary",
            "evidence": "evidence",
            "causes": "causes",
            "failed_stage": "failed_stage",
        },
        sparse=frozenset({"failed_stage"}),
    ),
    Cause: StoredRecord(
        {"cause": "cause", "why": "why", "fix": "fix", "hypothesis": "hypothesis", "proven": "proven"},
        sparse=frozenset({"hypothesis", "proven"}),
    ),
    Check: StoredRecord(
        {
            "server": "server",
            "vantage": "vantage",
            "endpoint": "endpoint",
            "address": "address",
            "started_at": "started_at",
            "handshake": "handshake",
            "evidence": "evidence",
            "exchange": "exchange",
            "sent": "sent",
            "tunnel": "tunnel",
            "probed_as": "asked_as",
            "stages": "stages",
            "protocol": "protocol",
            "framing": "framing",
        },
        sparse=frozenset({"stages", "protocol", "framing"}),
    ),
    Stage: StoredRecord(
        {"name": "name", "outcome": "outcome", "seconds": "seconds", "detail": "detail"},
        sparse=frozenset({"seconds", "detail"}),
    ),
    Packet: StoredRecord({"at": "at", "direction": "direction", "data": "data"}),
    Handshake: StoredRecord({"rtt": "rtt", "retransmits": "retransmits", "cookie": "cookie"}),
    Tunnel: StoredRecord(
        {"sent": "sent", "received": "received", "rtt": "rtt", "mtu": "mtu", "passive": "passive"}
    ),
    ProbedAs: StoredRecord({"public_key": "public_key", "tunnel_addresses": "tunnel_addresses"}),
    Endpoint: StoredRecord({"host": "host", "port": "port"}),
    Incident: StoredRecord(
        {
            "id": "id",
            "server": "server",
            "vantage": "vantage",
            "opened_at": "opened_at",
            "verdict": "verdict",
            "severity": "severity",
            "summary": "summary",
            "closed_at": "closed_at",
            "flapping": "flapping",
            "acknowledged_at": "acknowledged_at",
            "acknowledged_by": "acknowledged_by",
            "verdicts": "verdicts",
            "omitted_verdicts": "omitted_verdicts",
        },
        sparse=frozenset({"verdicts", "omitted_verdicts"}),
    ),
    VerdictChange: StoredRecord({"at": "at", "verdict": "verdict", "summary": "summary"}),
    VantageStatus: StoredRecord(
        {
            "name": "name",
            "connected": "connected",
            "since": "since",
            "version": "version",
            "checks_per_second": "checks_per_second",
            "waiting": "waiting",
            "trouble": "trouble",
            "public_key": "public_key",
            "dropped": "dropped",
        }
    ),
}

_EVIDENCE: Mapping[type[Any], StoredRecord] = {
    NameUnresolved: StoredRecord({"host": "host", "error": "error"}, kind="NameUnresolved"),
    CookieDemanded: StoredRecord({"at": "at"}, kind="CookieDemanded"),
    PacketRejected: StoredRecord({"at": "at", "reason": "reason", "length": "length"}, kind="PacketRejected"),
    ForeignBytes: StoredRecord({"at": "at", "length": "length", "head": "head"}, kind="ForeignBytes"),
    IcmpError: StoredRecord(
        {
            "at": "at",
            "version": "version",
            "type": "type",
            "code": "code",
            "offender": "offender",
            "from_target": "from_target",
            "mtu": "mtu",
            "quotes_packet": "quotes_packet",
        },
        kind="IcmpError",
        sparse=frozenset({"quotes_packet"}),
    ),
    SocketError: StoredRecord({"at": "at", "name": "name"}, kind="SocketError"),
    LateAnswer: StoredRecord({"age": "age"}, kind="LateAnswer"),
    ReceiveOverflow: StoredRecord({"dropped": "dropped"}, kind="ReceiveOverflow"),
    Silence: StoredRecord({"waited": "waited"}, kind="Silence"),
    InnerEcho: StoredRecord(
        {"target": "target", "sent": "sent", "received": "received", "rtt": "rtt"}, kind="InnerEcho"
    ),
    InnerIcmp: StoredRecord(
        {
            "source": "source",
            "version": "version",
            "type": "type",
            "code": "code",
            "original_destination": "about",
            "mtu": "mtu",
        },
        kind="InnerIcmp",
    ),
    InnerService: StoredRecord(
        {"kind": "kind", "target": "target", "answer": "answer", "rcode": "rcode"},
        kind="InnerService",
        sparse=frozenset({"rcode"}),
    ),
    InnerFetch: StoredRecord(
        {
            "target": "target",
            "address": "address",
            "fault": "fault",
            "resolved": "resolved",
            "connected": "connected",
            "encrypted": "encrypted",
            "responded": "responded",
            "ended": "ended",
            "status": "status",
            "size": "size",
            "rate": "rate",
            "reason": "reason",
            "echoes_pass": "echoes_pass",
            "small_pass": "small_pass",
        },
        kind="InnerFetch",
    ),
    InnerUnaddressed: StoredRecord({"target": "target"}, kind="InnerUnaddressed"),
    InnerHop: StoredRecord({"version": "version", "source": "source", "rtt": "rtt"}, kind="InnerHop"),
    PassiveKeepalive: StoredRecord({"after": "after", "waited": "waited"}, kind="PassiveKeepalive"),
    PathMtu: StoredRecord(
        {
            "required": "wanted",
            "largest_passing": "passes",
            "smallest_failing": "fails_from",
            "reported": "reported",
        },
        kind="PathMtu",
    ),
    KnownKeyAnswered: StoredRecord({"public_key": "public_key"}, kind="KnownKeyAnswered"),
    IdentityAnswered: StoredRecord({"identity": "identity"}, kind="IdentityAnswered"),
    PresharedKeyFound: StoredRecord({"server_name": "of"}, kind="PresharedKeyFound"),
    OtherAddressAnswered: StoredRecord({"address": "address"}, kind="OtherAddressAnswered"),
    FreshPortAnswered: StoredRecord({}, kind="FreshPortAnswered"),
    AllSilent: StoredRecord({"servers": "servers"}, kind="AllSilent"),
    StampsAhead: StoredRecord({"seconds": "seconds"}, kind="StampsAhead"),
    NameMoved: StoredRecord(
        {"host": "host", "removed": "gone", "new": "new", "at": "at"},
        kind="NameMoved",
        sparse=frozenset({"at"}),
    ),
    FlowCut: StoredRecord(
        {"packets": "packets", "size": "size", "after": "after", "unanswered": "unanswered"}, kind="FlowCut"
    ),
    Soak: StoredRecord(
        {"sent": "sent", "received": "received", "size": "size", "lasted": "lasted"}, kind="Soak"
    ),
    AnsweredFromElsewhere: StoredRecord({"address": "address", "port": "port"}, kind="AnsweredFromElsewhere"),
    RecentLoss: StoredRecord(
        {
            "checks": "checks",
            "initiations": "initiations",
            "initiations_lost": "initiations_lost",
            "echoes": "echoes",
            "echoes_lost": "echoes_lost",
        },
        kind="RecentLoss",
    ),
    ServerInitiated: StoredRecord({"at": "at", "count": "count"}, kind="ServerInitiated"),
    GatewaySilent: StoredRecord({"gateway": "gateway", "interface": "interface"}, kind="GatewaySilent"),
    WitnessProbed: StoredRecord({"address": "address", "answered": "answered"}, kind="WitnessProbed"),
    MachineStarved: StoredRecord({"lag": "lag"}, kind="MachineStarved"),
    OnlyServerWatched: StoredRecord({}, kind="OnlyServerWatched"),
    WorkedUntil: StoredRecord({"at": "at"}, kind="WorkedUntil"),
    NeighboursFailed: StoredRecord(
        {"address": "address", "failed": "failed", "watched": "watched"}, kind="NeighboursFailed"
    ),
    OtherVantagesAnswered: StoredRecord({"vantages": "vantages"}, kind="OtherVantagesAnswered"),
    InnerAddressAnswered: StoredRecord(
        {"address": "address", "server_name": "of", "interface": "interface"},
        kind="InnerAddressAnswered",
        sparse=frozenset({"interface"}),
    ),
    ForeignSession: StoredRecord(
        {"packets": "packets", "proven": "proven"}, kind="ForeignSession", sparse=frozenset({"proven"})
    ),
    IdentityOnInterface: StoredRecord({"interface": "interface"}, "IdentityOnInterface"),
    LeavesBy: StoredRecord({"interface": "interface"}, "LeavesBy"),
    ServerOnInterface: StoredRecord({"interface": "interface"}, "ServerOnInterface"),
    IdentityUsedElsewhere: StoredRecord({"age": "age"}, kind="IdentityUsedElsewhere"),
    Expires: StoredRecord({"what": "what", "name": "name", "at": "at"}, kind="Expires"),
    Node: StoredRecord(
        {
            "id": "id",
            "name": "name",
            "addresses": "addresses",
            "online": "online",
            "last_seen": "last_seen",
            "last_handshake": "last_handshake",
            "key_expiry": "key_expiry",
            "version": "version",
            "tags": "tags",
            "routes": "routes",
            "public_key": "public_key",
            "endpoint": "endpoint",
            "relay": "relay",
            "trouble": "trouble",
        },
        sparse=frozenset(
            {
                "addresses",
                "online",
                "last_seen",
                "last_handshake",
                "key_expiry",
                "version",
                "tags",
                "routes",
                "public_key",
                "endpoint",
                "relay",
                "trouble",
            }
        ),
    ),
    Part: StoredRecord({"name": "name", "works": "works", "detail": "detail"}),
    ControlPlaneReport: StoredRecord(
        {
            "nodes": "nodes",
            "parts": "parts",
            "expiries": "expiries",
            "version": "version",
            "drift": "drift",
            "warnings": "warnings",
            "relays": "relays",
        },
        sparse=frozenset({"warnings", "relays"}),
    ),
    MeshRelay: StoredRecord(
        {"name": "name", "works": "works", "detail": "detail"}, sparse=frozenset({"detail"})
    ),
    MeshPeer: StoredRecord(
        {
            "client": "client",
            "trouble": "trouble",
            "is_known": "is_known",
            "is_direct": "is_direct",
            "relay": "relay",
            "handshake_age": "handshake_age",
            "has_expired": "has_expired",
            "is_answered": "answered",
            "rtt": "rtt",
        },
        kind="MeshPeer",
        sparse=frozenset(
            {
                "trouble",
                "is_known",
                "is_direct",
                "relay",
                "handshake_age",
                "has_expired",
                "is_answered",
                "rtt",
            }
        ),
    ),
    ProtocolEvidence: StoredRecord(
        {
            "protocol": "protocol",
            "kind": "kind",
            "values": "values",
            "at": "at",
            "from_experiment": "from_experiment",
            "about_data": "about_data",
        },
        kind="ProtocolEvidence",
        sparse=frozenset({"at", "from_experiment", "about_data"}),
    ),
}

STORED_NAMES = StoredNames({**_RECORDS, **_EVIDENCE}, ENUM_NAMES)
"""The types that rounds, incidents and vantage states consist of."""
