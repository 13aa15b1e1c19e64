"""The chain of a server's certificate: signatures, dates and authorities (RFC 4945 §5, RFC 5280 §6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wgmon_tui.net.revocation import RevocationFault, look_up
from wgmon_tui.protocols.ikev2.chain_faults import ChainFault
from wgmon_tui.protocols.ikev2.identities import format_name
from wgmon_tui.text import format_utc_time, printable

_LONGEST_CHAIN = 8
_KNOWN_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """What is wrong with a chain. `detail` names the certificate or a date, safe to show."""

    fault: ChainFault
    detail: str


@dataclass(frozen=True, slots=True)
class ChainResult:
    """Whether a chain leads to an authority: `problem` is None then.

    `not_looked_up` are subject and issuer of its certificates that no revocation list covers, if there are
    lists.
    """

    problem: ChainProblem | None = None
    not_looked_up: tuple[tuple[str, str], ...] = ()


def parse_certificates(bodies: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The certificates in DER among CERT payloads. Unreadable ones are left out."""
    found = []
    for body in bodies:
        if body[:1] == b"\x04":  # X.509 certificate - signature (RFC 7296 §3.6)
            try:
                found.append(x509.load_der_x509_certificate(body[1:]))
            except ValueError:
                continue
    return tuple(found)


def authority_hashes(authorities: Sequence[x509.Certificate]) -> bytes:
    """The body of a certificate request: the hashes of the authorities' keys (RFC 7296 §3.7)."""
    keys = (_public_bytes(each) for each in authorities)
    return b"\x04" + b"".join(hashlib.sha1(key).digest() for key in keys if key)  # noqa: S324


def _public_bytes(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def examine_chain(
    chain: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    at: float,
    lists: Sequence[x509.CertificateRevocationList] = (),
) -> ChainResult:
    """Examine a chain at a Unix time.

    The first certificate is the server's. The others may come in any order, and need not be used. `lists`
    are the revocation lists of the authorities.
    """
    now = datetime.fromtimestamp(at, UTC)
    path = _find_path(chain, authorities, now)
    return ChainResult(path) if isinstance(path, ChainProblem) else _look_up(path, lists, now)


def _find_path(
    chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], now: datetime
) -> Sequence[x509.Certificate] | ChainProblem:
    """The certificates from the server's to an authority, or what is wrong with them."""
    if not chain:
        return ChainProblem(ChainFault.UNREADABLE, "it sent no certificate that can be read")
    path = [chain[0]]
    while len(path) <= _LONGEST_CHAIN:
        current = path[-1]
        if problem := find_date_problem(current, now) or _find_limit(current):
            return problem
        if current in authorities:
            return path
        if trusted := _find_issuer(current, authorities):
            return find_date_problem(trusted, now) or [*path, trusted]
        issuer = _find_issuer(current, chain[1:])
        if issuer is None or issuer == current:
            break
        if not _may_issue(issuer, len(path) - 1):
            return ChainProblem(ChainFault.NOT_AN_AUTHORITY, shown_subject(issuer))
        path.append(issuer)
    return ChainProblem(ChainFault.UNTRUSTED, printable(format_name(path[-1].issuer)))


def _look_up(
    path: Sequence[x509.Certificate], lists: Sequence[x509.CertificateRevocationList], now: datetime
) -> ChainResult:
    if not lists:
        return ChainResult()
    found = look_up(path, lists, now)
    missing = tuple(
        (shown_subject(each), printable(format_name(each.issuer))) for each in found.not_looked_up
    )
    if (problem := found.problem) is None:
        return ChainResult(None, missing)
    name = printable(format_name(problem.name))
    if problem.fault is RevocationFault.REVOKED:
        return ChainResult(ChainProblem(ChainFault.REVOKED, name))
    return ChainResult(ChainProblem(ChainFault.UNUSABLE_LIST, f"{problem.fault.value}: {name}"))


def shown_subject(certificate: x509.Certificate) -> str:
    """The subject of a certificate, safe to show."""
    return printable(format_name(certificate.subject)) or "a certificate without a subject"


def expires_at(certificate: x509.Certificate) -> float:
    """The Unix time at which a certificate expires."""
    return certificate.not_valid_after_utc.timestamp()


def find_date_problem(certificate: x509.Certificate, now: datetime) -> ChainProblem | None:
    """What is wrong with the dates of a certificate."""
    name = shown_subject(certificate)
    if now > certificate.not_valid_after_utc:
        when = format_utc_time(certificate.not_valid_after_utc.timestamp())
        return ChainProblem(ChainFault.EXPIRED, f"{name} expired at {when}")
    if now < certificate.not_valid_before_utc:
        when = format_utc_time(certificate.not_valid_before_utc.timestamp())
        return ChainProblem(ChainFault.NOT_YET_VALID, f"{name} is valid from {when}")
    return None


def _find_limit(certificate: x509.Certificate) -> ChainProblem | None:
    """A critical extension that this check does not understand (RFC 5280 §4.2)."""
    try:
        unknown = [
            each.oid.dotted_string
            for each in certificate.extensions
            if each.critical and not isinstance(each.value, _KNOWN_CRITICAL)
        ]
    except ValueError:
        return ChainProblem(ChainFault.UNREADABLE, f"{shown_subject(certificate)} has damaged extensions")
    if unknown:
        detail = f"{shown_subject(certificate)} has the critical extension {unknown[0]}"
        return ChainProblem(ChainFault.UNKNOWN_LIMIT, detail)
    return None


def _find_issuer(
    certificate: x509.Certificate, candidates: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    return next((each for each in candidates if _is_issued_by(certificate, each)), None)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate, below: int) -> bool:
    """Whether a certificate is an authority, with `below` others between it and the server's."""
    extensions = certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    if not constraints.ca or (constraints.path_length is not None and below > constraints.path_length):
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True
