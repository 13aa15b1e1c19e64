"""Credentials of an IKEv2 identity, and the authorities that its server must have a certificate of.

They come as text, from the sources that servers.toml names. No repr shows a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, CertificateRevocationList, load_pem_x509_certificates

from wgmon_tui.net.revocation import UnreadableListError, read_revocation_lists

SigningKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


class CredentialsError(Exception):
    """Credentials that are not usable. The message is a phrase to put after the file and the server."""


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A preshared key."""

    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CertificateKey:
    """A certificate, those between it and the authority, and its private key."""

    chain: tuple[Certificate, ...]
    key: SigningKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class EapPassword:
    """A user for EAP-MSCHAPv2."""

    user: str
    password: str = field(repr=False)


Credentials = SharedSecret | CertificateKey | EapPassword


def parse_certificates(pem: bytes, what: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, in their order. Raises CredentialsError."""
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError:
        raise CredentialsError(f"{what} has no certificate in PEM form") from None


def parse_revocation_lists(pem: bytes) -> tuple[CertificateRevocationList, ...]:
    """The revocation lists of a PEM text. Raises CredentialsError."""
    try:
        return read_revocation_lists(pem.decode("ascii", "replace"))
    except UnreadableListError as error:
        raise CredentialsError(f"crl: {error}") from None


def parse_certificate_key(chain: bytes, key: bytes) -> CertificateKey:
    """A certificate with its key, from PEM texts. Raises CredentialsError."""
    certificates, private = parse_certificates(chain, "certificate"), _parse_key(key)
    if _public_of(certificates[0]) != private.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        raise CredentialsError("key is not the private key of the first certificate in certificate")
    return CertificateKey(certificates, private)


def _parse_key(pem: bytes) -> SigningKey:
    try:
        # Its numbers are not checked again: that takes 100 times as long, and the key was made elsewhere.
        found = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise CredentialsError(
            "key is encrypted; write it without a passphrase: openssl pkey -in KEY -out NEW"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CredentialsError("key is no private key in PEM form") from None
    if not isinstance(found, SigningKey):
        raise CredentialsError("key is none for signatures: expected RSA, ECDSA or Ed25519")
    return found


def _public_of(certificate: Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise CredentialsError("the first certificate has a public key of an unknown kind") from None
