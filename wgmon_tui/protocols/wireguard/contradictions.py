"""Which evidence disproves which possible cause. Pure functions.

A cause has a stable identity, its `Hypothesis`. Only what arrived disproves one: one
lost packet proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from wgmon_tui.checks.context_evidence import (
    NeighboursFailed,
    OtherVantagesAnswered,
    ServerInitiated,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    InnerService,
    KnownKeyAnswered,
    LateAnswer,
    OtherAddressAnswered,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    WitnessProbed,
)
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.net.inner_packets import InnerIcmp


class Hypothesis(StrEnum):
    """The stable identity of a possible cause. A cause without one is never disproved.

    Where a name ends in `_V4` or `_V6`, the cause concerns that IP version inside the tunnel only.
    """

    KEY_UNKNOWN = "key-unknown"
    """The server never had this identity's key, or no longer has it."""
    KEY_REMOVED = "key-removed"
    """The server had this identity's key and no longer has it."""
    SERVER_KEY_WRONG = "server-key-wrong"
    TIMESTAMP_AHEAD = "timestamp-ahead"
    """The server holds a later timestamp of this identity, so it drops the present ones."""
    THIS_IDENTITY = "this-identity"
    """The server works for others, but not for this identity."""
    FIREWALL = "firewall"
    SERVER_DOWN = "server-down"
    SERVER_HUNG = "server-hung"
    MACHINE_OR_PATH = "machine-or-path"
    """The machine that several servers share, or the path to it."""
    PATH_TO_ADDRESS = "path-to-address"
    """The path to one address of a name, or that address itself."""
    PATH_FROM_HERE = "path-from-here"
    """What lies between this machine and a server that others reach."""
    NAME_MOVED = "name-moved"
    IDENTITY_SHARED = "identity-shared"
    UPLINK = "uplink"
    STALE_FLOW = "stale-flow"
    ALLOWED_IPS = "allowed-ips"
    ALLOWED_IPS_V4 = "allowed-ips-v4"
    ALLOWED_IPS_V6 = "allowed-ips-v6"
    NO_ROUTE_BACK = "no-route-back"
    NO_ROUTE_BACK_V4 = "no-route-back-v4"
    NO_ROUTE_BACK_V6 = "no-route-back-v6"
    NOT_FORWARDED = "not-forwarded"
    NOT_FORWARDED_V4 = "not-forwarded-v4"
    NOT_FORWARDED_V6 = "not-forwarded-v6"
    DATA_DROPPED = "data-dropped"
    DATA_NOT_ACKNOWLEDGED = "data-not-acknowledged"
    MTU = "mtu"
    SEGMENT_SIZE = "segment-size"
    """Large TCP segments are lost, behind the server or on the path to it."""
    SERVICE_HUNG = "service-hung"
    TCP_DROPPED = "tcp-dropped"
    """The path drops the data of TCP connections, whatever its size."""
    FRAMING = "awg-parameters"
    """The server drops initiations, because its parameters of AmneziaWG are others."""
    DATA_FRAMING = "awg-data-parameters"
    """The server drops data packets, because its parameters of AmneziaWG for them are others."""


Disproves = Callable[[Evidence], bool]
"""Whether one piece of evidence disproves a cause."""


def inner_versions(evidence: Evidence) -> frozenset[int]:
    """Return the IP versions in which this evidence shows an answer from inside the tunnel.

    The answer came to this identity's tunnel address, so AllowedIPs and the route back are right for it.
    """
    match evidence:
        case InnerIcmp(version=version):
            return frozenset({version})
        case InnerHop(version=version, source=source) if source is not None:
            return frozenset({version})
        case InnerEcho(target=target, received=received) if received:
            return frozenset({_version_of(target)})
        case InnerService(target=target, answer=str()):
            return frozenset({_version_of(target)})
    return frozenset()


def _version_of(target: str) -> int:
    """Return the IP version of an inner target, which may end in a port."""
    return 6 if target.count(":") > 1 else 4


def _is_of(*kinds: type[Evidence]) -> Disproves:
    return lambda evidence: isinstance(evidence, kinds)


def _any_of(*conditions: Disproves) -> Disproves:
    return lambda evidence: any(condition(evidence) for condition in conditions)


def _answered_inside(version: int) -> Disproves:
    return lambda evidence: version in inner_versions(evidence)


def _data_passed(evidence: Evidence) -> bool:
    """Whether data went to the server and an answer came back through the tunnel.

    Soaks and cut flows are no such evidence: they are carried over from an earlier check.
    """
    return bool(inner_versions(evidence))


def _data_acknowledged(evidence: Evidence) -> bool:
    return isinstance(evidence, PassiveKeepalive) and evidence.after is not None


def _neighbour_answered(evidence: Evidence) -> bool:
    """Whether another server at the same address answered while this one did not."""
    return isinstance(evidence, NeighboursFailed) and evidence.failed < evidence.watched


