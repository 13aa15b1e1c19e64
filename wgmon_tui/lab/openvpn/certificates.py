"""An authority of the lab, and the profile of a client of a lab server."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wgmon_tui.net.addresses import Endpoint

_DAY = datetime.timedelta(days=1)
_VALID_DAYS = 365
_EXPIRED_FOR_DAYS = 3
_KEY_BYTES = 256
_USAGE = x509.KeyUsage(
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


@dataclass(frozen=True, slots=True)
class LabCertificate:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str = field(repr=False)


class LabAuthority:
    """Issues certificates. Its key is new in every run."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Lab authority")
        builder = _builder(self._name, self._name, self._key.public_key(), is_expired=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = _pem(builder.sign(self._key, SHA256()))

    def issue_server(self, name: str, *, is_expired: bool = False) -> LabCertificate:
        """The certificate of a server."""
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, is_expired=is_expired)

    def issue_client(self, name: str) -> LabCertificate:
        """The certificate of a client."""
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, is_expired=False)

    def _issue(self, name: str, usage: x509.ObjectIdentifier, *, is_expired: bool) -> LabCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key.public_key(), is_expired=is_expired)
        builder = builder.add_extension(_USAGE, critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return LabCertificate(_pem(builder.sign(self._key, SHA256())), written.decode())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, is_expired: bool
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now - _EXPIRED_FOR_DAYS * _DAY if is_expired else now + _VALID_DAYS * _DAY
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 2 * _VALID_DAYS * _DAY)
        .not_valid_after(end)
    )


def make_static_key() -> bytes:
    """A key for tls-crypt."""
    return os.urandom(_KEY_BYTES)


def write_profile(
    endpoint: Endpoint, authority: LabAuthority, client: LabCertificate, static_key: bytes = b""
) -> str:
    """The profile of a client. With a static key, it uses tls-crypt."""
    lines = f"client\ndev tun\nnobind\nremote {endpoint.host} {endpoint.port} udp\nremote-cert-tls server\n"
    blocks = {"ca": authority.certificate, "cert": client.certificate, "key": client.key}
    if static_key:
        digits = static_key.hex()
        rows = "\n".join(digits[at : at + 32] for at in range(0, len(digits), 32))
        name = "OpenVPN Static key V1"
        blocks["tls-crypt"] = f"-----BEGIN {name}-----\n{rows}\n-----END {name}-----\n"
    return lines + "".join(f"<{name}>\n{content.rstrip()}\n</{name}>\n" for name, content in blocks.items())
