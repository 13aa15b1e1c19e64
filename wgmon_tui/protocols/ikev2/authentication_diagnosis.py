"""The diagnosis of IKE_AUTH: who refused whom, and why."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.icmp_errors import is_port_closed
from wgmon_tui.checks.stage import AUTHENTICATE
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.ikev2 import causes, certificate_causes, tunnel_causes
from wgmon_tui.protocols.ikev2.chain_faults import ChainFault
from wgmon_tui.protocols.ikev2.eap import METHOD_NAMES
from wgmon_tui.protocols.ikev2.events import ServerFault
from wgmon_tui.protocols.ikev2.evidence_kinds import FRAGMENTS, EvidenceKind
from wgmon_tui.protocols.ikev2.findings import Findings, Meaning, read_number
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, Notify

_LARGE = 1200


def diagnose_authentication(found: Findings) -> Meaning | None:
    """What went wrong in IKE_AUTH; None if nothing did."""
    if found.has(EvidenceKind.SERVER_REJECTED):
        return _rejected_server(found)
    if found.has(EvidenceKind.EAP_ENDED):
        return _ended_eap(found)
    if found.has(EvidenceKind.CANNOT_SIGN):
        reason = found.values(EvidenceKind.CANNOT_SIGN)[0]
        summary = f"The server answers, but cannot verify this certificate: {reason}."
        return Meaning(Verdict.CIPHER_MISMATCH, summary, (), AUTHENTICATE)
    refused = found.values_of(EvidenceKind.REFUSED, ExchangeType.IKE_AUTH)
    if refused is not None:
        return _refused(found, refused[0])
    unanswered = found.values_of(EvidenceKind.UNANSWERED, ExchangeType.IKE_AUTH)
    return None if unanswered is None else _unanswered(found, unanswered[0])


def _refused(found: Findings, notify: str) -> Meaning:
    if notify != Notify.AUTHENTICATION_FAILED.name:
        summary = f"The server answers IKE_AUTH with {notify}."
        return Meaning(
            Verdict.SESSION_REFUSED,
            summary,
            (tunnel_causes.child_refused(notify, found.settings),),
            AUTHENTICATE,
        )
    if found.has(EvidenceKind.OWN_CERTIFICATE):
        detail = found.values(EvidenceKind.OWN_CERTIFICATE)[0]
        summary = f"The server refuses {found.local_id}, whose certificate is not valid: {detail}."
        possible = [certificate_causes.own_certificate(detail), certificate_causes.own_clock()]
        return Meaning(Verdict.BAD_CERTIFICATE, summary, possible, AUTHENTICATE)
    if found.has(EvidenceKind.WITHOUT_ID):
        identity = found.values(EvidenceKind.WITHOUT_ID)[0]
        summary = f"The server is {identity}, and refuses clients that ask for another."
        cause = causes.wrong_remote_id(found.settings.remote_id, identity)
        return Meaning(Verdict.AUTH_FAILED, summary, (cause,), AUTHENTICATE)
    if found.has(EvidenceKind.EAP_OFFERED):
        summary = f"The server refuses {found.local_id}: it wants EAP."
        return Meaning(Verdict.AUTH_FAILED, summary, (causes.wants_eap(),), AUTHENTICATE)
    summary = f"The server refuses {found.local_id}: AUTHENTICATION_FAILED."
    if found.has(EvidenceKind.OTHER_IDENTITY):
        cause = causes.only_identity_refused(found.local_id)
        return Meaning(Verdict.AUTH_FAILED, summary, (cause,), AUTHENTICATE)
    possible = causes.refused_identity(found.local_id, found.settings)
    if found.has(EvidenceKind.OWN_NAME):
        possible = [causes.unnamed_local_id(found.values(EvidenceKind.OWN_NAME)[0]), *possible]
    return Meaning(Verdict.AUTH_FAILED, summary, possible, AUTHENTICATE)


def _unanswered(found: Findings, size: str) -> Meaning:
    """The server answered IKE_SA_INIT, and then nothing."""
    if errors := all_of_kind(IcmpError, found.evidence):
        return _refused_port(errors)
    if found.has(EvidenceKind.SERVER_PROVEN):
        summary = "The server proved itself and began EAP, and then was silent."
        return Meaning(Verdict.SILENT, summary, (causes.delayed_refusal(),), AUTHENTICATE)
    summary = "The server answers IKE_SA_INIT, and is silent to IKE_AUTH."
    nat_port = found.values(EvidenceKind.NAT_PORT)[0]
    can_fragment = FRAGMENTS in found.values(EvidenceKind.SA_INIT)
    if nat_port == "silent":
        summary = "The server answers on port 500, and is silent on port 4500."
        return Meaning(Verdict.SILENT, summary, (causes.port_blocked(4500, 500),), AUTHENTICATE)
    possible = [causes.late_session("it answered IKE_SA_INIT")]
    if nat_port == "answers":
        is_large = (read_number(size) or 0) > _LARGE
        large = causes.large_request_lost(size, can_fragment=can_fragment)
        possible = [large, *possible] if is_large or found.settings.certificate else [*possible, large]
    elif found.server.endpoint.port == 500:
        possible = [causes.blocked_nat_port(), *possible]
    return Meaning(Verdict.SILENT, summary, possible, AUTHENTICATE)


def _refused_port(errors: Sequence[IcmpError]) -> Meaning:
    """IKE_AUTH went to port 4500, and an ICMP error came back."""
    if any(map(is_port_closed, errors)):
        summary = "The server answers on port 500, and reports that nothing listens on port 4500."
        return Meaning(Verdict.PORT_CLOSED, summary, (causes.closed_nat_port(),), AUTHENTICATE)
    summary = "The server answers on port 500, and the network refuses packets to port 4500."
    why = describe_evidence(errors[0])
    return Meaning(Verdict.UNREACHABLE, summary, (causes.refused_nat_port(why),), AUTHENTICATE)


def _ended_eap(found: Findings) -> Meaning:
    code, offered = found.values(EvidenceKind.EAP_ENDED)[:2]
    number = read_number(offered)
    method = METHOD_NAMES.get(number, f"EAP method {number}") if number is not None else ""
    possible = causes.eap(code, method, found.settings.eap_user)
    if method:  # clients that have it get in
        summary = f"Not proven: the server proved itself, and then asked for {method}, which a check lacks."
        return Meaning(Verdict.UNPROVEN, summary, possible, AUTHENTICATE)
    summary = f"The server proved itself, and then refused {found.settings.eap_user}."
    return Meaning(Verdict.AUTH_FAILED, summary, possible, AUTHENTICATE)


def _rejected_server(found: Findings) -> Meaning:
    """The server answered IKE_AUTH, and did not prove that it is the right one."""
    word, detail, chain_fault = found.values(EvidenceKind.SERVER_REJECTED)[:3]
    if word == ServerFault.CHAIN.value:
        return _bad_chain(found, detail, chain_fault)
    expected = found.settings.remote_id or found.server.endpoint.host
    if word == ServerFault.WRONG_IDENTITY.value:
        summary = f"The server proved that it is {detail}, not {expected}."
        possible = causes.other_identity(detail, expected)
        return Meaning(Verdict.BAD_CERTIFICATE, summary, possible, AUTHENTICATE)
    if word == ServerFault.UNNAMED.value:
        summary = f"The server says that it is {detail}, and its certificate does not name that."
        return Meaning(Verdict.BAD_CERTIFICATE, summary, (certificate_causes.unnamed(detail),), AUTHENTICATE)
    if word == ServerFault.BAD_SIGNATURE.value:
        summary = "The server sent a certificate, and its signature is not of that certificate's key."
        return Meaning(
            Verdict.BAD_CERTIFICATE, summary, (certificate_causes.bad_signature(detail),), AUTHENTICATE
        )
    if word == ServerFault.BAD_SECRET.value:
        summary = "The server accepted this side, but did not prove that it knows the same secret."
        return Meaning(Verdict.PSK_MISMATCH, summary, (causes.other_secret(),), AUTHENTICATE)
    if word == ServerFault.NO_SECRET.value:
        summary = "The server proves itself by a preshared key, and servers.toml has none for it."
        return Meaning(Verdict.AUTH_FAILED, summary, (causes.needs_secret(),), AUTHENTICATE)
    summary = f"The server's answer to IKE_AUTH makes no sense: {detail or 'it has no proof'}."
    return Meaning(Verdict.WRONG_PROTOCOL, summary, (), AUTHENTICATE)


def _bad_chain(found: Findings, detail: str, fault: str) -> Meaning:
    match fault:
        case ChainFault.EXPIRED.value | ChainFault.NOT_YET_VALID.value:
            summary = f"A certificate of the server is not valid: {detail}."
            possible = [certificate_causes.certificate_dates(detail), certificate_causes.own_clock()]
        case ChainFault.UNTRUSTED.value:
            summary = f"No authority that is trusted here issued the server's certificate; {detail} did."
            possible = certificate_causes.untrusted(detail, found.settings)
        case ChainFault.REVOKED.value:
            summary = f"A certificate of the server is revoked: {detail}."
            possible = [certificate_causes.revoked(detail)]
        case ChainFault.UNUSABLE_LIST.value:
            # The list is this machine's own: no client fails because of it.
            summary = f"Whether the server's certificate is revoked is not known, because {detail}."
            possible = [certificate_causes.unusable_list(detail), certificate_causes.own_clock()]
            return Meaning(Verdict.MISCONFIGURED, summary, possible, AUTHENTICATE)
        case ChainFault.UNREADABLE.value if not found.settings.ca and found.settings.secret:
            # Without an authority, this side asks for no certificate, and most servers send none then.
            summary = "The server proves itself by a certificate, and servers.toml names no authority for it."
            possible = [certificate_causes.needs_authority()]
            return Meaning(Verdict.MISCONFIGURED, summary, possible, AUTHENTICATE)
        case _:
            summary = f"The server's certificates prove nothing: {detail}."
            possible = [certificate_causes.useless_chain(detail)]
    return Meaning(Verdict.BAD_CERTIFICATE, summary, possible, AUTHENTICATE)
