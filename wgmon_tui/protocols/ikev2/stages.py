"""The stages of a check of IKEv2, from what the client found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import Evidence, IcmpError, ProtocolEvidence
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.stage import AUTHENTICATE, DELETE, REACH, SA_INIT, TUNNEL, Stage, StageOutcome
from wgmon_tui.protocols.ikev2.events import (
    Established,
    Event,
    IkeSessionEnded,
    SaInitAnswered,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.evidence_kinds import NO_CREDENTIALS, NOT_DEDICATED, NOT_DUE, EvidenceKind

_PASSED, _FAILED = StageOutcome.PASSED, StageOutcome.FAILED
_NOT_KNOWN, _NOT_RUN = StageOutcome.NOT_KNOWN, StageOutcome.NOT_RUN
_WHY_NOT = {
    NO_CREDENTIALS: "this check has no credentials",
    NOT_DEDICATED: "dedicated is not set: it could end a real client's session",
    NOT_DUE: "runs every tunnel_every",
}


def make_stages(
    events: Sequence[Event],
    evidence: Sequence[Evidence],
    *,
    has_answer: bool,
    not_tried: str,
    tunnel: Tunnel | None,
    wants_tunnel: bool,
) -> tuple[Stage, ...]:
    """The stages in their order. `not_tried` is the value of NOT_TRIED; "" if IKE_AUTH was tried."""
    reached = has_answer or first_of_kind(IcmpError, evidence) is not None
    found = [Stage(REACH, _PASSED if reached else _NOT_KNOWN, detail="" if reached else "nothing came back")]
    opened = first_of_kind(SaInitAnswered, events)
    if opened is None:
        return (*found, Stage(SA_INIT, _FAILED))
    found.append(Stage(SA_INIT, _PASSED, opened.rtt, str(opened.chosen)))
    if not_tried:
        found.append(Stage(AUTHENTICATE, _NOT_RUN, detail=_WHY_NOT.get(not_tried, not_tried)))
        return tuple(found)
    established = first_of_kind(Established, events)
    if established is None:
        found.append(Stage(AUTHENTICATE, _FAILED))
    else:
        found.append(Stage(AUTHENTICATE, _PASSED, established.rtt))
        is_later = any(
            isinstance(each, ProtocolEvidence) and each.kind == EvidenceKind.CHILD_LATER for each in evidence
        )
        if is_later and wants_tunnel:
            found.append(Stage(TUNNEL, _NOT_RUN, detail="the server makes a CHILD_SA only after IKE_AUTH"))
        else:
            found += _tunnel_stage(established, tunnel, wants_tunnel=wants_tunnel)
    if established is not None or first_of_kind(ServerRejected, events) is not None:
        found += _delete_stage(events)
    return tuple(found)


def _tunnel_stage(established: Established, tunnel: Tunnel | None, *, wants_tunnel: bool) -> Iterator[Stage]:
    if not wants_tunnel:
        yield Stage(TUNNEL, _NOT_RUN, detail="tunnel = false")
    elif established.child is None:
        yield Stage(TUNNEL, _FAILED, detail="the server made no CHILD_SA")
    elif tunnel is None:
        yield Stage(TUNNEL, _NOT_KNOWN, detail="there is no inner address to ask, and none was assigned")
    elif tunnel.received == tunnel.sent:
        yield Stage(TUNNEL, _PASSED, tunnel.rtt)
    elif tunnel.passive and not tunnel.received:
        yield Stage(TUNNEL, _NOT_KNOWN, detail="no first hop answered; set tunnel_ping to prove data")
    else:
        yield Stage(TUNNEL, _FAILED if not tunnel.received else _PASSED, tunnel.rtt)


def _delete_stage(events: Sequence[Event]) -> Iterator[Stage]:
    ended = first_of_kind(IkeSessionEnded, events)
    if ended is not None and ended.is_confirmed:
        yield Stage(DELETE, _PASSED, ended.rtt)
    elif ended is not None:
        yield Stage(DELETE, _NOT_KNOWN, detail="the server did not confirm it")
