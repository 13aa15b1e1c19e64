"""Certificate revocation lists: whether a chain of certificates has a revoked one (RFC 5280 §6.3).

As OpenVPN and strongSwan do, an authority without a list is passed over. OpenSSL alone refuses a chain then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

_END_OF_LIST = "-----END X509 CRL-----"


class RevocationFault(Enum):
    """Why a chain is not accepted because of a revocation list. The value is a phrase of what is wrong."""

    REVOKED = "the certificate is revoked"
    OUTDATED = "the revocation list has expired"
    EARLY = "the revocation list is not valid yet"
    FORGED = "the revocation list is not signed by the authority"


@dataclass(frozen=True, slots=True)
class RevocationProblem:
    """What is wrong, and with what: the subject of the revoked certificate, or the issuer of the list."""

    fault: RevocationFault
    name: x509.Name


class UnreadableListError(ValueError):
    """A text that has no revocation list in PEM form."""


def read_revocation_lists(pem: str) -> tuple[x509.CertificateRevocationList, ...]:
    """The lists of a PEM text, one for each authority. Raises UnreadableListError."""
    *parts, _ = pem.split(_END_OF_LIST)
    try:
        found = tuple(x509.load_pem_x509_crl(f"{each}{_END_OF_LIST}\n".encode()) for each in parts)
    except ValueError:
        raise UnreadableListError("a revocation list is damaged") from None
    if not found:
        raise UnreadableListError("expected a revocation list in PEM form")
    return found


def find_revocation_problem(
    chain: Sequence[x509.Certificate], lists: Sequence[x509.CertificateRevocationList], now: datetime
) -> RevocationProblem | None:
    """What a list says against a verified chain, which begins with the server; None if nothing.

    Each certificate stands before that of its issuer. The last one may be its own issuer.
    """
    for number, certificate in enumerate(chain):
        named = [each for each in lists if each.issuer == certificate.issuer]
        issuer = chain[min(number + 1, len(chain) - 1)]
        if not named or issuer.subject != certificate.issuer:
            continue
        signed = [each for each in named if _is_signed_by(each, issuer)]
        if not signed:
            return RevocationProblem(RevocationFault.FORGED, certificate.issuer)
        newest = max(signed, key=lambda each: each.last_update_utc)
        if newest.last_update_utc > now:
            return RevocationProblem(RevocationFault.EARLY, certificate.issuer)
        if newest.next_update_utc is not None and newest.next_update_utc < now:
            return RevocationProblem(RevocationFault.OUTDATED, certificate.issuer)
        if newest.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            return RevocationProblem(RevocationFault.REVOKED, certificate.subject)
    return None


def _is_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
