"""Certificates and keys inside of other formats, as PEM texts. Only PKCS #12 needs `cryptography`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from textwrap import wrap

_PEM = b"-----BEGIN"


def as_pem(certificate: bytes) -> str:
    """A certificate in PEM form, from DER or PEM."""
    if certificate.lstrip().startswith(_PEM):
        return certificate.decode("ascii", "replace").strip()
    body = "\n".join(wrap(b64encode(certificate).decode("ascii"), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"


def open_pkcs12(data: bytes, password: str) -> Mapping[str, str]:
    """Certificate and key of a PKCS #12 file; empty if it cannot be opened with this password, or here."""
    try:
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
            pkcs12,
        )
    except ImportError:
        return {}
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, password.encode())
        if key is None or certificate is None:
            return {}
        chain = [each.public_bytes(Encoding.PEM).decode() for each in (certificate, *others)]
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    except Exception:  # noqa: BLE001  a damaged file raises many types
        return {}
    return {"certificate": "".join(chain).strip(), "key": private.strip()}
