"""Experiments that explain a failed check of IKEv2, each with a session of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.address_prober import AddressCheck
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import Evidence, IcmpError, ProtocolEvidence, Silence
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.client_options import (
    IKE_PORT,
    NAT_PORT,
    AuthenticationOptions,
    ClientOptions,
)
from wgmon_tui.protocols.ikev2.events import EapOffered, Event, GroupAsked, SaInitAnswered, ServerProven
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind, make_evidence
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, IdType, Notify
from wgmon_tui.protocols.ikev2.security_association import group_word, widest_offer
from wgmon_tui.protocols.ikev2.session_io import IkeSession
from wgmon_tui.protocols.ikev2.targets import Ikev2Target
from wgmon_tui.protocols.ikev2.wire import Identification

_TIMEOUT_S = 1.5
_UNKNOWN_NAME = "nobody.invalid"


async def find_reasons(
    asked: AddressCheck[Ikev2Target], options: ClientOptions, check: Check, turns: asyncio.Semaphore
) -> tuple[Evidence, ...]:
    """Run the experiments that the failure of a check calls for. Raises OSError.

    Which proposal a server accepts is asked every time: it costs the server no more than the check itself.
    """
    refused = _find(check.evidence, EvidenceKind.REFUSED)
    is_refused_first = refused is not None and refused.values[0] == ExchangeType.IKE_SA_INIT.name
    if (
        refused is not None
        and is_refused_first
        and refused.values[1]
        in (
            Notify.NO_PROPOSAL_CHOSEN.name,
            Notify.INVALID_KE_PAYLOAD.name,
        )
    ):
        return (await _find_accepted(asked, turns),)
    if not asked.may_experiment or _find(check.evidence, EvidenceKind.REDIRECTED) is not None:
        return ()  # they ask this server, and not the gateway to which it sends clients
    is_silent = first_of_kind(Silence, check.evidence) is not None
    is_unanswered = _find(check.evidence, EvidenceKind.UNANSWERED) is not None
    if (is_silent or is_unanswered) and asked.server.endpoint.port == IKE_PORT:
        has_icmp = first_of_kind(IcmpError, check.evidence) is not None
        return () if has_icmp else (await _try_nat_port(asked, options, turns),)
    if refused is not None and options.authentication is not None:
        return await _split_refusal(asked, options, options.authentication, turns)
    return ()


def _find(evidence: Sequence[Evidence], kind: EvidenceKind) -> ProtocolEvidence | None:
    return next((each for each in all_of_kind(ProtocolEvidence, evidence) if each.kind == kind), None)


async def _run(
    asked: AddressCheck[Ikev2Target],
    turns: asyncio.Semaphore,
    options: ClientOptions,
    port: int | None = None,
) -> list[Event]:
    endpoint = asked.server.endpoint
    place = endpoint if port is None else Endpoint(endpoint.host, port)
    async with IkeSession(asked.address, place, CheckLog(), turns) as session:
        return await session.run(options)


async def _find_accepted(asked: AddressCheck[Ikev2Target], turns: asyncio.Semaphore) -> Evidence:
    """Ask which proposal the server would choose of all that have a name."""
    found = await _run(asked, turns, ClientOptions(widest_offer(), _TIMEOUT_S, is_query=True))
    answered, group = first_of_kind(SaInitAnswered, found), first_of_kind(GroupAsked, found)
    words = str(answered.chosen) if answered else group_word(group.group) if group else ""
    return make_evidence(EvidenceKind.ACCEPTS, words, from_experiment=True)


async def _try_nat_port(
    asked: AddressCheck[Ikev2Target], options: ClientOptions, turns: asyncio.Semaphore
) -> Evidence:
    found = await _run(asked, turns, ClientOptions(options.proposals, _TIMEOUT_S), NAT_PORT)
    answers = first_of_kind(SaInitAnswered, found) is not None
    word = "answers" if answers else "silent"
    return make_evidence(EvidenceKind.NAT_PORT, word, from_experiment=True)


async def _split_refusal(
    asked: AddressCheck[Ikev2Target],
    options: ClientOptions,
    refused: AuthenticationOptions,
    turns: asyncio.Semaphore,
) -> tuple[Evidence, ...]:
    """Vary one thing after the other. The server logs each as a failed login, so the first find is enough."""
    if refused.remote_id is not None:
        found = await _authenticate(asked, options, replace(refused, remote_id=None), turns)
        if proven := first_of_kind(ServerProven, found):
            return (make_evidence(EvidenceKind.WITHOUT_ID, proven.identity, from_experiment=True),)
    if not refused.has_eap:
        found = await _authenticate(asked, options, replace(refused, is_eap_query=True), turns)
        if first_of_kind(EapOffered, found) is not None:
            return (make_evidence(EvidenceKind.EAP_OFFERED, from_experiment=True),)
    if refused.has_secret:
        name = f"{secrets.token_hex(4)}.{_UNKNOWN_NAME}".encode()
        other = Identification(IdType.FQDN, name)
        found = await _authenticate(asked, options, replace(refused, local_id=other), turns)
        if first_of_kind(ServerProven, found) is not None:
            return (make_evidence(EvidenceKind.OTHER_IDENTITY, from_experiment=True),)
    return ()


async def _authenticate(
    asked: AddressCheck[Ikev2Target],
    options: ClientOptions,
    varied: AuthenticationOptions,
    turns: asyncio.Semaphore,
) -> list[Event]:
    return await _run(asked, turns, replace(options, timeout=_TIMEOUT_S, authentication=varied))
