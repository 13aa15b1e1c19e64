"""What a profile and a server's certificate say: dates, names and usages.

OpenSSL checks the chain. This module checks what OpenVPN adds to that (ssl_verify.c: `verify-x509-name`,
`remote-cert-tls`, `peer-fingerprint`), and finds dates of the profile that explain a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.net import revocation
from wgmon_tui.net.revocation import RevocationFault
from wgmon_tui.protocols.openvpn.profile import NameMatch, Profile

_ATTRIBUTES = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.GIVEN_NAME: "GN",
    NameOID.SURNAME: "SN",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
    NameOID.TITLE: "title",
    NameOID.INITIALS: "initials",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.STREET_ADDRESS: "street",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.BUSINESS_CATEGORY: "businessCategory",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.UNSTRUCTURED_NAME: "unstructuredName",
    x509.ObjectIdentifier("2.5.4.41"): "name",
    x509.ObjectIdentifier("2.5.4.13"): "description",
}
SERVER_CERTIFICATE = "server certificate"
DATE_CODES = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL (x509_vfy.h)."""

LAST_DAY = "%Y-%m-%d"
"""How evidence writes the day on which a certificate ends."""

_USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True, slots=True)
class DateProblem:
    """Something that is not valid now. `what` is "client", "client chain", "authority" or "revocation list".

    Of what a server shows, it is "server" or "server chain". `at` is the date that passed, or has not come.
    """

    what: str
    subject: str
    is_expired: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A server's certificate, by what a check tells of it."""

    subject: str
    issuer: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """What a list of `crl-verify` says against a server. `code` is that of OpenSSL (x509_vfy.h).

    `name` is the subject of the revoked certificate, or the issuer of a list that cannot be used.
    """

    code: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class RevocationAnswer:
    """What the lists of a profile say against a chain; None if nothing.

    `not_looked_up` are subject and issuer of the certificates that no list covers.
    """

    refusal: Revocation | None = None
    not_looked_up: tuple[tuple[str, str], ...] = ()


_CODES = {
    RevocationFault.REVOKED: 23,
    RevocationFault.OUTDATED: 12,
    RevocationFault.EARLY: 11,
    RevocationFault.FORGED: 8,
    RevocationFault.NO_SIGNER: 35,
    RevocationFault.UNKNOWN_LIMIT: 36,
    RevocationFault.OTHER_SCOPE: 44,
}


def look_up(profile: Profile, chain: Sequence[bytes], now: datetime) -> RevocationAnswer:
    """What the lists of a profile say of a verified chain in DER."""
    if not profile.crl:
        return RevocationAnswer()
    try:
        read = [x509.load_der_x509_certificate(each) for each in chain]
    except ValueError:
        return RevocationAnswer()  # `find_mismatch` refuses such a certificate
    found = revocation.look_up(read, read_revocation_lists(profile.crl), now)
    missing = tuple((format_name(each.subject), format_name(each.issuer)) for each in found.not_looked_up)
    if (problem := found.problem) is None:
        return RevocationAnswer(None, missing)
    said = Revocation(_CODES[problem.fault], format_name(problem.name), problem.fault.value)
    return RevocationAnswer(said)


@dataclass(frozen=True, slots=True)
class CertificateMismatch:
    """What of the server's certificate the profile does not accept. `kind` is the directive."""

    kind: str
    expected: str
    found: str


def find_date_problems(profile: Profile, now: datetime) -> list[DateProblem]:
    """What in a profile is not valid at this time. Damaged parts are left to OpenSSL."""
    found: list[DateProblem] = []
    for what, pem in (("client", profile.certificate), ("authority", profile.ca)):
        for number, each in enumerate(read_certificates(pem)):
            is_above = what == "client" and number  # the rest of the file is the chain of the client
            found += _date_problems("client chain" if is_above else what, each, now)
    if profile.crl:
        found += _crl_problems(profile.crl, now)
    return found


def find_chain_problems(chain: Sequence[bytes], now: datetime) -> list[DateProblem]:
    """What of a server's chain in DER is not valid at this time, beginning at its authority."""
    found: list[DateProblem] = []
    for number, der in enumerate(chain):
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            continue
        found += _date_problems("server chain" if number else "server", certificate, now)
    return found[::-1]


def _date_problems(what: str, certificate: x509.Certificate, now: datetime) -> list[DateProblem]:
    subject = format_name(certificate.subject)
    if certificate.not_valid_after_utc < now:
        return [DateProblem(what, subject, True, certificate.not_valid_after_utc)]
    if certificate.not_valid_before_utc > now:
        return [DateProblem(what, subject, False, certificate.not_valid_before_utc)]
    return []


def find_ends(profile: Profile) -> list[Expires]:
    """When the certificates and the revocation list of a profile end.

    Of an authority that was renewed under its name, the last certificate counts.
    """
    certificates = [
        Expires(what, _common_name(each), each.not_valid_after_utc.timestamp())
        for what, pem in (("client certificate", profile.certificate), ("authority certificate", profile.ca))
        for each in read_certificates(pem)[: 1 if what == "client certificate" else None]
    ]
    last: dict[tuple[str, str], Expires] = {}
    for each in certificates:
        key = each.what, each.name
        last[key] = max(each, last.get(key, each), key=lambda known: known.at)
    found = list(last.values())
    for crl in read_revocation_lists(profile.crl):
        if crl.next_update_utc:
            end = crl.next_update_utc.timestamp()
            found.append(Expires("revocation list", format_name(crl.issuer), end))
    return found


