"""Evidence in words: one plain sentence for each fact, for screens, JSON and logs alike."""

from __future__ import annotations

from wgmon_tui.probe.records import (
    CookieDemanded,
    Evidence,
    ForeignBytes,
    IcmpError,
    LateAnswer,
    NameUnresolved,
    PacketRejected,
    ReceiveOverflow,
    Silence,
    SocketError,
)

PORT_UNREACHABLE = frozenset({(4, 3, 3), (6, 1, 4)})
"""(IP version, type, code) of the ICMP errors that say "nothing listens on this port"."""

# RFC 792 and RFC 1812 §5.2.7.1 for version 4, RFC 4443 §3.1 for version 6.
_ICMP_NAMES = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed",
    (4, 3, 9): "network administratively prohibited",
    (4, 3, 10): "host administratively prohibited",
    (4, 3, 13): "communication administratively prohibited",
    (4, 11, 0): "time to live exceeded",
    (6, 1, 0): "no route to destination",
    (6, 1, 1): "communication administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 1, 5): "source address failed policy",
    (6, 1, 6): "route rejected",
    (6, 2, 0): "packet too big",
    (6, 3, 0): "hop limit exceeded",
}

_ERRNO_MEANINGS = {
    "EPERM": "our own firewall refuses to let it out",
    "EACCES": "our own firewall or policy refuses to let it out",
    "ENETUNREACH": "we have no route to that network",
    "EHOSTUNREACH": "we have no route to that host",
    "EAFNOSUPPORT": "this machine does not speak that IP version",
    "EADDRNOTAVAIL": "we have no address of that IP version",
    "EMSGSIZE": "the packet is larger than our path allows",
    "ENOBUFS": "our own send queue is full",
}


def icmp_name(error: IcmpError) -> str:
    """The RFC's name of an ICMP error, or its numbers."""
    return _ICMP_NAMES.get((error.version, error.type, error.code), f"type {error.type} code {error.code}")


def milliseconds(seconds: float) -> str:
    """A duration the way a person reads it: 0.42 ms, 12.4 ms, 180 ms, 1.20 s."""
    ms = seconds * 1000
    if ms >= 1000:
        return f"{seconds:.2f} s"
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.1f} ms" if ms >= 1 else f"{ms:.2f} ms"


def describe(evidence: Evidence) -> str:
    """One sentence of fact."""
    match evidence:
        case NameUnresolved(host, error):
            return f"{host} does not resolve: {error}"
        case CookieDemanded():
            return "the server demanded a cookie: it says that it is under load"
        case PacketRejected(at, reason, length):
            return f"after {milliseconds(at)} came {length} bytes that are not believed: {reason.value}"
        case ForeignBytes(at, length, head):
            return f"after {milliseconds(at)} came {length} bytes that are not WireGuard: {head.hex(' ')}"
        case IcmpError():
            sender = "the server itself" if evidence.from_target else (evidence.offender or "an unknown hop")
            numbers = f"ICMP{'v6' if evidence.version == 6 else ''} {evidence.type}/{evidence.code}"
            mtu = f", MTU {evidence.mtu}" if evidence.mtu else ""
            return f"{sender} says: {icmp_name(evidence)} ({numbers}{mtu})"
        case SocketError(_, name):
            return f"our own system would not send ({name}): {_ERRNO_MEANINGS.get(name, 'see errno(3)')}"
        case LateAnswer(age):
            return f"an authentic answer to an earlier check came {milliseconds(age)} after it was asked"
        case ReceiveOverflow(dropped):
            return f"our own socket dropped {dropped} datagrams meanwhile"
        case Silence(waited):
            return f"no authentic answer within {milliseconds(waited)}"
