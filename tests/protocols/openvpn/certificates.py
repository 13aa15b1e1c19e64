"""Certificate authorities, certificates and revocation lists for tests, in PEM."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, valid for `days` from yesterday; negative for one that has expired."""

    name: str = "Test CA"
    days: int = 30

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def certificate(self) -> str:
        """Its own certificate."""
        return self.certify(self.name, self._key)

    def issue(
        self, name: str, usage: str = "client", days: int = 30, *, has_key_usage: bool = True
    ) -> Issued:
        """Issue a certificate for "server" or "client"; with no usage, one without that extension."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(name), key, days)
        if has_key_usage:
            builder = builder.add_extension(KEY_USAGE, critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([USAGES[usage]]), critical=False)
        return Issued(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode(), _key_pem(key))

    def certify(self, name: str, key: ec.EllipticCurvePrivateKey, days: int | None = None) -> str:
        """The certificate of an authority below this one, valid for `days`, else as long as this."""
        builder = self._builder(_name(name), key, self.days if days is None else days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        named = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(named, critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    def issue_authority(self, name: str, days: int = 30) -> Authority:
        """An authority below this one."""
        return Intermediate(name, days, above=self)

    def revoke(
        self, *issued: Issued | Authority, begins: int = -2, days: int = 30, names_key: bool = False
    ) -> str:
        """A revocation list with these certificates, between so many days from now.

        `names_key` writes into it which key signed it, as easy-rsa does.
        """
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(_name(self.name))
        builder = builder.last_update(now + begins * DAY).next_update(now + days * DAY)
        if names_key:
            named = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            builder = builder.add_extension(named, critical=False)
        for each in issued:
            serial = x509.load_pem_x509_certificate(each.certificate.encode()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        begins = now - DAY if days > 0 else now - 60 * DAY
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(now + days * DAY)
        )


@dataclass(frozen=True)
class Intermediate(Authority):
    """An authority with a certificate of another one. Its certificates come with its own behind them."""

    above: Authority = field(default_factory=Authority)

    @cached_property
    def certificate(self) -> str:
        """Its own certificate."""
        return self.above.certify(self.name, self._key, self.days)

    def issue(
        self, name: str, usage: str = "client", days: int = 30, *, has_key_usage: bool = True
    ) -> Issued:
        """Issue a certificate, with the one of this authority behind it."""
        issued = super().issue(name, usage, days, has_key_usage=has_key_usage)
        return Issued(issued.certificate + self.certificate, issued.key)