def end_of_server(der: bytes) -> Expires | None:
    """When the certificate of a server ends; None if it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    end = certificate.not_valid_after_utc.timestamp()
    return Expires(SERVER_CERTIFICATE, _common_name(certificate), end)


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else format_name(certificate.subject)


def read_revocation_lists(pem: str) -> Sequence[x509.CertificateRevocationList]:
    """The revocation lists of `crl-verify`: one for each authority. `make_context` refuses damaged ones."""
    try:
        return revocation.read_revocation_lists(pem) if pem else ()
    except revocation.UnreadableListError:
        return ()


def _crl_problems(pem: str, now: datetime) -> Iterator[DateProblem]:
    for crl in read_revocation_lists(pem):
        if crl.next_update_utc and crl.next_update_utc < now:
            yield DateProblem("revocation list", format_name(crl.issuer), True, crl.next_update_utc)


def read_certificates(pem: str) -> Sequence[x509.Certificate]:
    """The certificates of a PEM text. Damaged ones are left to OpenSSL."""
    try:
        return x509.load_pem_x509_certificates(pem.encode()) if pem.strip() else ()
    except ValueError:
        return ()


def describe_server(der: bytes) -> ServerCertificate | None:
    """What a server's certificate tells; None if it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        return ServerCertificate(
            format_name(certificate.subject),
            format_name(certificate.issuer),
            certificate.not_valid_after_utc.astimezone(UTC),
        )
    except ValueError:
        return None


def find_mismatch(profile: Profile, der: bytes) -> CertificateMismatch | None:
    """What the profile does not accept of a server's certificate, whose chain is valid; None if it does."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        return CertificateMismatch("certificate", "an X.509 certificate", "something else")
    if profile.peer_fingerprints:
        found = sha256(der).hexdigest()
        known = [each.replace(":", "").lower() for each in profile.peer_fingerprints]
        if found not in known:
            return CertificateMismatch("peer-fingerprint", known[0], found)
    return _find_usage_mismatch(profile, certificate) or _find_name_mismatch(profile, certificate)


def _find_usage_mismatch(profile: Profile, certificate: x509.Certificate) -> CertificateMismatch | None:
    """Compare as OpenVPN does: `remote-cert-tls` asks for both extensions (ssl_verify_openssl.c)."""
    both = bool(profile.certificate_usage and profile.key_usages)
    if profile.key_usages:
        directive = "remote-cert-tls" if both else "remote-cert-ku"
        found = _key_usage_bits(certificate)
        if found is None:
            expected = "a certificate for a server" if both else "one with a key usage"
            return CertificateMismatch(directive, expected, "one without a key usage")
        if not any(found & each == each for each in profile.key_usages):
            expected = " or ".join(f"{each:02x}" for each in profile.key_usages)
            return CertificateMismatch("remote-cert-ku", expected, f"{found:02x}")
    if profile.certificate_usage not in _USAGES:
        return None
    directive = "remote-cert-tls" if both else "remote-cert-eku"
    expected = f"a certificate for a {profile.certificate_usage}"
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return CertificateMismatch(directive, expected, "one without an extended key usage")
    if _USAGES[profile.certificate_usage] not in usages:
        return CertificateMismatch(directive, expected, "one for another use")
    return None


def _key_usage_bits(certificate: x509.Certificate) -> int | None:
    """The key usage as OpenVPN counts its bits, the first one being 0x80; None without the extension."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    flags = (
        usage.digital_signature,
        usage.content_commitment,
        usage.key_encipherment,
        usage.data_encipherment,
        usage.key_agreement,
        usage.key_cert_sign,
        usage.crl_sign,
        usage.key_agreement and usage.encipher_only,
    )
    return sum(0x80 >> at for at, is_set in enumerate(flags) if is_set)


def _find_name_mismatch(profile: Profile, certificate: x509.Certificate) -> CertificateMismatch | None:
    expected = profile.server_name
    if expected is None:
        return None
    subject = format_name(certificate.subject)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_name = str(names[-1].value) if names else ""
    match expected.match:
        case NameMatch.SUBJECT:
            fits, found = subject == expected.text, subject
        case NameMatch.NAME:
            fits, found = common_name == expected.text, common_name
        case NameMatch.PREFIX:
            fits, found = common_name.startswith(expected.text), common_name
    return None if fits else CertificateMismatch("verify-x509-name", expected.text, found)


def format_name(name: x509.Name) -> str:
    """A distinguished name as OpenVPN writes it: "C=DE, O=Example, CN=vpn"."""
    return ", ".join(
        " + ".join(f"{_ATTRIBUTES.get(each.oid, each.oid.dotted_string)}={each.value!s}" for each in part)
        for part in name.rdns
    )
