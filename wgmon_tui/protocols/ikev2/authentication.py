"""IKE_AUTH as a script: both sides prove who they are (RFC 7296 §1.2, §2.15, §2.16)."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import NoReturn

from cryptography.hazmat.primitives.serialization import Encoding

from wgmon_tui.protocols.ikev2.certificates import authority_hashes
from wgmon_tui.protocols.ikev2.child_payloads import (
    AssignedAddresses,
    ChildRequest,
    parse_configuration,
    parse_selectors,
)
from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions
from wgmon_tui.protocols.ikev2.credentials import CertificateKey, EapPassword, SharedSecret
from wgmon_tui.protocols.ikev2.eap import EapPeer, EapRefusedError, EapUntrustedError
from wgmon_tui.protocols.ikev2.events import (
    CannotAuthenticate,
    ChildSession,
    EapEnded,
    EapOffered,
    Established,
    Event,
    Redirected,
    RequestRefused,
    ServerFault,
    ServerProven,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.iana_numbers import FIRST_STATUS, AuthMethod, ExchangeType, Notify, PayloadType
from wgmon_tui.protocols.ikev2.identities import format_identity
from wgmon_tui.protocols.ikev2.key_derivation import HmacPrf, KeyMaterial
from wgmon_tui.protocols.ikev2.redirects import parse_gateway
from wgmon_tui.protocols.ikev2.request_channel import Response
from wgmon_tui.protocols.ikev2.sa_init import Clock, Emit, Request, SaInitResult, Script, ScriptEndedError
from wgmon_tui.protocols.ikev2.security_association import parse_proposals
from wgmon_tui.protocols.ikev2.server_proof import ServerFaultError, shared_key_proof, verify_server
from wgmon_tui.protocols.ikev2.signatures import UnsupportedKeyError, sign
from wgmon_tui.protocols.ikev2.wire import (
    Authentication,
    MalformedMessageError,
    Payload,
    find_payload,
    notifications,
    parse_authentication,
)

_MOST_EAP_ROUNDS = 16
_EAP_TIMEOUT_S = 5.0
"""strongSwan waits 2 s before it refuses a password, and a RADIUS server takes its time."""

_OF_THE_CHILD = frozenset(
    {
        Notify.NO_PROPOSAL_CHOSEN,
        Notify.SINGLE_PAIR_REQUIRED,
        Notify.NO_ADDITIONAL_SAS,
        Notify.INTERNAL_ADDRESS_FAILURE,
        Notify.FAILED_CP_REQUIRED,
        Notify.TS_UNACCEPTABLE,
        Notify.INVALID_SELECTORS,
        Notify.TEMPORARY_FAILURE,
    }
)
"""Errors that refuse the CHILD_SA only. The IKE SA stays (RFC 7296 §1.2)."""


class AuthenticationScript:
    """One IKE_AUTH, with EAP where the credentials are a password."""

    def __init__(
        self,
        options: AuthenticationOptions,
        opened: SaInitResult,
        prf: HmacPrf,
        keys: KeyMaterial,
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._options, self._opened = options, opened
        self._prf, self._keys = prf, keys
        self._emit, self._clock = emit, clock
        self._child = options.child
        if self._child is None and not opened.is_childless:
            self._child = options.fallback_child
        self._began = clock()
        self._server_identity = b""

    def run(self) -> Script:
        """Run it. Raises ScriptEndedError where a side does not accept the other."""
        response = yield Request(ExchangeType.IKE_AUTH, self._first_payloads())
        self._raise_refusal(response.payloads)
        if self._options.is_eap_query:
            self._read_eap_offer(response.payloads)
            return
        self._verify(response.payloads)
        if isinstance(self._options.credentials, EapPassword):
            peer = EapPeer(self._options.credentials)
            yield from self._run_eap(peer, response)
            proof = shared_key_proof(self._prf, peer.session_key, self._own_octets())
            own = Authentication(AuthMethod.SHARED_KEY, proof).to_payload()
            response = yield Request(ExchangeType.IKE_AUTH, (own,))
            self._raise_refusal(response.payloads)
            self._verify_eap(response.payloads, peer.session_key)
        self._raise_redirection(response.payloads)
        self._emit(self._established(response.payloads))

    def _raise_redirection(self, payloads: Sequence[Payload]) -> None:
        """End where the server, which has proved itself, sends this client elsewhere (RFC 5685 §6)."""
        try:
            found = [each.data for each in notifications(payloads) if each.number == Notify.REDIRECT]
            gateways = [parse_gateway(each, b"") for each in found]
        except MalformedMessageError as error:
            self._end(ServerRejected(self._clock(), ServerFault.MALFORMED, str(error)))
        if gateways:
            self._end(Redirected(self._clock(), gateways[0]))

    def _first_payloads(self) -> tuple[Payload, ...]:
        """Without a proof where EAP follows. INITIAL_CONTACT is never sent: it ends other sessions."""
        options = self._options
        credentials = options.credentials
        chain = credentials.chain if isinstance(credentials, CertificateKey) else ()
        payloads = [Payload(PayloadType.IDI, options.local_id.body)]
        payloads += [Payload(PayloadType.CERT, b"\x04" + each.public_bytes(Encoding.DER)) for each in chain]
        if options.authorities:
            payloads.append(Payload(PayloadType.CERTREQ, authority_hashes(options.authorities)))
        if options.remote_id is not None:
            payloads.append(Payload(PayloadType.IDR, options.remote_id.body))
        if not isinstance(credentials, EapPassword) and not options.is_eap_query:
            payloads.append(self._own_proof().to_payload())
        return (*payloads, *(self._child.to_payloads() if self._child else ()))

    def _own_octets(self) -> bytes:
        """What this side's proof covers (RFC 7296 §2.15)."""
        identity = self._prf(self._keys.identity_i, self._options.local_id.body)
        return self._opened.request + self._opened.nonces.responder + identity

    def _own_proof(self) -> Authentication:
        credentials, octets = self._options.credentials, self._own_octets()
        if isinstance(credentials, SharedSecret):
            proof = shared_key_proof(self._prf, credentials.secret, octets)
            return Authentication(AuthMethod.SHARED_KEY, proof)
        assert isinstance(credentials, CertificateKey)  # noqa: S101
        try:
            return sign(credentials.key, octets, self._opened.server_hashes)
        except UnsupportedKeyError as error:
            self._end(CannotAuthenticate(self._clock(), str(error)))

    def _verify(self, payloads: Sequence[Payload]) -> None:
        content = self._opened.response + self._opened.nonces.initiator
        try:
            proof = verify_server(payloads, self._options, self._prf, content, self._keys.identity_r)
        except ServerFaultError as error:
            why = (error.fault, error.detail, error.chain_fault, error.identity, error.expired_at)
            self._end(ServerRejected(self._clock(), *why))
        identity = format_identity(proof.identity)
        self._emit(ServerProven(self._clock(), identity, proof.method, proof.expires_at, proof.not_looked_up))

    def _verify_eap(self, payloads: Sequence[Payload], session_key: bytes) -> None:
        """The server must prove that it knows the key of EAP too (RFC 7296 §2.16)."""
        found = find_payload(payloads, PayloadType.AUTH)
        identity = self._server_identity
        content = self._opened.response + self._opened.nonces.initiator
        expected = shared_key_proof(
            self._prf, session_key, content + self._prf(self._keys.identity_r, identity)
        )
        try:
            proof = parse_authentication(found.body) if found else None
        except MalformedMessageError:
            proof = None
        if proof is None or not compare_digest(proof.data, expected):
            self._end(ServerRejected(self._clock(), ServerFault.BAD_SECRET))

    def _read_eap_offer(self, payloads: Sequence[Payload]) -> None:
        """Tell whether the server wants EAP. Its certificate may have an authority that is not configured."""
        if find_payload(payloads, PayloadType.EAP) is not None:
            self._emit(EapOffered(self._clock()))

    def _run_eap(self, peer: EapPeer, response: Response) -> Script:
        found = find_payload(response.payloads, PayloadType.IDR)
        self._server_identity = found.body if found else b""
        for _ in range(_MOST_EAP_ROUNDS):
            message = find_payload(response.payloads, PayloadType.EAP)
            if message is None:
                self._end(ServerRejected(self._clock(), ServerFault.MALFORMED, "no EAP message came"))
            try:
                answer = peer.receive(message.body)
            except EapRefusedError as error:
                self._end(EapEnded(self._clock(), error.code, error.offered))
            except EapUntrustedError:
                self._end(ServerRejected(self._clock(), ServerFault.BAD_SECRET))
            if answer is None:
                return
            payloads = (Payload(PayloadType.EAP, answer),)
            response = yield Request(ExchangeType.IKE_AUTH, payloads, _EAP_TIMEOUT_S)
            self._raise_refusal(response.payloads, may_have_eap=True)
        self._end(ServerRejected(self._clock(), ServerFault.MALFORMED, "EAP does not end"))

    def _raise_refusal(self, payloads: Sequence[Payload], *, may_have_eap: bool = False) -> None:
        """End where the server refuses the session. An error beside its proof refuses only the CHILD_SA."""
        try:
            errors = [each.number for each in notifications(payloads) if each.number < FIRST_STATUS]
        except MalformedMessageError as error:
            self._end(ServerRejected(self._clock(), ServerFault.MALFORMED, str(error)))
        has_proof = find_payload(payloads, PayloadType.AUTH) is not None
        if may_have_eap and find_payload(payloads, PayloadType.EAP) is not None:
            return
        if errors and not (has_proof and errors[0] in _OF_THE_CHILD):
            self._end(RequestRefused(self._clock(), ExchangeType.IKE_AUTH, errors[0]))

    def _established(self, payloads: Sequence[Payload]) -> Established:
        took = self._clock() - self._began
        try:
            found = [each.number for each in notifications(payloads) if each.number in _OF_THE_CHILD]
            errors = found if self._child else []  # a server may refuse what nobody asked for
            child = self._read_child(self._child, payloads) if self._child and not errors else None
        except MalformedMessageError as error:
            self._end(ServerRejected(self._clock(), ServerFault.MALFORMED, str(error)))
        return Established(self._clock(), took, child, errors[0] if errors else None)

    def _read_child(self, asked: ChildRequest, payloads: Sequence[Payload]) -> ChildSession | None:
        payload = find_payload(payloads, PayloadType.SA)
        if payload is None:
            return None
        chosen = parse_proposals(payload.body)
        if len(chosen) != 1 or not any(chosen[0].is_choice_of(each) for each in asked.proposals):
            raise MalformedMessageError("the server chose a proposal for the CHILD_SA that was not offered")
        found = find_payload(payloads, PayloadType.CP)
        assigned = parse_configuration(found.body) if found else AssignedAddresses()
        own, server = (
            parse_selectors(each.body) if (each := find_payload(payloads, kind)) else ()
            for kind in (PayloadType.TSI, PayloadType.TSR)
        )
        return ChildSession(
            asked.spi,
            chosen[0].spi,
            chosen[0],
            assigned.addresses,
            assigned.name_servers,
            self._prf,
            self._opened.nonces,
            self._keys.derive,
            own,
            server,
        )

    def _end(self, event: Event) -> NoReturn:
        raise ScriptEndedError(event)