def _small_segments_pass(evidence: Evidence) -> bool:
    """Whether a fetch that stalled got further with small segments: the service works, and so does TCP."""
    return isinstance(evidence, InnerFetch) and evidence.small_pass is True


_HANDSHAKE_ANSWERED = (FreshPortAnswered, LateAnswer, OtherAddressAnswered, PresharedKeyFound)
"""The server answered an initiation of this identity: both keys and the timestamp are right."""

_PATH_WORKED = (CookieDemanded, IdentityAnswered, KnownKeyAnswered, LateAnswer)
"""Packets from the usual port reached this address, and the answer came back."""

_SERVER_ALIVE = (
    *_PATH_WORKED,
    FreshPortAnswered,
    OtherAddressAnswered,
    OtherVantagesAnswered,
    ServerInitiated,
)

DISPROVED_BY: Mapping[Hypothesis, Disproves] = {
    Hypothesis.KEY_UNKNOWN: _is_of(*_HANDSHAKE_ANSWERED, ServerInitiated, WorkedUntil),
    Hypothesis.KEY_REMOVED: _is_of(*_HANDSHAKE_ANSWERED, ServerInitiated),
    Hypothesis.SERVER_KEY_WRONG: _is_of(
        *_HANDSHAKE_ANSWERED, CookieDemanded, IdentityAnswered, ServerInitiated
    ),
    Hypothesis.TIMESTAMP_AHEAD: _is_of(*_HANDSHAKE_ANSWERED),
    Hypothesis.THIS_IDENTITY: _is_of(*_HANDSHAKE_ANSWERED),
    Hypothesis.FIREWALL: _is_of(*_PATH_WORKED, FreshPortAnswered),
    Hypothesis.SERVER_DOWN: _is_of(*_SERVER_ALIVE),
    Hypothesis.MACHINE_OR_PATH: _any_of(_is_of(*_PATH_WORKED, FreshPortAnswered), _neighbour_answered),
    Hypothesis.PATH_TO_ADDRESS: _is_of(*_PATH_WORKED, FreshPortAnswered),
    Hypothesis.PATH_FROM_HERE: _is_of(*_PATH_WORKED, FreshPortAnswered),
    Hypothesis.NAME_MOVED: _is_of(*_PATH_WORKED, FreshPortAnswered),
    Hypothesis.UPLINK: _any_of(
        _is_of(*_PATH_WORKED, FreshPortAnswered, OtherAddressAnswered),
        _neighbour_answered,
        lambda evidence: isinstance(evidence, WitnessProbed) and evidence.answered,
    ),
    Hypothesis.STALE_FLOW: _is_of(*_PATH_WORKED),
    Hypothesis.ALLOWED_IPS: _data_passed,
    Hypothesis.ALLOWED_IPS_V4: _answered_inside(4),
    Hypothesis.ALLOWED_IPS_V6: _answered_inside(6),
    Hypothesis.NO_ROUTE_BACK: _data_passed,
    Hypothesis.NO_ROUTE_BACK_V4: _answered_inside(4),
    Hypothesis.NO_ROUTE_BACK_V6: _answered_inside(6),
    Hypothesis.NOT_FORWARDED: _data_passed,
    Hypothesis.NOT_FORWARDED_V4: _answered_inside(4),
    Hypothesis.NOT_FORWARDED_V6: _answered_inside(6),
    Hypothesis.DATA_DROPPED: _any_of(_data_passed, _data_acknowledged),
    Hypothesis.DATA_NOT_ACKNOWLEDGED: _data_acknowledged,
    Hypothesis.MTU: lambda evidence: isinstance(evidence, PathMtu) and evidence.smallest_failing is None,
    Hypothesis.SEGMENT_SIZE: lambda evidence: (
        isinstance(evidence, InnerFetch) and evidence.small_pass is False
    ),
    Hypothesis.SERVICE_HUNG: _small_segments_pass,
    Hypothesis.TCP_DROPPED: _small_segments_pass,
    Hypothesis.FRAMING: _is_of(
        *_HANDSHAKE_ANSWERED, CookieDemanded, IdentityAnswered, KnownKeyAnswered, ServerInitiated
    ),
    Hypothesis.DATA_FRAMING: _any_of(_data_passed, _data_acknowledged),
}
"""What disproves each cause. Causes that are not listed here are proven, or nothing disproves them."""

_BY_SLUG = {str(hypothesis): disproves for hypothesis, disproves in DISPROVED_BY.items()}


def is_contradicted(hypothesis: str, evidence: Iterable[Evidence]) -> bool:
    """Return whether any evidence disproves the cause with this `Hypothesis`."""
    disproves = _BY_SLUG.get(hypothesis)
    return disproves is not None and any(map(disproves, evidence))


def without_contradicted(causes: Iterable[Cause], evidence: Iterable[Evidence]) -> list[Cause]:
    """Keep the causes that no evidence disproves, in their order."""
    known = tuple(evidence)
    return [cause for cause in causes if not is_contradicted(cause.hypothesis, known)]
