"""Certificate revocation lists: whether a chain of certificates has a revoked one (RFC 5280 §6.3).

A list is chosen as OpenSSL does it (x509_vfy.c: get_crl_score). A certificate without a list is not looked
up, and named. OpenVPN and strongSwan accept it with a line in their logs; OpenSSL alone refuses a chain then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_END_OF_LIST = "-----END X509 CRL-----"
_SIGNING_KEYS = (RSAPublicKey, EllipticCurvePublicKey, Ed25519PublicKey, Ed448PublicKey, DSAPublicKey)
"""Keys that can sign a list; those of X25519 cannot, for example."""
_KNOWN_CRITICAL = (x509.IssuingDistributionPoint, x509.DeltaCRLIndicator)

Content = TypeVar("Content", bound=x509.ExtensionType)


class RevocationFault(Enum):
    """Why a chain is not accepted because of a revocation list. The value is a phrase of what is wrong."""

    REVOKED = "the certificate is revoked"
    OUTDATED = "the revocation list has expired"
    EARLY = "the revocation list is not valid yet"
    FORGED = "the revocation list is not signed by the authority"
    NO_SIGNER = "the authority may not sign revocation lists"
    OTHER_SCOPE = "the revocation list is for other certificates of the authority"
    UNKNOWN_LIMIT = "the revocation list has a critical extension that is not known here"


@dataclass(frozen=True, slots=True)
class RevocationProblem:
    """What is wrong, and with what: the subject of the revoked certificate, or the issuer of the list."""

    fault: RevocationFault
    name: x509.Name


@dataclass(frozen=True, slots=True)
class RevocationResult:
    """What lists say of a chain. `not_looked_up` are the certificates that no list covers."""

    problem: RevocationProblem | None = None
    not_looked_up: tuple[x509.Certificate, ...] = ()


class UnreadableListError(ValueError):
    """A text that has no revocation list in PEM form."""


def read_revocation_lists(pem: str) -> tuple[x509.CertificateRevocationList, ...]:
    """The lists of a PEM text, one for each authority. Raises UnreadableListError."""
    *parts, _ = pem.split(_END_OF_LIST)
    try:
        found = tuple(x509.load_pem_x509_crl(f"{each}{_END_OF_LIST}\n".encode()) for each in parts)
        for each in found:
            _ = each.extensions  # the library reads them only now
    except ValueError:
        raise UnreadableListError("a revocation list is damaged") from None
    if not found:
        raise UnreadableListError("expected a revocation list in PEM form")
    return found


def look_up(
    chain: Sequence[x509.Certificate], lists: Sequence[x509.CertificateRevocationList], now: datetime
) -> RevocationResult:
    """Look up each certificate of a verified chain, which begins with the server, up to the first problem.

    Each certificate stands before that of its issuer. The last one is trusted; it may be its own issuer.
    """
    not_looked_up: list[x509.Certificate] = []
    for number, certificate in enumerate(chain):
        is_last = number == len(chain) - 1
        issuer = certificate if is_last else chain[number + 1]
        named = [each for each in lists if _is_list_of(each, certificate, issuer)]
        if is_last:  # it is trusted in any case: a list for others of its certificates does no harm
            named = [each for each in named if _covers(each, certificate)]
        if named:
            if fault := _find_fault(certificate, issuer, named, now):
                is_revoked = fault is RevocationFault.REVOKED
                name = certificate.subject if is_revoked else certificate.issuer
                return RevocationResult(RevocationProblem(fault, name))
        elif not is_last or number == 0:
            not_looked_up.append(certificate)
    return RevocationResult(None, tuple(not_looked_up))


def _is_list_of(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate
) -> bool:
    """Whether a list is a full one of the issuer of a certificate, by name and by key."""
    if not issuer.subject == certificate.issuer == crl.issuer or _find(crl, x509.DeltaCRLIndicator):
        return False
    point = _find(crl, x509.IssuingDistributionPoint)
    if point and (point.indirect_crl or point.only_some_reasons):
        return False
    return _has_key_of(issuer, _find(crl, x509.AuthorityKeyIdentifier))


def _has_key_of(issuer: x509.Certificate, named: x509.AuthorityKeyIdentifier | None) -> bool:
    """Whether a list names the key of an authority. Another authority may have had the same name."""
    if named is None:
        return True
    own = _find(issuer, x509.SubjectKeyIdentifier)
    if named.key_identifier and own and named.key_identifier != own.digest:
        return False
    if named.authority_cert_serial_number not in (None, issuer.serial_number):
        return False
    names = [each.value for each in named.authority_cert_issuer or () if isinstance(each, x509.DirectoryName)]
    return not names or names[0] == issuer.issuer


def _find_fault(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    named: Sequence[x509.CertificateRevocationList],
    now: datetime,
) -> RevocationFault | None:
    """What the best list of an authority says of a certificate; None if nothing."""
    signed = [each for each in named if _is_signed_by(each, issuer)]
    if not signed:
        return RevocationFault.FORGED
    usage = _find(issuer, x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        return RevocationFault.NO_SIGNER
    best = max(signed, key=lambda each: (_find_date_fault(each, now) is None, each.last_update_utc))
    if any(each.critical and not isinstance(each.value, _KNOWN_CRITICAL) for each in best.extensions):
        return RevocationFault.UNKNOWN_LIMIT
    if not _covers(best, certificate):
        return RevocationFault.OTHER_SCOPE
    if fault := _find_date_fault(best, now):
        return fault
    found = best.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return None if found is None else RevocationFault.REVOKED


def _find_date_fault(crl: x509.CertificateRevocationList, now: datetime) -> RevocationFault | None:
    if crl.last_update_utc > now:
        return RevocationFault.EARLY
    is_over = crl.next_update_utc is not None and crl.next_update_utc < now
    return RevocationFault.OUTDATED if is_over else None


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Whether a list that is limited to some certificates is for this one (RFC 5280 §5.2.5)."""
    point = _find(crl, x509.IssuingDistributionPoint)
    if point is None:
        return True
    constraints = _find(certificate, x509.BasicConstraints)
    is_authority = constraints is not None and constraints.ca
    if point.only_contains_attribute_certs or (
        point.only_contains_user_certs if is_authority else point.only_contains_ca_certs
    ):
        return False
    if not point.full_name and not point.relative_name:
        return True
    points = _find(certificate, x509.CRLDistributionPoints) or ()
    return any(name in (point.full_name or ()) for each in points for name in each.full_name or ())


def _find(holder: x509.Certificate | x509.CertificateRevocationList, kind: type[Content]) -> Content | None:
    """An extension; None without it, and where those of a certificate are damaged."""
    try:
        return holder.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _is_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        key = issuer.public_key()
        return isinstance(key, _SIGNING_KEYS) and crl.is_signature_valid(key)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
