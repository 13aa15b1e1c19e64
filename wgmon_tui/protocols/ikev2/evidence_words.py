"""Evidence of IKEv2 in words. Values may come from another machine."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.protocols.ikev2.eap import METHOD_NAMES
from wgmon_tui.protocols.ikev2.events import ServerFault
from wgmon_tui.protocols.ikev2.evidence_kinds import (
    CHILDLESS,
    CLIENT_NAT,
    FRAGMENTS,
    NO_CREDENTIALS,
    NOT_DEDICATED,
    SERVER_NAT,
    EvidenceKind,
)
from wgmon_tui.protocols.ikev2.findings import read_number
from wgmon_tui.text import format_elapsed, format_list, format_offset, printable

_FLAGS = {
    CHILDLESS: "allows a session without CHILD_SA",
    FRAGMENTS: "knows fragmentation",
    CLIENT_NAT: "sees this machine behind a NAT",
    SERVER_NAT: "tells of a NAT on its side, or has encap = yes",
}
_FAULTS: Mapping[str, str] = {
    ServerFault.WRONG_IDENTITY.value: "it proved another identity",
    ServerFault.UNNAMED.value: "its certificate does not name its identity",
    ServerFault.CHAIN.value: "its certificate does not verify",
    ServerFault.BAD_SIGNATURE.value: "its signature does not verify",
    ServerFault.BAD_SECRET.value: "its proof of the secret does not verify",
    ServerFault.NO_SECRET.value: "it proves itself by a preshared key",
    ServerFault.MALFORMED.value: "its answer is damaged",
    ServerFault.NO_PROOF.value: "its answer has no proof",
}


def describe(evidence: ProtocolEvidence) -> str:
    """Say in one line what was observed."""
    at = f"{format_offset(evidence.at)}: " if evidence.at is not None else ""
    return at + _describe(evidence.kind, (*map(printable, evidence.values), "", "", ""))


def _describe(kind: str, values: tuple[str, ...]) -> str:
    first, second, third = values[:3]
    match kind:
        case EvidenceKind.SA_INIT:
            flags = [_FLAGS[each] for each in values[1:] if each in _FLAGS]
            return f"the server chose {first}" + (f"; it {format_list(flags)}" if flags else "")
        case EvidenceKind.GROUP:
            return f"the server asked for the group {first}"
        case EvidenceKind.REFUSED:
            return f"the server answered {first} with {second}"
        case EvidenceKind.ACCEPTS:
            return f"of all that has a name, the server would accept {first or 'nothing'}"
        case EvidenceKind.REDIRECTED:
            return f"the server sends its clients to {first}"
        case EvidenceKind.UNANSWERED:
            return f"no answer to {first} of {second} bytes in {third} s"
        case EvidenceKind.DROPPED:
            return f"{second} bytes were dropped: {first}"
        case EvidenceKind.NOT_TRIED:
            return f"IKE_AUTH was not tried: {_why_not(first)}"
        case EvidenceKind.REMEMBERED:
            seconds = read_number(first)
            age = "some time" if seconds is None else format_elapsed(float(seconds))
            return f"what follows about IKE_AUTH is {age} old"
        case EvidenceKind.ENDED:
            return f"the end of the session was {first}" if first != "by-server" else "the server ended it"
    return _describe_authentication(kind, first, second)


def _why_not(word: str) -> str:
    reasons = {
        NO_CREDENTIALS: "this check has no credentials",
        NOT_DEDICATED: "servers.toml does not say that the identity is dedicated to monitoring",
    }
    return reasons.get(word, "it is not due yet")


def _describe_authentication(kind: str, first: str, second: str) -> str:
    match kind:
        case EvidenceKind.SERVER_PROVEN:
            return f"the server proved that it is {first}, by {second}"
        case EvidenceKind.NOT_LOOKED_UP:
            return f"crl_file has no list of {second}: whether {first} is revoked is not known"
        case EvidenceKind.OWN_CERTIFICATE:
            return f"the certificate of this check: {first}"
        case EvidenceKind.OWN_NAME:
            return f"the certificate of this check does not name {first}"
        case EvidenceKind.SERVER_REJECTED:
            fault = _FAULTS.get(first, first)
            return f"the server is not proven: {fault}" + (f" ({second})" if second else "")
        case EvidenceKind.EAP_ENDED:
            number = read_number(second)
            method = "" if number is None else METHOD_NAMES.get(number, f"method {number}")
            code = f" with error {first}" if first else ""
            return f"the server asked for {method}" if method else f"the server ended EAP{code}"
        case EvidenceKind.CANNOT_SIGN:
            return f"this side cannot prove itself: {first}"
        case EvidenceKind.ESTABLISHED:
            words = {"child": "with a CHILD_SA", "childless": "without a CHILD_SA"}
            return f"both sides are authenticated, {words.get(first, f'without a CHILD_SA: {first}')}"
        case EvidenceKind.CHILD_LATER:
            return (
                "the server accepts IKE_AUTH without a CHILD_SA alone: with one, it answered INVALID_SYNTAX"
            )
        case EvidenceKind.SELECTORS:
            return f"the server lets packets pass between {first} and {second}"
        case EvidenceKind.NAT_PORT:
            return f"experiment: port 4500 {'answers' if first == 'answers' else 'is silent'}"
        case EvidenceKind.WITHOUT_ID:
            return f"experiment: asked for no identity, the server proved that it is {first}"
        case EvidenceKind.EAP_OFFERED:
            return "experiment: without a proof of this side, the server began EAP"
        case EvidenceKind.OTHER_IDENTITY:
            return "experiment: the server accepted the preshared key from a made-up identity"
    return kind
