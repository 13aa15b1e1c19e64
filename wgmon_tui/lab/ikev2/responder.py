"""An IKEv2 responder without I/O (RFC 7296): datagrams in, datagrams out.

It authenticates clients by a preshared key or a certificate, assigns an address, and answers echoes through
the CHILD_SA. It knows one connection, keeps sessions until they are deleted, and never rekeys.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate

from wgmon_tui.lab.ikev2.payloads import (
    Source,
    answer_to,
    choose,
    choose_for_esp,
    configuration,
    nat_hash,
    numbers,
    selectors,
)
from wgmon_tui.lab.inner_packets import echo_reply, parse, time_exceeded
from wgmon_tui.protocols.ikev2.credentials import CertificateKey
from wgmon_tui.protocols.ikev2.esp import (
    NON_ESP_MARKER,
    EspAlgorithms,
    EspDirection,
    EspError,
    EspSession,
    parse_header,
    split_key_material,
)
from wgmon_tui.protocols.ikev2.iana_numbers import (
    AuthMethod,
    ExchangeType,
    HashAlgorithm,
    Notify,
    PayloadType,
    ProtocolId,
)
from wgmon_tui.protocols.ikev2.identities import parse_identity
from wgmon_tui.protocols.ikev2.key_derivation import (
    HmacPrf,
    KeyMaterial,
    Nonces,
    derive_child_keys,
    derive_keys,
)
from wgmon_tui.protocols.ikev2.key_exchange import InvalidShareError, new_key_exchange
from wgmon_tui.protocols.ikev2.proposals import (
    Group,
    Proposal,
    TransformType,
    parse_proposal,
)
from wgmon_tui.protocols.ikev2.protection import MessageCipher, SealBrokenError, key_sizes, make_cipher
from wgmon_tui.protocols.ikev2.sealed_messages import FragmentBuffer, open_message, seal_message
from wgmon_tui.protocols.ikev2.security_association import SaProposal, encode_proposals, parse_proposals
from wgmon_tui.protocols.ikev2.signatures import UnsupportedKeyError, is_signed_by, sign
from wgmon_tui.protocols.ikev2.wire import (
    Authentication,
    IkeMessage,
    KeyShare,
    MalformedMessageError,
    NotifyPayload,
    Payload,
    encode_message,
    find_payload,
    notifications,
    parse_authentication,
    parse_key_share,
    parse_message,
)

_KEY_PAD = b"Key Pad for IKEv2"
_HASHES = (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512, HashAlgorithm.IDENTITY)
_MOST_SESSIONS = 256
_INNER = IPv4Address("10.9.0.1")
_USUAL_PROPOSALS = (
    "aes256gcm16-prfsha384-curve25519",
    "aes128gcm16-prfsha256-curve25519",
    "aes256-sha256-ecp256",
)


@dataclass(slots=True)
class LabIkeSetup:
    """The configuration of a responder.

    `secret` is the preshared key of all clients, or None. `certificate` is the responder's own; without one
    it proves itself by the secret. `authority` issued the certificates of clients. `inner` answers echoes
    and is the name server that clients get; addresses for clients follow it.
    """

    identity: str
    secret: bytes | None = field(default=None, repr=False)
    certificate: CertificateKey | None = None
    authority: Certificate | None = None
    proposals: tuple[Proposal, ...] = tuple(map(parse_proposal, _USUAL_PROPOSALS))
    inner: IPv4Address = _INNER
    is_childless: bool = True
    demands_cookie: bool = False


@dataclass(slots=True)
class _LabSession:
    """One IKE SA. `esp` is None without a CHILD_SA."""

    nonces: Nonces
    prf: HmacPrf
    keys: KeyMaterial
    receiving: MessageCipher
    sending: MessageCipher
    request: bytes
    response: bytes
    hashes: frozenset[int]
    esp: EspSession | None = None
    answered: dict[int, bytes] = field(default_factory=dict)
    fragments: dict[int, FragmentBuffer] = field(default_factory=dict)
    address: IPv4Address | None = None


class LabIkeResponder:
    """Answers the datagrams of clients. `local` is its own address and port."""

    def __init__(self, setup: LabIkeSetup, local: Source) -> None:
        self.setup = setup
        self.local = local
        self.sessions: dict[bytes, _LabSession] = {}
        self._by_esp_spi: dict[int, _LabSession] = {}
        self._begun: dict[bytes, tuple[bytes, bytes]] = {}
        self._cookie_secret = os.urandom(32)
        self._assigned = 0
        self.refused = 0
        """Clients that did not prove who they are."""

    def receive(self, datagram: bytes, source: Source) -> bytes | None:
        """The answer to a datagram; None if there is none."""
        has_marker = datagram.startswith(NON_ESP_MARKER)
        data = datagram[len(NON_ESP_MARKER) :] if has_marker else datagram
        try:
            message = parse_message(data)
        except MalformedMessageError:
            return None if has_marker else self._receive_esp(datagram)
        try:
            answer = self._receive_message(data, message, source)
        except (MalformedMessageError, SealBrokenError, InvalidShareError, ValueError):
            return None
        return NON_ESP_MARKER + answer if answer and has_marker else answer

    # IKE

    def _receive_message(self, data: bytes, message: IkeMessage, source: Source) -> bytes | None:
        header = message.header
        if header.is_response:
            return None
        if header.exchange == ExchangeType.IKE_SA_INIT:
            known = self._begun.get(header.initiator_spi)
            return known[1] if known and known[0] == data else self._begin(data, message, source)
        session = self.sessions.get(header.responder_spi)
        if session is None:
            return None
        if header.message_id in session.answered:
            return session.answered[header.message_id]
        buffer = session.fragments.setdefault(header.message_id, FragmentBuffer())
        payloads = open_message(data, message, session.receiving, buffer)
        if payloads is None:
            return None
        answer: tuple[Payload, ...] = ()
        if header.exchange == ExchangeType.IKE_AUTH:
            answer = self._authenticate(session, payloads)
        elif find_payload(payloads, PayloadType.DELETE):
            del self.sessions[header.responder_spi]
            self._by_esp_spi = {spi: each for spi, each in self._by_esp_spi.items() if each is not session}
        sealed = seal_message(answer_to(header), answer, session.sending)
        session.answered[header.message_id] = sealed
        return sealed

    def _begin(self, data: bytes, message: IkeMessage, source: Source) -> bytes:
        header, payloads = message.header, message.payloads
        found = {each.number: each.data for each in notifications(payloads)}
        cookie = hmac.digest(self._cookie_secret, header.initiator_spi + repr(source).encode(), "sha256")
        if self.setup.demands_cookie and found.get(Notify.COOKIE) != cookie:
            return encode_message(answer_to(header), (NotifyPayload(Notify.COOKIE, cookie).to_payload(),))
        offer = find_payload(payloads, PayloadType.SA)
        share, nonce = find_payload(payloads, PayloadType.KE), find_payload(payloads, PayloadType.NONCE)
        if offer is None or share is None or nonce is None:
            raise MalformedMessageError("no SA, KE or nonce")
        chosen = choose([each.transforms for each in self.setup.proposals], parse_proposals(offer.body))
        if chosen is None:
            refusal = NotifyPayload(Notify.NO_PROPOSAL_CHOSEN).to_payload()
            return encode_message(answer_to(header), (refusal,))
        group, theirs = chosen.first(TransformType.GROUP), parse_key_share(share.body)
        if group is None:
            raise MalformedMessageError("no group")
        if theirs.group != group.number:
            wanted = NotifyPayload(Notify.INVALID_KE_PAYLOAD, group.number.to_bytes(2, "big")).to_payload()
            return encode_message(answer_to(header), (wanted,))
        exchange = new_key_exchange(Group(group.number))
        shared = exchange.share(theirs.value)
        own_spi, own_nonce = os.urandom(8), os.urandom(32)
        answer = encode_message(
            answer_to(header, own_spi),
            (
                encode_proposals((chosen,)),
                KeyShare(group.number, exchange.public_value).to_payload(),
                Payload(PayloadType.NONCE, own_nonce),
                *self._notifications(header.initiator_spi, own_spi, source),
            ),
        )
        nonces = Nonces(nonce.body, own_nonce, header.initiator_spi, own_spi)
        hashes = numbers(found.get(Notify.SIGNATURE_HASH_ALGORITHMS, b""))
        if len(self.sessions) >= _MOST_SESSIONS:
            self.sessions.pop(next(iter(self.sessions)))
        self.sessions[own_spi] = _open_session(chosen, nonces, shared, data, answer, hashes)
        self._begun[header.initiator_spi] = data, answer
        return answer

    def _notifications(self, spi_i: bytes, spi_r: bytes, source: Source) -> tuple[Payload, ...]:
        own = nat_hash(spi_i, spi_r, self.local)
        hashes = struct.pack(f"!{len(_HASHES)}H", *_HASHES)
        childless = (NotifyPayload(Notify.CHILDLESS_IKEV2_SUPPORTED),) if self.setup.is_childless else ()
        found = (
            NotifyPayload(Notify.NAT_DETECTION_SOURCE_IP, own),
            NotifyPayload(Notify.NAT_DETECTION_DESTINATION_IP, nat_hash(spi_i, spi_r, source)),
            NotifyPayload(Notify.IKEV2_FRAGMENTATION_SUPPORTED),
            NotifyPayload(Notify.SIGNATURE_HASH_ALGORITHMS, hashes),
            *childless,
        )
        return tuple(each.to_payload() for each in found)

    def _authenticate(self, session: _LabSession, payloads: Sequence[Payload]) -> tuple[Payload, ...]:
        """The answer of IKE_AUTH: proof and CHILD_SA, or AUTHENTICATION_FAILED."""
        identity, proof = find_payload(payloads, PayloadType.IDI), find_payload(payloads, PayloadType.AUTH)
        signed = session.request + session.nonces.responder
        if (
            identity is None
            or proof is None
            or not self._is_proven(session, payloads, proof, signed, identity)
        ):
            self.refused += 1
            return (NotifyPayload(Notify.AUTHENTICATION_FAILED).to_payload(),)
        own = parse_identity(self.setup.identity)
        octets = session.response + session.nonces.initiator + session.prf(session.keys.identity_r, own.body)
        certificate = self.setup.certificate
        chain = certificate.chain if certificate else ()
        if certificate:
            try:
                own_proof = sign(certificate.key, octets, session.hashes)
            except UnsupportedKeyError:
                return (NotifyPayload(Notify.AUTHENTICATION_FAILED).to_payload(),)
        else:
            own_proof = Authentication(
                AuthMethod.SHARED_KEY, _secret_proof(session, self.setup.secret, octets)
            )
        return (
            Payload(PayloadType.IDR, own.body),
            *(Payload(PayloadType.CERT, b"\x04" + each.public_bytes(Encoding.DER)) for each in chain),
            own_proof.to_payload(),
            *self._make_child(session, payloads),
        )

    def _is_proven(
        self,
        session: _LabSession,
        payloads: Sequence[Payload],
        proof: Payload,
        signed: bytes,
        identity: Payload,
    ) -> bool:
        """Whether a client proved its identity. Who has the secret, or a certificate, may have any."""
        octets = signed + session.prf(session.keys.identity_i, identity.body)
        theirs = parse_authentication(proof.body)
        if theirs.method == AuthMethod.SHARED_KEY:
            expected = _secret_proof(session, self.setup.secret, octets)
            return self.setup.secret is not None and hmac.compare_digest(theirs.data, expected)
        own = next((each.body for each in payloads if each.kind == PayloadType.CERT), b"")
        if not own or self.setup.authority is None:
            return False
        certificate = load_der_x509_certificate(own[1:])
        certificate.verify_directly_issued_by(self.setup.authority)
        return is_signed_by(certificate.public_key(), theirs, octets)

    def _make_child(self, session: _LabSession, payloads: Sequence[Payload]) -> tuple[Payload, ...]:
        offer = find_payload(payloads, PayloadType.SA)
        if offer is None:
            return ()
        chosen = choose_for_esp(parse_proposals(offer.body))
        if chosen is None:
            return (NotifyPayload(Notify.NO_PROPOSAL_CHOSEN).to_payload(),)
        algorithms = EspAlgorithms.of(chosen.transforms)
        material = derive_child_keys(
            session.prf, session.keys.derive, session.nonces, algorithms.key_material_length
        )
        to_here, to_client = split_key_material(algorithms, material)
        own_spi = int.from_bytes(b"\x0f" + os.urandom(3), "big")
        session.esp = EspSession(
            EspDirection(int.from_bytes(chosen.spi, "big"), algorithms, to_client),
            EspDirection(own_spi, algorithms, to_here),
        )
        self._by_esp_spi[own_spi] = session
        answer = SaProposal(chosen.transforms, ProtocolId.ESP, own_spi.to_bytes(4, "big"), chosen.number)
        asked = [each for each in payloads if each.kind in (PayloadType.TSI, PayloadType.TSR)]
        if not find_payload(payloads, PayloadType.CP):
            return (encode_proposals((answer,)), *asked)
        self._assigned += 1
        session.address = self.setup.inner + 1 + (self._assigned - 1) % 200
        return (
            configuration(session.address, self.setup.inner),
            encode_proposals((answer,)),
            Payload(PayloadType.TSI, selectors(session.address, session.address)),
            Payload(PayloadType.TSR, selectors(IPv4Address(0), IPv4Address("255.255.255.255"))),
        )

    # ESP

    def _receive_esp(self, packet: bytes) -> bytes | None:
        try:
            session = self._by_esp_spi.get(parse_header(packet)[0])
            if session is None or session.esp is None:
                return None
            inner = session.esp.open(packet).data
        except EspError:
            return None
        found = parse(inner)
        if found is None:
            return None
        if found.destination == self.setup.inner:
            answer = echo_reply(found)
        else:
            answer = time_exceeded(inner, found, self.setup.inner) if found.hop_limit == 1 else None
        return session.esp.seal(answer) if answer else None


def _open_session(
    chosen: SaProposal,
    nonces: Nonces,
    shared: bytes,
    request: bytes,
    response: bytes,
    hashes: frozenset[int],
) -> _LabSession:
    prf_transform = chosen.first(TransformType.PRF)
    if prf_transform is None:
        raise MalformedMessageError("no PRF")
    prf = HmacPrf(prf_transform.number)
    keys = derive_keys(prf, nonces, shared, *key_sizes(chosen))
    return _LabSession(
        nonces,
        prf,
        keys,
        make_cipher(chosen, keys.encryption_i, keys.integrity_i),
        make_cipher(chosen, keys.encryption_r, keys.integrity_r),
        request,
        response,
        hashes,
    )


def _secret_proof(session: _LabSession, secret: bytes | None, octets: bytes) -> bytes:
    return session.prf(session.prf(secret or b"", _KEY_PAD), octets)
