"""Verification of the server: who it claims to be, and the proof of that (RFC 7296 §2.15, RFC 7427)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from wgmon_tui.protocols.ikev2.certificates import (
    examine_chain,
    expires_at,
    parse_certificates,
    shown_subject,
)
from wgmon_tui.protocols.ikev2.chain_faults import ChainFault
from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions
from wgmon_tui.protocols.ikev2.credentials import SharedSecret
from wgmon_tui.protocols.ikev2.events import ServerFault
from wgmon_tui.protocols.ikev2.iana_numbers import AuthMethod, PayloadType
from wgmon_tui.protocols.ikev2.identities import format_identity, is_named_by, is_same
from wgmon_tui.protocols.ikev2.key_derivation import HmacPrf
from wgmon_tui.protocols.ikev2.signatures import is_signed_by
from wgmon_tui.protocols.ikev2.wire import (
    Authentication,
    Identification,
    MalformedMessageError,
    Payload,
    find_payload,
    parse_authentication,
    parse_identification,
)

_KEY_PAD = b"Key Pad for IKEv2"


class ServerFaultError(Exception):
    """The server is not proven to be the right one. `identity` and `expired_at`: see ServerRejected."""

    def __init__(
        self,
        fault: ServerFault,
        detail: str = "",
        chain_fault: str = "",
        identity: str = "",
        expired_at: float | None = None,
    ) -> None:
        super().__init__(fault.value)
        self.fault, self.detail, self.chain_fault = fault, detail, chain_fault
        self.identity, self.expired_at = identity, expired_at


@dataclass(frozen=True, slots=True)
class Proof:
    """Who a server is, and how it proved that. `not_looked_up`: see ChainResult."""

    identity: Identification
    method: str
    expires_at: float | None = None
    not_looked_up: tuple[tuple[str, str], ...] = ()


def shared_key_proof(prf: HmacPrf, secret: bytes, content: bytes) -> bytes:
    """The proof by a shared secret (RFC 7296 §2.15)."""
    return prf(prf(secret, _KEY_PAD), content)


def read_claim(payloads: Sequence[Payload]) -> tuple[Identification, Authentication]:
    """The server's identity and its proof. Raises ServerFaultError."""
    identity, proof = find_payload(payloads, PayloadType.IDR), find_payload(payloads, PayloadType.AUTH)
    if identity is None or proof is None:
        raise ServerFaultError(ServerFault.NO_PROOF)
    try:
        return parse_identification(identity.body), parse_authentication(proof.body)
    except MalformedMessageError as error:
        raise ServerFaultError(ServerFault.MALFORMED, str(error)) from None


def verify_server(
    payloads: Sequence[Payload], options: AuthenticationOptions, prf: HmacPrf, content: bytes, key: bytes
) -> Proof:
    """Verify the first answer of IKE_AUTH. Raises ServerFaultError.

    `content` are the octets that the proof covers without the identity, `key` is that of the identity.
    """
    identity, proof = read_claim(payloads)
    signed = content + prf(key, identity.body)
    if proof.method == AuthMethod.SHARED_KEY:
        return _verify_secret(identity, proof, options, prf, signed)
    return _verify_certificate(payloads, identity, proof, options, signed)


def _verify_secret(
    identity: Identification,
    proof: Authentication,
    options: AuthenticationOptions,
    prf: HmacPrf,
    signed: bytes,
) -> Proof:
    if not isinstance(options.credentials, SharedSecret):
        raise ServerFaultError(ServerFault.NO_SECRET)
    if not hmac.compare_digest(shared_key_proof(prf, options.credentials.secret, signed), proof.data):
        raise ServerFaultError(ServerFault.BAD_SECRET)
    if options.remote_id is not None and not is_same(identity, options.remote_id):
        raise ServerFaultError(ServerFault.WRONG_IDENTITY, format_identity(identity))
    return Proof(identity, "preshared key")


def _verify_certificate(
    payloads: Sequence[Payload],
    identity: Identification,
    proof: Authentication,
    options: AuthenticationOptions,
    signed: bytes,
) -> Proof:
    chain = parse_certificates([each.body for each in payloads if each.kind == PayloadType.CERT])
    examined = examine_chain(chain, options.authorities, options.at, options.revocation_lists)
    if problem := examined.problem:
        is_own = bool(chain) and is_signed_by(_public_key(chain[0]), proof, signed)
        end = min(map(expires_at, chain)) if is_own and problem.fault is ChainFault.EXPIRED else options.at
        raise ServerFaultError(
            ServerFault.CHAIN,
            problem.detail,
            problem.fault.value,
            format_identity(identity),
            end if end < options.at else None,
        )
    own = chain[0]
    if not is_signed_by(_public_key(own), proof, signed):
        raise ServerFaultError(ServerFault.BAD_SIGNATURE, shown_subject(own))
    if not is_named_by(own, identity):
        raise ServerFaultError(ServerFault.UNNAMED, format_identity(identity))
    wanted = options.remote_id
    # A certificate may have several names. The server claims one, and is proven to have all of them.
    if wanted is not None and not is_same(identity, wanted) and not is_named_by(own, wanted):
        raise ServerFaultError(ServerFault.WRONG_IDENTITY, format_identity(identity))
    return Proof(identity, "certificate", min(map(expires_at, chain)), examined.not_looked_up)


def _public_key(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
