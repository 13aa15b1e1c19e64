"""The prober of IKEv2: runs the client over a socket, stage by stage.

A check ends after IKE_SA_INIT, which costs the server little. IKE_AUTH, the tunnel and the experiments run in
deep checks; what they found is remembered until the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Direction, Handshake, Tunnel
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    Evidence,
    InnerEcho,
    InnerHop,
    InnerUnaddressed,
    ProtocolEvidence,
    Silence,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import REACH, RESOLVE, SA_INIT, Stage, as_earlier
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.resolver import ResolutionError
from wgmon_tui.protocols.ikev2.client_options import ClientOptions
from wgmon_tui.protocols.ikev2.decrypted_parts import DecryptedParts
from wgmon_tui.protocols.ikev2.events import (
    CookieAsked,
    Established,
    Event,
    Redirected,
    RequestRefused,
    SaInitAnswered,
    ServerProven,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.evidence_kinds import (
    NO_CREDENTIALS,
    NOT_DEDICATED,
    NOT_DUE,
    EvidenceKind,
    evidence_of,
    is_of_authentication,
    make_evidence,
)
from wgmon_tui.protocols.ikev2.experiments import find_reasons
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, Notify
from wgmon_tui.protocols.ikev2.key_log import esp_secret, ike_secret
from wgmon_tui.protocols.ikev2.offers import ike_offer
from wgmon_tui.protocols.ikev2.session_io import IkeSession
from wgmon_tui.protocols.ikev2.stages import make_stages
from wgmon_tui.protocols.ikev2.targets import Ikev2Target
from wgmon_tui.protocols.ikev2.tunnel_stage import open_esp, run_tunnel_stage
from wgmon_tui.text import printable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_REMEMBERED_FOR = 2.5
"""What a full check found holds for this many times of `tunnel_every`: then it is too old to say."""

_HALF_OPEN_AT_ONCE = 2
"""Sessions with one address that may be half open: strongSwan demands cookies of an address with three."""

_MOST_AUTHORITIES = 8
"""Number of own authorities whose end is reported: a bundle may have a hundred."""

_OF_THE_TUNNEL = (InnerEcho, InnerHop, InnerUnaddressed)


@dataclass(frozen=True, slots=True)
class _FullResult:
    """What the last full check of an address found. `at` is monotonic."""

    at: float
    agreed: tuple[object, ...] = field(repr=False)
    evidence: tuple[Evidence, ...]
    stages: tuple[Stage, ...]
    """Those behind IKE_SA_INIT."""
    has_authenticated: bool


@dataclass(slots=True)
class _Findings:
    """What one session found. `not_tried` says why IKE_AUTH was left out, "" if it ran."""

    not_tried: str
    log: CheckLog
    session: IkeSession
    tunnel: Tunnel | None = None
    inside: DecryptedParts = field(default_factory=DecryptedParts)

    @property
    def parts(self) -> str:
        """What the encrypted parts of all packets held."""
        client = self.session.client
        return "\n".join(filter(None, (str(client.parts) if client else "", str(self.inside))))

    @property
    def opened(self) -> SaInitAnswered | None:
        """The answer to IKE_SA_INIT."""
        return first_of_kind(SaInitAnswered, self.session.events)

    @property
    def has_answer(self) -> bool:
        """Whether anything came back."""
        return any(each.direction is Direction.RECEIVED for each in self.log.exchange)


class Ikev2Prober(AddressProber[Ikev2Target]):
    """Checks an address with a socket of its own for each session.

    `note_secret` takes the keys of each session, for a key log.
    """

    def __init__(self, vantage: str = "local", note_secret: Callable[[str], None] | None = None) -> None:
        super().__init__(vantage)
        self._note_secret = note_secret
        self._full: dict[tuple[str, Address], _FullResult] = {}
        self._turns: dict[Address, asyncio.Semaphore] = {}

    async def check_address(self, asked: AddressCheck[Ikev2Target]) -> Check:
        """Run IKE_SA_INIT, and the rest where it is due. Raises OSError."""
        target, began = asked.target, time.monotonic()
        options = ClientOptions(ike_offer(target.settings), asked.server.timeout)
        known = self._find_known(asked)
        not_tried = _why_not_full(asked, known)
        if not not_tried:
            from wgmon_tui.protocols.ikev2.own_identity import authentication_options

            options = replace(options, authentication=authentication_options(target))
        found = await self._run_session(asked, options, not_tried)
        check = self._make_check(asked, found, known)
        reasons = await find_reasons(asked, options, check, self._turns_at(asked.address))
        check = replace(check, evidence=(*check.evidence, *reasons))
        has_passed = check.handshake is not None and check.failed_stage is None
        if found.opened is not None and not not_tried and (has_passed or not self._is_starved(began)):
            self._remember(asked, check)
        return check

    def _turns_at(self, address: Address) -> asyncio.Semaphore:
        return self._turns.setdefault(address, asyncio.Semaphore(_HALF_OPEN_AT_ONCE))

    def _find_known(self, asked: AddressCheck[Ikev2Target]) -> _FullResult | None:
        """What the last full check found with the same credentials, if it is not too old."""
        known = self._full.get((asked.server.name, asked.address))
        if known is None or known.agreed != asked.target.agreed_values:
            return None
        limit = _REMEMBERED_FOR * asked.server.tunnel_every
        return known if time.monotonic() - known.at <= limit else None

    async def _run_session(
        self, asked: AddressCheck[Ikev2Target], options: ClientOptions, not_tried: str
    ) -> _Findings:
        """Run a session, and follow one redirection to another gateway, as a client does (RFC 5685 §4)."""
        log = CheckLog()
        found = await self._run_at(asked, asked.address, options, not_tried, log)
        if _may_want_no_child(options, found):
            return await self._run_without_child(asked, options, found)
        redirected = first_of_kind(Redirected, found.session.events)
        gateway = await self._find_gateway(asked, redirected.gateway) if redirected else None
        if gateway is None:
            return found
        options = replace(options, redirected_from=asked.address)
        followed = await self._run_at(asked, gateway, options, not_tried, log)
        followed.session.events[:0] = found.session.events
        followed.session.sent += found.session.sent
        return followed

    async def _run_without_child(
        self, asked: AddressCheck[Ikev2Target], options: ClientOptions, refused: _Findings
    ) -> _Findings:
        """The session without a CHILD_SA in IKE_AUTH, if the server accepts that; else the refused one."""
        assert options.authentication is not None  # noqa: S101
        options = replace(options, authentication=replace(options.authentication, child=None))
        found = await self._run_at(asked, asked.address, options, "", refused.log)
        if first_of_kind(Established, found.session.events) is None:
            return refused
        found.log.evidence.append(make_evidence(EvidenceKind.CHILD_LATER))
        found.session.sent += refused.session.sent
        return found

    async def _find_gateway(self, asked: AddressCheck[Ikev2Target], gateway: str) -> Address | None:
        """The address of a gateway that a server named; None if it has none, or is the server itself."""
        place = Endpoint(gateway, asked.server.endpoint.port)
        try:
            address = (await self._resolver.resolve(place, asked.server.timeout))[0]
        except ResolutionError:
            return None
        return None if address == asked.address else address

    async def _run_at(
        self,
        asked: AddressCheck[Ikev2Target],
        address: Address,
        options: ClientOptions,
        not_tried: str,
        log: CheckLog,
    ) -> _Findings:
        async with IkeSession(address, asked.server.endpoint, log, self._turns_at(address)) as session:
            found = _Findings(not_tried, log, session)
            established = first_of_kind(Established, await session.run(options))
            self._note_keys(session, established)
            if established is not None and established.child is not None and asked.server.tunnel:
                echoes = await run_tunnel_stage(session, established.child, asked.server)
                found.tunnel = echoes.result()
                found.inside = echoes.parts
                log.evidence += echoes.evidence()
        return found

    def _note_keys(self, session: IkeSession, established: Established | None) -> None:
        """Note the keys of a session, if somebody asked for a key log."""
        client = session.client
        if self._note_secret is None or client is None or client.keys is None or client.opened is None:
            return
        self._note_secret(ike_secret(client.opened.chosen, client.opened.nonces, client.keys))
        if established is not None and established.child is not None:
            esp = open_esp(established.child)
            for direction in (esp.sending, esp.receiving):
                self._note_secret(esp_secret(direction, session.address.version))

    def _make_check(
        self, asked: AddressCheck[Ikev2Target], found: _Findings, known: _FullResult | None
    ) -> Check:
        evidence = [*found.log.evidence, *evidence_of(found.session.events)]
        if not found.not_tried and found.opened is not None:
            evidence += _evidence_of_certificates(asked.target, found.session.events)
        if not found.has_answer:
            evidence = [*found.log.evidence, Silence(asked.server.timeout)]
        elif found.not_tried != NOT_DUE and found.not_tried:
            evidence.append(make_evidence(EvidenceKind.NOT_TRIED, found.not_tried))
        elif found.not_tried and found.opened is not None and known is not None:
            age = make_evidence(EvidenceKind.REMEMBERED, f"{time.monotonic() - known.at:.0f}")
            evidence += (age, *known.evidence)
        stages = make_stages(
            found.session.events,
            found.log.evidence,
            has_answer=found.has_answer,
            not_tried=found.not_tried,
            tunnel=found.tunnel,
            wants_tunnel=asked.server.tunnel,
        )
        if found.not_tried == NOT_DUE and found.opened is not None and known is not None:
            stages = (*_first_stages(stages), *as_earlier(known.stages))
        return replace(
            self.make_check(asked.server, asked.address, *evidence),
            started_at=found.log.started_at_unix,
            handshake=_handshake(found, known),
            exchange=tuple(found.log.exchange),
            sent=found.session.sent,
            tunnel=found.tunnel,
            framing=found.parts,
            stages=stages,
        )

    def _remember(self, asked: AddressCheck[Ikev2Target], check: Check) -> None:
        kept = (
            # Its moment was in that check, and not in those that remember it.
            replace(each, at=None) if isinstance(each, ProtocolEvidence) else each
            for each in check.evidence
            if is_of_authentication(each) or isinstance(each, _OF_THE_TUNNEL)
        )
        behind = check.stages[len(_first_stages(check.stages)) :]
        self._full[asked.server.name, asked.address] = _FullResult(
            time.monotonic(), asked.target.agreed_values, tuple(kept), behind, check.handshake is not None
        )


def _may_want_no_child(options: ClientOptions, found: _Findings) -> bool:
    """Whether the server knows RFC 6023 and refuses IKE_AUTH with a CHILD_SA: strongSwan can be set so."""
    wanted, opened = options.authentication, found.opened
    if wanted is None or wanted.child is None or opened is None or not opened.is_childless:
        return False
    refused = first_of_kind(RequestRefused, found.session.events)
    return refused is not None and (refused.exchange, refused.notify) == (
        ExchangeType.IKE_AUTH,
        Notify.INVALID_SYNTAX,
    )


def _first_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages that every check runs."""
    return tuple(each for each in stages if each.name in (RESOLVE, REACH, SA_INIT))


