"""Test certificate authority, which no system trusts, and certificates that it signs."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_EXTENSIONS = (x509.BasicConstraints(ca=True, path_length=None),)
"""Those of the simplest authority that an operator makes: without the key identifiers of RFC 5280."""


class Certificates:
    """A test CA. `authority` is its certificate file, for a sink's ca_file."""

    def __init__(
        self,
        directory: Path,
        extensions: Sequence[x509.ExtensionType] = AUTHORITY_EXTENSIONS,
        name: str = "the tests' authority",
    ) -> None:
        self._directory = directory
        self.written: list[Path] = []
        """The certificates of servers, with their keys."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begun = self._begun(self._name, self._key)
        for extension in extensions:
            begun = begun.add_extension(extension, critical=True)
        certificate = begun.sign(self._key, hashes.SHA256())
        self.authority = directory / "authority.pem"
        self.authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(
        self,
        *names: x509.GeneralName,
        starts_in: timedelta = timedelta(hours=-1),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        self_signed: bool = False,
    ) -> ssl.SSLContext:
        """Return a server's TLS context for these names; without names, for 127.0.0.1.

        The certificate is valid for 25 hours.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        alternatives = names or (x509.IPAddress(ip_address("127.0.0.1")),)
        certificate = (
            self._begun(subject, key, subject if self_signed else self._name, starts_in)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(key if self_signed else self._key, hashes.SHA256())
        )
        chain = self._directory / f"{certificate.serial_number}.pem"
        self.written.append(chain)
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _begun(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Name | None = None,
        starts_in: timedelta = timedelta(hours=-1),
    ) -> x509.CertificateBuilder:
        start = datetime.now(UTC) + starts_in
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(hours=25))
        )
