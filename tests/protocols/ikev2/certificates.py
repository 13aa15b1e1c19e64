"""Certificates of a test's own authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wgmon_tui.protocols.ikev2.credentials import SigningKey


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: SigningKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_authority(name: str = "test authority") -> Issued:
    """A certificate that issues others."""
    return issue(name, None)


def issue(
    name: str,
    authority: Issued | None,
    key: SigningKey | None = None,
    *,
    not_after: datetime | None = None,
    names: Sequence[str] = (),
) -> Issued:
    """A certificate for this host name and other `names`, of an authority; without one, an authority."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = authority.key if authority else own
    end = not_after or datetime.now(UTC) + timedelta(days=30)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject if authority else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=60))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False
    )
    if authority:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in (name, *names)])
        builder = builder.add_extension(alternatives, critical=False)
    digest = None if isinstance(signer, Ed25519PrivateKey) else hashes.SHA256()
    return Issued(builder.sign(signer, digest), own)


def revoke(authority: Issued, *revoked: Issued, days: int = 30) -> bytes:
    """A revocation list of an authority in PEM, which ends after `days`."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - timedelta(days=2))
        .next_update(now + timedelta(days=days))
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(days=1)).build())
    # strongSwan looks for a list by the key of its authority.
    key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(key, critical=False).add_extension(x509.CRLNumber(1), critical=False)
    digest = None if isinstance(authority.key, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(authority.key, digest).public_bytes(Encoding.PEM)
