"""What a certificate of a proxy says: names, dates and issuer."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509

from wgmon_tui.text import printable

_MOST_NAMES = 8
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """The facts of one certificate. Dates are Unix seconds; names are cleaned for a terminal."""

    names: tuple[str, ...]
    begins: float
    ends: float
    issuer: str


def read_certificate(der: bytes | None) -> CertificateFacts | None:
    """Read a certificate; None if it is none."""
    if der is None:
        return None
    try:
        found = x509.load_der_x509_certificate(der)
        return CertificateFacts(
            _names(found),
            found.not_valid_before_utc.timestamp(),
            found.not_valid_after_utc.timestamp(),
            _clean(found.issuer.rfc4514_string()),
        )
    except ValueError:
        return None


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return (_clean(found.subject.rfc4514_string()),)
    names = extension.get_values_for_type(x509.DNSName)
    addresses = map(str, extension.get_values_for_type(x509.IPAddress))
    return tuple(map(_clean, (*names, *addresses)))[:_MOST_NAMES]


def _clean(text: str) -> str:
    return printable(text)[:_LONGEST]