def _why_not_full(asked: AddressCheck[Ikev2Target], known: _FullResult | None) -> str:
    """Why IKE_AUTH is left out now; "" if it runs."""
    target = asked.target
    if target.credentials is None:
        return NO_CREDENTIALS
    if not target.may_authenticate:
        return NOT_DEDICATED
    must_explain = asked.may_experiment and known is not None and not known.has_authenticated
    return "" if known is None or asked.is_deep or must_explain else NOT_DUE


def _handshake(found: _Findings, known: _FullResult | None) -> Handshake | None:
    """The answer to IKE_SA_INIT, if the server has proved itself too, or has nothing to prove."""
    opened = found.opened
    if opened is None:
        return None
    events = found.session.events
    is_proven = {
        "": first_of_kind(Established, events) is not None,
        NOT_DUE: known is not None and known.has_authenticated,
    }
    if not is_proven.get(found.not_tried, True):
        return None
    has_cookie = first_of_kind(CookieAsked, events) is not None
    return Handshake(opened.rtt, opened.retransmits, has_cookie)


def _evidence_of_certificates(target: Ikev2Target, events: Sequence[Event]) -> Iterator[Evidence]:
    """Until when both sides' certificates are valid, and whether the own one is not."""
    proven = first_of_kind(ServerProven, events)
    if proven is not None and proven.expires_at is not None:
        yield Expires("server certificate", proven.identity, proven.expires_at)
    rejected = first_of_kind(ServerRejected, events)
    if rejected is not None and rejected.expired_at is not None:
        yield Expires("server certificate", rejected.identity, rejected.expired_at)
    chain: Sequence[Certificate] = getattr(target.credentials, "chain", ())
    if target.authorities:
        from wgmon_tui.protocols.ikev2.certificates import expires_at, shown_subject

        in_order = sorted(target.authorities, key=expires_at)
        last_of_name = {shown_subject(each): each for each in in_order}  # a renewed one keeps its name
        for authority in sorted(last_of_name.values(), key=expires_at)[:_MOST_AUTHORITIES]:
            yield Expires("authority certificate", shown_subject(authority), expires_at(authority))
    for crl in target.revocation_lists[:_MOST_AUTHORITIES]:
        if crl.next_update_utc is not None:
            from wgmon_tui.protocols.ikev2.identities import format_name

            yield Expires(
                "revocation list", printable(format_name(crl.issuer)), crl.next_update_utc.timestamp()
            )
    if chain:
        from wgmon_tui.protocols.ikev2.certificates import expires_at, find_date_problem, shown_subject

        yield Expires("client certificate", shown_subject(chain[0]), expires_at(chain[0]))
        if problem := find_date_problem(chain[0], datetime.now(UTC)):
            yield make_evidence(EvidenceKind.OWN_CERTIFICATE, problem.detail)
        from wgmon_tui.protocols.ikev2.identities import is_named_by, parse_identity

        if target.local_id and not is_named_by(chain[0], parse_identity(target.local_id)):
            yield make_evidence(EvidenceKind.OWN_NAME, printable(target.local_id))
