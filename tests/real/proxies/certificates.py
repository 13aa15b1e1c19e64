"""Certificates of proxies for tests, signed by themselves."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NAME = "proxy.example"
EXPIRED = "expired.example"
IMITATED = "imitated.example"
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class SelfSigned:
    """A certificate and its key, in PEM."""

    name: str
    certificate: str
    key: str = field(repr=False)

    @property
    def as_setting(self) -> str:
        """The certificate as servers.toml has it, on one line."""
        lines = self.certificate.strip().splitlines()
        return f"{lines[0]} {''.join(lines[1:-1])} {lines[-1]}"

    def write(self, directory: Path) -> tuple[Path, Path]:
        """The files of the certificate and of its key."""
        files = directory / "certificate.pem", directory / "key.pem"
        for file, content in zip(files, (self.certificate, self.key), strict=True):
            file.write_text(content)
        return files


@cache
def self_signed(name: str, days: int = 30, *more: str) -> SelfSigned:
    """A certificate for names or addresses. It began 60 days ago, and ends in `days`."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [_subject_of(each) for each in (name, *more)]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return SelfSigned(name, pem, key_pem)


def _subject_of(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
