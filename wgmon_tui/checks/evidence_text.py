"""Evidence as text: one sentence per fact, for screens, JSON and logs."""

from __future__ import annotations

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
from wgmon_tui.checks.evidence import (
    IDENTITY_BUSY,
    TIMESTAMP_FAR_AHEAD,
    WORKER_ENDED,
    AllSilent,
    AnsweredFromElsewhere,
    CookieDemanded,
    Evidence,
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
from wgmon_tui.checks.fetch_text import describe_fetch
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.checks.mesh_client import MeshPeer, describe_peer
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.text import (
    format_clock,
    format_count,
    format_day,
    format_elapsed,
    format_list,
    format_rtt,
    format_utc_time,
    printable,
)

_ERRNO_MEANINGS = {
    IDENTITY_BUSY: "another wgmon-tui on this machine checks this server with the same identity",
    TIMESTAMP_FAR_AHEAD: "its timestamp would be far ahead of every time known here",
    WORKER_ENDED: "two worker processes of wgmon-tui ended while they checked this server",
    "EPERM": "the firewall of this machine blocks it",
    "EACCES": "a route, a policy or the firewall of this machine prohibits it, or it is a broadcast address",
    "EINVAL": "a route of this machine discards all packets to that address (blackhole)",
    "ENETDOWN": "the network interface of this machine is down",
    "ENETUNREACH": "this machine has no route to that network",
    "EHOSTUNREACH": "this machine has no route to that host",
    "EAFNOSUPPORT": "this machine does not support that IP version",
    "EADDRNOTAVAIL": "this machine has no address of that IP version",
    "EMSGSIZE": "the packet is larger than the path allows",
    "ENOBUFS": "the send queue of this machine is full",
}


_DNS_NO_SUCH_NAME = 3

_DNS_ERRORS = {
    1: "FORMERR",
    2: "SERVFAIL",
    _DNS_NO_SUCH_NAME: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
}
"""The names of DNS response codes (RFC 6895 §2.3)."""


_REJECTED_PACKETS = {Reason.BAD_EMPTY: "handshake response", Reason.BAD_COOKIE: "cookie reply"}


def describe_evidence(evidence: Evidence) -> str:
    """Describe one piece of evidence in one sentence."""
    match evidence:
        case NameUnresolved() | NameMoved():
            return _describe_name(evidence)
        case CookieDemanded() | PacketRejected() | ForeignBytes() | LateAnswer() | Silence():
            return _describe_answer(evidence)
        case IcmpError():
            return _describe_icmp(evidence)
        case InnerFetch():
            return f"through the tunnel {describe_fetch(evidence)}"
        case InnerEcho() | InnerIcmp() | InnerService() | InnerUnaddressed() | InnerHop():
            return _describe_inner(evidence)
        case PassiveKeepalive():
            return _describe_keepalive(evidence)
        case PathMtu():
            return _describe_path_mtu(evidence)
        case (
            KnownKeyAnswered()
            | IdentityAnswered()
            | PresharedKeyFound()
            | OtherAddressAnswered()
            | FreshPortAnswered()
        ):
            return _describe_experiment(evidence)
        case FlowCut() | Soak() | AnsweredFromElsewhere() | RecentLoss():
            return _describe_data(evidence)
        case MeshPeer():
            return describe_peer(evidence)
        case Expires(what, name, at):
            return printable(f"the {what}{f' {name}' if name else ''}: valid until {format_utc_time(at)}")
        case ProtocolEvidence(protocol=protocol):
            return _describe_of_protocol(protocol, evidence)
        case SocketError() | ReceiveOverflow() | StampsAhead() | MachineStarved():
            return _describe_this_machine(evidence)
        case AllSilent() | WitnessProbed() | GatewaySilent() | OnlyServerWatched():
            return _describe_uplink(evidence)
        case _:
            return _describe_others(evidence)


def _describe_name(evidence: NameUnresolved | NameMoved) -> str:
    """Describe what a resolver said of the server's name."""
    match evidence:
        case NameUnresolved(host, error):
            return f"{host} does not resolve: {error}"
        case NameMoved(host, removed, new, at):
            when = "" if at is None else f" on {format_day(at)}, {format_clock(at, seconds=True)}"
            return f"{host} moved from {format_list(removed) or 'none'} to {format_list(new) or 'none'}{when}"


def _describe_answer(
    evidence: CookieDemanded | PacketRejected | ForeignBytes | LateAnswer | Silence,
) -> str:
    """Describe what came back instead of an authentic answer in time."""
    match evidence:
        case CookieDemanded():
            return "the server demanded a cookie: it reports that it is under load"
        case PacketRejected(at, reason, length):
            return f"{_rejected_packet(reason, length)} after {format_rtt(at)}, but {reason.value}"
        case ForeignBytes(at, length, head):
            return f"{length} bytes after {format_rtt(at)} that are not WireGuard: {head.hex(' ')}"
        case LateAnswer(age):
            return f"an authentic answer arrived late, {format_rtt(age)} after its request"
        case Silence(waited):
            return f"no authentic answer within {format_rtt(waited)}"


def _describe_icmp(error: IcmpError) -> str:
    unknown = "a host that this system does not show"
    sender = "the server itself" if error.from_target else (error.offender or unknown)
    numbers = f"ICMP{'v6' if error.version == 6 else ''} {error.type}/{error.code}"
    mtu = f", MTU {error.mtu}" if error.mtu else ""
    quote = ", without a quote of the packet" if error.quotes_packet is False else ""
    return f"{sender} reports: {icmp_name(error)} ({numbers}{mtu}{quote})"


def _describe_experiment(
    evidence: KnownKeyAnswered
    | IdentityAnswered
    | PresharedKeyFound
    | OtherAddressAnswered
    | FreshPortAnswered,
) -> str:
    """Describe what an experiment found: the server answered under other conditions."""
    match evidence:
        case KnownKeyAnswered(public_key):
            return f"the server answered its other known key {public_key}"
        case IdentityAnswered(identity):
            return f'the server answered identity "{identity}", but not this one'
        case PresharedKeyFound(None):
            return "the answer authenticates without a preshared key: the server has none here"
        case PresharedKeyFound(server_name):
            return f'the answer authenticates with the preshared key of server "{server_name}"'
        case OtherAddressAnswered(address):
            return f"another address of the same name, {address}, answered"
        case FreshPortAnswered():
            return "the server answered when asked from a fresh source port"


def _describe_of_protocol(protocol: str, evidence: ProtocolEvidence) -> str:
    """Describe what only one protocol observes, in its words."""
    try:
        return printable(find_protocol(protocol).describe_evidence(evidence))
    except UnknownProtocolError:  # stored by a later version
        return printable(f"{protocol}: {evidence.kind}")


def _describe_data(evidence: FlowCut | Soak | AnsweredFromElsewhere | RecentLoss) -> str:
    """Describe what the data of one or several checks showed."""
    match evidence:
        case FlowCut(packets, size, after, unanswered):
            return (
                f"data passed for {packets} packets ({size} bytes, {format_rtt(after)}); "
                f"then {unanswered} echoes in a row were lost"
            )
        case Soak(received=0):
            return "the soak could not run: nothing inside the tunnel answers an echo"
        case Soak(sent, received, size, lasted):
            return (
                f"soak: {received} of {sent} echoes of mixed sizes came back, "
                f"{size} bytes sent in {format_elapsed(lasted)}"
            )
        case AnsweredFromElsewhere(address, port):
            return f"answers came from {address} port {port}, not from where they were asked for"
        case RecentLoss():
            return _describe_loss(evidence)


def _describe_loss(loss: RecentLoss) -> str:
    """Describe the kinds of packets that were lost; both if none was."""
    counts = [
        (loss.echoes_lost, loss.echoes, "echoes"),
        (loss.initiations_lost, loss.initiations, "initiations"),
    ]
    lost = [f"{lost} of {sent} {what}" for lost, sent, what in counts if lost]
    lost = lost or [f"none of {sent} {what}" for _, sent, what in counts]
    return f"over the last {format_count(loss.checks, 'check')} {format_list(lost)} were lost"


def _describe_this_machine(
    evidence: SocketError | ReceiveOverflow | StampsAhead | MachineStarved,
) -> str:
    """Describe what was wrong with this machine itself."""
    match evidence:
        case SocketError(_, name):
            return f"this machine could not send ({name}): {_ERRNO_MEANINGS.get(name, 'see errno(3)')}"
        case ReceiveOverflow(dropped):
            return f"the socket of this machine dropped {dropped} datagrams during the check"
        case StampsAhead(seconds):
            return (
                f"the timestamps run {format_elapsed(seconds)} ahead of this machine's clock: it was set back"
            )
        case MachineStarved(lag):
            return f"this machine is overloaded: wgmon-tui waited {format_rtt(lag)} for the processor"


def _describe_uplink(
    evidence: AllSilent | WitnessProbed | GatewaySilent | OnlyServerWatched,
) -> str:
    """Describe what is known about the uplink of this machine."""
    match evidence:
        case AllSilent(servers):
            return f"all {servers} servers that were up a moment ago stopped answering at once"
        case WitnessProbed(address, answered):
            return f"the witness {address} {'answers' if answered else 'does not answer either'}"
        case GatewaySilent(gateway, interface):
            return f"the gateway {gateway} of this machine on {interface} does not answer"
        case OnlyServerWatched():
            return "too few servers, and no witness, are checked from here to judge this machine's uplink"


def _describe_others(
    evidence: ServerInitiated
    | WorkedUntil
    | NeighboursFailed
    | OtherVantagesAnswered
    | InnerAddressAnswered
    | ForeignSession
    | IdentityUsedElsewhere
    | IdentityOnInterface
    | LeavesBy
    | ServerOnInterface,
) -> str:
    """Describe what other servers, vantages, clients and earlier checks showed."""
    match evidence:
        case ServerInitiated(count=count):
            times = "" if count == 1 else f" {count} times"
            return f"the server itself initiated a handshake to this identity{times}: it knows this key"
        case WorkedUntil(at):
            return f"the same keys worked until {format_day(at)}, {format_clock(at, seconds=True)}"
        case NeighboursFailed(address, failed, watched):
            return f"{failed} of {watched} other servers at {address} failed at the same time"
        case InnerAddressAnswered(address, server_name, interface):
            by = f" through {printable(interface)} of this machine" if interface else ""
            return f'{address}, which is inside its tunnel, answers the checks of server "{server_name}"{by}'
        case LeavesBy(interface):
            return f"packets to that address leave this machine by {printable(interface)}"
        case ServerOnInterface(interface):
            return f"the interface {printable(interface)} of this machine is a client of the same server"
        case OtherVantagesAnswered(vantages):
            return f"the server answers {format_list(vantages)}"
        case ForeignSession(packets, proven):
            forged = "" if proven else ", or somebody forged them"
            arrived = f"{format_count(packets, 'packet')} arrived for sessions of another client"
            return f"{arrived} that uses this identity{forged}"
        case IdentityUsedElsewhere(age):
            return f"another process used this identity {format_elapsed(age)} before"
        case IdentityOnInterface(interface):
            return f"the interface {interface} of this machine has the same key: each check cuts it off"


def _describe_inner(evidence: InnerEcho | InnerIcmp | InnerService | InnerUnaddressed | InnerHop) -> str:
    """Describe what a probe inside the tunnel found."""
    match evidence:
        case InnerEcho(target, sent, received, rtt):
            took = f", {format_rtt(rtt)}" if rtt is not None else ""
            return f"through the tunnel {target} answered {received} of {sent} echoes{took}"
        case InnerIcmp():
            return f"inside the tunnel {evidence.source} reports: {icmp_name(evidence)}"
        case InnerService():
            return f"through the tunnel {describe_service(evidence)}"
        case InnerUnaddressed(target):
            return f"{target} was not tested: this identity has no tunnel address of that IP version"
        case InnerHop(version, None):
            return f"no answer from inside over IPv{version}; a server that forwards would answer"
        case InnerHop(_, source, rtt):
            took = f" after {format_rtt(rtt)}" if rtt is not None else ""
            return f"{source} inside the tunnel answered{took}"


def describe_service(service: InnerService) -> str:
    """Describe what a service inside the tunnel answered."""
    name, _, _ = service.target.rpartition("@")
    if service.answer is None:
        return f"{_name_service(service)} does not answer"
    if service.kind == "tcp":
        accepts = "refuses" if service.answer == "closed" else "accepts"
        return f"{service.target} {accepts} connections"
    if service.rcode == _DNS_NO_SUCH_NAME and name:
        return f"{_name_service(service)} does not know {name}"
    if service.rcode:
        return f"{_name_service(service)} answers {_DNS_ERRORS.get(service.rcode, f'error {service.rcode}')}"
    return f"{_name_service(service)} answered" + (f" for {name}" if name else "")


def _name_service(service: InnerService) -> str:
    if service.kind == "tcp":
        return f"the TCP port {service.target}"
    return f"the name server {service.target.rpartition('@')[2]}"


def _describe_keepalive(found: PassiveKeepalive) -> str:
    if found.after is None:
        return f"no keepalive acknowledged the data within {format_rtt(found.waited)}"
    return f"a keepalive acknowledged the data after {format_rtt(found.after)}: the server receives it"


def _describe_path_mtu(found: PathMtu) -> str:
    if found.smallest_failing is None:
        if not found.largest_passing:
            return "packet size not tested: nothing inside the tunnel answers echoes"
        return f"inner packets of {found.largest_passing} bytes pass"
    hop_mtu = f"; a hop reported MTU {found.reported}" if found.reported else ""
    largest, lost = found.largest_passing, found.smallest_failing
    return f"inner packets of {largest} bytes pass, {lost} bytes are lost{hop_mtu}"


def _rejected_packet(reason: Reason, length: int) -> str:
    """Name a rejected packet by its message type where the reason implies one, else by its length."""
    return _REJECTED_PACKETS.get(reason, f"packet of {length} bytes")
