"""The diagnosis of IKEv2: evidence in, verdict and causes out. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.common_faults import diagnose_common_fault
from wgmon_tui.checks.evidence import CookieDemanded, Evidence, Silence
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.stage import AUTHENTICATE, SA_INIT, TUNNEL
from wgmon_tui.checks.starvation import BY_TIME, doubt_if_starved
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.ikev2 import causes, certificate_causes
from wgmon_tui.protocols.ikev2.authentication_diagnosis import diagnose_authentication
from wgmon_tui.protocols.ikev2.client_options import IKE_PORT, NAT_PORT
from wgmon_tui.protocols.ikev2.evidence_kinds import NOT_DEDICATED, EvidenceKind
from wgmon_tui.protocols.ikev2.findings import Findings, Meaning, read_number
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, Notify
from wgmon_tui.protocols.ikev2.tunnel_diagnosis import diagnose_tunnel
from wgmon_tui.text import format_elapsed, format_list, format_rtt

_OF_PROPOSALS = (Notify.NO_PROPOSAL_CHOSEN.name, Notify.INVALID_KE_PAYLOAD.name)


def diagnose(
    check: Check, server: Server, standing: Sequence[Evidence], *, is_explained_by_loss: bool = False
) -> Diagnosis:
    """Diagnose a check. Before IKE_SA_INIT is answered, the common faults come first."""
    evidence = (*check.evidence, *standing)
    found = Findings(check, server, evidence)
    if not found.has(EvidenceKind.SA_INIT) and (fault := diagnose_common_fault(check, server, standing)):
        return fault
    meaning = _find_meaning(found)
    if is_explained_by_loss and meaning.verdict is Verdict.SILENT and not meaning.has_proof:
        summary = "No answer to IKE_SA_INIT; the known loss of the path explains it."
        meaning = Meaning(Verdict.LOSSY, summary, (), meaning.stage)
    texts = tuple(map(describe_evidence, evidence))
    diagnosis = Diagnosis(meaning.verdict, meaning.summary, texts, tuple(meaning.causes), meaning.stage)
    return doubt_if_starved(diagnosis, check, server, is_by_time=_is_by_time(found, meaning))


def _is_by_time(found: Findings, meaning: Meaning) -> bool:
    """Whether a meaning rests on something that did not come in time, in this check."""
    is_remembered = found.has(EvidenceKind.REMEMBERED) and meaning.stage in (AUTHENTICATE, TUNNEL)
    return meaning.verdict in BY_TIME and not is_remembered


def _find_meaning(found: Findings) -> Meaning:
    if lost := _of_silent_gateway(found):
        return lost
    if not found.has(EvidenceKind.SA_INIT):
        return _without_answer(found)
    if failed := diagnose_authentication(found):
        return _with_age(found, failed)
    if not found.has(EvidenceKind.SERVER_PROVEN) or not found.has(EvidenceKind.ESTABLISHED):
        return _only_first_exchange(found)
    broken = diagnose_tunnel(found)
    return _with_age(found, broken) if broken else _works(found)


def _of_silent_gateway(found: Findings) -> Meaning | None:
    """The server redirects its clients to a gateway that does not answer; None if it does not."""
    is_unanswered = found.values_of(EvidenceKind.UNANSWERED, ExchangeType.IKE_SA_INIT) is not None
    if not is_unanswered or not found.has(EvidenceKind.REDIRECTED):
        return None
    gateway = found.values(EvidenceKind.REDIRECTED)[0]
    summary = f"The server sends its clients to {gateway}, which does not answer IKE_SA_INIT."
    stage = AUTHENTICATE if found.has(EvidenceKind.SA_INIT) else SA_INIT
    return Meaning(Verdict.SILENT, summary, causes.silent_gateway(gateway), stage)


def _with_age(found: Findings, meaning: Meaning) -> Meaning:
    """A meaning with its age, if an earlier check found what it rests on."""
    age = _age_of_proof(found)
    return replace(meaning, summary=f"{meaning.summary} IKE_AUTH was tried {age} ago.") if age else meaning


def _age_of_proof(found: Findings) -> str:
    """How long ago IKE_AUTH ran; "" if this check ran it."""
    seconds = read_number(found.values(EvidenceKind.REMEMBERED)[0])
    return "" if seconds is None else format_elapsed(float(seconds))


def _without_answer(found: Findings) -> Meaning:
    """IKE_SA_INIT did not succeed."""
    server = found.server
    refused = found.values_of(EvidenceKind.REFUSED, ExchangeType.IKE_SA_INIT)
    if refused is not None and refused[0] in _OF_PROPOSALS:
        accepted = found.values(EvidenceKind.ACCEPTS)[0]
        summary = f"The server accepts none of the offered proposals: {refused[0]}."
        if accepted:
            summary = f"The server accepts none of the offered proposals, but would accept {accepted}."
        possible = causes.cipher_mismatch(accepted, found.settings)
        if accepted and not found.settings.proposals:
            # No client of this server is known to offer what wgmon-tui offers by itself.
            summary = f"Not proven: the server refuses the default proposals, but would accept {accepted}."
            return Meaning(Verdict.UNPROVEN, summary, possible, SA_INIT)
        return Meaning(Verdict.CIPHER_MISMATCH, summary, possible, SA_INIT)
    if refused is not None:
        summary = f"The server answers IKE_SA_INIT with {refused[0]}."
        return Meaning(Verdict.WRONG_PROTOCOL, summary, (causes.stopped_service(server),), SA_INIT)
    if found.has(EvidenceKind.REDIRECTED):
        gateway = found.values(EvidenceKind.REDIRECTED)[0]
        summary = f"Not proven: the server sends its clients to {gateway}."
        return Meaning(Verdict.UNPROVEN, summary, (causes.redirected(gateway),), SA_INIT)
    if found.has(EvidenceKind.DROPPED):
        reason = found.values(EvidenceKind.DROPPED)[0]
        summary = f"Something answers, but not with IKEv2: {reason}."
        return Meaning(Verdict.WRONG_PROTOCOL, summary, (causes.stopped_service(server),), SA_INIT)
    if first_of_kind(CookieDemanded, found.evidence):
        summary = "The server demands a cookie, and is silent once it has it."
        return Meaning(Verdict.SILENT, summary, causes.silence(server)[2:], SA_INIT)
    return _silent(found)


def _silent(found: Findings) -> Meaning:
    server = found.server
    if found.values(EvidenceKind.NAT_PORT)[0] == "answers":
        summary = f"The server is silent on port {IKE_PORT}, and answers on port {NAT_PORT}."
        return Meaning(Verdict.SILENT, summary, (causes.port_blocked(IKE_PORT, NAT_PORT),), SA_INIT)
    silence = first_of_kind(Silence, found.evidence)
    waited = f" in {format_elapsed(silence.waited)}" if silence and silence.waited >= 1 else ""
    summary = f"No answer to IKE_SA_INIT{waited}."
    return Meaning(Verdict.SILENT, summary, causes.silence(server), SA_INIT)


def _only_first_exchange(found: Findings) -> Meaning:
    """The server answers, and nothing proves who it is."""
    rtt = found.check.handshake.rtt if found.check.handshake else None
    answers = f"the server answers IKE_SA_INIT{f' in {format_rtt(rtt)}' if rtt is not None else ''}"
    if found.values(EvidenceKind.NOT_TRIED)[0] == NOT_DEDICATED:
        summary = f"Not proven: {answers}, but IKE_AUTH was not tried with an identity that may be shared."
        return Meaning(Verdict.UNPROVEN, summary, (causes.shared_identity(),))
    summary = f"Not proven: {answers}, but without credentials nothing shows who it is."
    return Meaning(Verdict.UNPROVEN, summary, (causes.no_credentials(),))


def _works(found: Findings) -> Meaning:
    """Both sides are authenticated, and nothing of the tunnel failed."""
    handshake = found.check.handshake
    if handshake is None:  # authenticated, but this check has no answer of its own
        return Meaning(Verdict.UNPROVEN, "Not proven: the answer of this check is missing.")
    identity, method = found.values(EvidenceKind.SERVER_PROVEN)[:2]
    if found.has(EvidenceKind.REDIRECTED):
        identity = (
            f"{identity} at {found.values(EvidenceKind.REDIRECTED)[0]}, where the server sends clients,"
        )
    rtt = format_rtt(handshake.rtt)
    age = _age_of_proof(found)
    when = f" {age} ago" if age else ""
    summary = f"IKE_SA_INIT answered in {rtt}; {identity} proved itself by {method}{when}."
    if handshake.cookie:
        return Meaning(Verdict.UNDER_LOAD, f"The server demands cookies: it is under load. {summary}")
    if handshake.rtt > found.server.slow:
        limit = format_rtt(found.server.slow)
        return Meaning(Verdict.SLOW, f"{summary} That is above the limit of {limit}.")
    data = " Data came back through the tunnel."
    if not found.server.tunnel:
        data = " Not tested: data, because of tunnel = false."
    data += _untested_offers(found)
    return _of_missing_lists(found, summary + data) or Meaning(Verdict.HEALTHY, summary + data)


def _untested_offers(found: Findings) -> str:
    """What other clients may not offer: a check that offers everything finds algorithms that they lack."""
    has_tunnel = found.server.tunnel
    unset = [
        key
        for key, is_set in (
            ("proposals", bool(found.settings.proposals)),
            ("esp_proposals", bool(found.settings.esp_proposals) or not has_tunnel),
        )
        if not is_set
    ]
    if not unset:
        return ""
    verb = "is" if len(unset) == 1 else "are"
    return f" Not tested: the algorithms of your clients, because {format_list(unset)} {verb} not set."


def _of_missing_lists(found: Findings, summary: str) -> Meaning | None:
    """All works, but crl_file does not say whether a certificate is revoked; None if it does."""
    missing = found.all_values(EvidenceKind.NOT_LOOKED_UP)
    if not missing:
        return None
    names = format_list(subject for subject, *_ in missing)
    possible = tuple(map(certificate_causes.missing_list, dict.fromkeys(each[1] for each in missing)))
    return Meaning(Verdict.UNPROVEN, f"{summary} Not known: whether {names} is revoked.", possible)
