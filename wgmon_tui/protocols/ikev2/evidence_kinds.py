"""The kinds of evidence that only IKEv2 observes, and the events that they come from.

The values are texts, because evidence is stored and travels between machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from wgmon_tui.checks.evidence import CookieDemanded, Evidence, ProtocolEvidence
from wgmon_tui.protocols.ikev2.events import (
    CannotAuthenticate,
    ChildSession,
    CookieAsked,
    EapEnded,
    EapOffered,
    Established,
    Event,
    GroupAsked,
    IkeSessionEnded,
    MessageDropped,
    Redirected,
    RequestRefused,
    RequestUnanswered,
    SaInitAnswered,
    ServerProven,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, notify_name
from wgmon_tui.protocols.ikev2.security_association import group_word
from wgmon_tui.protocols.ikev2.settings import NAME
from wgmon_tui.text import format_list


class EvidenceKind(StrEnum):
    """What was observed. The comment names the values."""

    SA_INIT = "sa-init"  # words of the chosen proposal; then flags
    GROUP = "group"  # the word of the group
    REFUSED = "refused"  # exchange, notification
    ACCEPTS = "accepts"  # words of a proposal that the server would accept; "" if none was found
    REDIRECTED = "redirected"  # the other gateway
    UNANSWERED = "unanswered"  # exchange, size in bytes, seconds
    DROPPED = "dropped"  # reason, size
    SERVER_REJECTED = "server-rejected"  # fault, detail, fault of the chain
    SERVER_PROVEN = "server-proven"  # identity, method
    NOT_LOOKED_UP = "not-looked-up"  # subject and issuer of a certificate that no revocation list covers
    OWN_CERTIFICATE = "own-certificate"  # what is wrong with its dates
    OWN_NAME = "own-name"  # the local_id that the own certificate does not name
    EAP_ENDED = "eap-ended"  # error code, number of the offered method
    CANNOT_SIGN = "cannot-sign"  # reason
    ESTABLISHED = "established"  # "child", "childless" or the notification that refused the child
    CHILD_LATER = "child-later"  # nothing: the server makes a CHILD_SA only after IKE_AUTH
    SELECTORS = (
        "selectors"  # networks of this side and of the server; "outside" if the own address is in none
    )
    ENDED = "ended"  # "confirmed", "unconfirmed" or "by-server"
    NOT_TRIED = "not-tried"  # why IKE_AUTH was not tried
    REMEMBERED = "remembered"  # the age in seconds of what an earlier check found
    NAT_PORT = "nat-port"  # "answers" or "silent": an experiment with port 4500
    WITHOUT_ID = "without-remote-id"  # the identity that the server then proved
    EAP_OFFERED = "eap-offered"  # nothing: the server wants EAP from this identity
    OTHER_IDENTITY = "other-identity"  # nothing: a made-up identity was accepted with this secret


CHILDLESS, FRAGMENTS, CLIENT_NAT, SERVER_NAT = "childless", "fragments", "client-nat", "server-nat"
"""Flags of SA_INIT."""

OUTSIDE = "outside"
"""Third value of SELECTORS: the server assigned an address whose packets it does not let through."""

_MOST_NETWORKS = 8

NO_CREDENTIALS, NOT_DEDICATED, NOT_DUE = "no-credentials", "not-dedicated", "not-due"
"""Values of NOT_TRIED: why a check ended after IKE_SA_INIT."""

OF_AUTHENTICATION = frozenset(
    {
        EvidenceKind.SERVER_REJECTED,
        EvidenceKind.SERVER_PROVEN,
        EvidenceKind.NOT_LOOKED_UP,
        EvidenceKind.OWN_CERTIFICATE,
        EvidenceKind.OWN_NAME,
        EvidenceKind.EAP_ENDED,
        EvidenceKind.CANNOT_SIGN,
        EvidenceKind.ESTABLISHED,
        EvidenceKind.CHILD_LATER,
        EvidenceKind.SELECTORS,
        EvidenceKind.NAT_PORT,
        EvidenceKind.WITHOUT_ID,
        EvidenceKind.EAP_OFFERED,
        EvidenceKind.OTHER_IDENTITY,
    }
)


def is_of_authentication(evidence: Evidence) -> bool:
    """Whether only a check with IKE_AUTH finds this, so that checks without it remember it."""
    if not isinstance(evidence, ProtocolEvidence):
        return False
    is_about_auth = evidence.values[:1] == (ExchangeType.IKE_AUTH.name,)
    return evidence.kind in OF_AUTHENTICATION or (
        evidence.kind in (EvidenceKind.REFUSED, EvidenceKind.UNANSWERED) and is_about_auth
    )


def make_evidence(
    kind: EvidenceKind, *values: str, at: float | None = None, from_experiment: bool = False
) -> ProtocolEvidence:
    """Evidence of IKEv2."""
    return ProtocolEvidence(NAME, kind.value, values, at, from_experiment)


def evidence_of(events: Iterable[Event]) -> Iterator[Evidence]:
    """The evidence that events are."""
    for event in events:
        yield _evidence_of(event)
        if isinstance(event, Established) and event.child:
            yield _selectors_of(event.child)
        if isinstance(event, ServerProven):
            for subject, issuer in event.not_looked_up:
                yield make_evidence(EvidenceKind.NOT_LOOKED_UP, subject, issuer)


def _selectors_of(child: ChildSession) -> Evidence:
    """Between which networks the server lets packets pass."""
    own, server = (
        format_list(each, most=_MOST_NETWORKS) for each in (child.own_networks, child.server_networks)
    )
    is_inside = not child.own_networks or any(
        address in network for address in child.addresses for network in child.own_networks
    )
    return make_evidence(EvidenceKind.SELECTORS, own, server, "" if is_inside else OUTSIDE)


def _evidence_of(event: Event) -> Evidence:
    kinds, at = EvidenceKind, event.at
    match event:
        case CookieAsked():
            return CookieDemanded(at)
        case GroupAsked(group=group):
            return make_evidence(kinds.GROUP, group_word(group), at=at)
        case SaInitAnswered():
            return make_evidence(kinds.SA_INIT, str(event.chosen), *_flags(event), at=at)
        case RequestRefused(exchange=exchange, notify=notify):
            return make_evidence(kinds.REFUSED, ExchangeType(exchange).name, notify_name(notify), at=at)
        case Redirected(gateway=gateway):
            return make_evidence(kinds.REDIRECTED, gateway, at=at)
        case RequestUnanswered():
            values = (ExchangeType(event.exchange).name, str(event.size), f"{event.waited:g}")
            return make_evidence(kinds.UNANSWERED, *values, at=at)
        case MessageDropped(reason=reason, size=size):
            return make_evidence(kinds.DROPPED, reason, str(size), at=at)
        case ServerRejected():
            values = (event.fault.value, event.detail, event.chain_fault)
            return make_evidence(kinds.SERVER_REJECTED, *values, at=at)
        case ServerProven():
            return make_evidence(kinds.SERVER_PROVEN, event.identity, event.method, at=at)
        case EapEnded(code=code, offered=offered):
            return make_evidence(kinds.EAP_ENDED, *_numbers(code, offered), at=at)
        case EapOffered():
            return make_evidence(kinds.EAP_OFFERED, at=at)
        case CannotAuthenticate(reason=reason):
            return make_evidence(kinds.CANNOT_SIGN, reason, at=at)
        case Established():
            return make_evidence(kinds.ESTABLISHED, _child(event), at=at)
        case IkeSessionEnded():
            how = "confirmed" if event.is_confirmed else "by-server" if event.by_server else "unconfirmed"
            return make_evidence(kinds.ENDED, how, at=at)


def _numbers(*numbers: int | None) -> tuple[str, ...]:
    return tuple("" if each is None else str(each) for each in numbers)


def _child(event: Established) -> str:
    if event.refusal is not None:
        return notify_name(event.refusal)
    return "child" if event.child else "childless"


def _flags(event: SaInitAnswered) -> tuple[str, ...]:
    flags = {
        CHILDLESS: event.is_childless,
        FRAGMENTS: event.can_fragment,
        CLIENT_NAT: event.client_has_nat,
        SERVER_NAT: event.server_has_nat,
    }
    return tuple(name for name, is_set in flags.items() if is_set)
