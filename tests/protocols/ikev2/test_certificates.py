"""Chains of certificates, identities in them, and signatures."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from tests.protocols.ikev2.certificates import Issued, issue, make_authority, revoke
from wgmon_tui.protocols.ikev2.certificates import ChainResult, examine_chain, parse_certificates
from wgmon_tui.protocols.ikev2.chain_faults import ChainFault
from wgmon_tui.protocols.ikev2.credentials import CredentialsError, SigningKey, parse_revocation_lists
from wgmon_tui.protocols.ikev2.iana_numbers import AuthMethod, HashAlgorithm, IdType
from wgmon_tui.protocols.ikev2.identities import (
    InvalidIdentityError,
    format_identity,
    is_named_by,
    is_same,
    parse_identity,
)
from wgmon_tui.protocols.ikev2.sa_init import OWN_HASHES
from wgmon_tui.protocols.ikev2.signatures import UnsupportedKeyError, is_signed_by, sign
from wgmon_tui.protocols.ikev2.wire import Authentication, Identification

AUTHORITY = make_authority()
GATE = issue("gate.test", AUTHORITY)
NOW = time.time()
CONTENT = b"what is signed"


def examined(
    chain: list[Issued], authority: Issued = AUTHORITY, at: float = NOW, *, crl: bytes = b""
) -> ChainResult:
    certificates = [each.certificate for each in chain]
    lists = parse_revocation_lists(crl) if crl else ()
    return examine_chain(certificates, [authority.certificate], at, lists)


def fault_of(
    chain: list[Issued], authority: Issued = AUTHORITY, at: float = NOW, *, crl: bytes = b""
) -> ChainFault | None:
    problem = examined(chain, authority, at, crl=crl).problem
    return problem.fault if problem else None


def test_a_chain_to_an_authority_is_right() -> None:
    assert fault_of([GATE]) is None


def test_another_authority_of_the_same_name_is_not_trusted() -> None:
    assert fault_of([GATE], make_authority()) is ChainFault.UNTRUSTED


def test_a_server_that_sends_no_certificate_is_not_trusted() -> None:
    assert fault_of([]) is ChainFault.UNREADABLE


def test_dates_count() -> None:
    assert fault_of([GATE], at=NOW + 90 * 86400) is ChainFault.EXPIRED
    assert fault_of([GATE], at=NOW - 90 * 86400) is ChainFault.NOT_YET_VALID


def test_an_expired_authority_counts() -> None:
    old = issue("old authority", None, not_after=datetime.now(UTC) - timedelta(days=1))
    assert fault_of([issue("gate.test", old)], old) is ChainFault.EXPIRED


def test_a_certificate_that_is_no_authority_issues_none() -> None:
    forged = issue("gate.test", GATE)
    assert fault_of([forged, GATE]) is ChainFault.NOT_AN_AUTHORITY


def test_a_self_signed_certificate_is_not_trusted() -> None:
    assert fault_of([make_authority("gate.test")]) is ChainFault.UNTRUSTED


def test_a_pinned_certificate_is_trusted() -> None:
    own = make_authority("gate.test")
    assert fault_of([own], own) is None


def test_a_list_counts_for_the_certificates_of_its_authority_only() -> None:
    assert fault_of([GATE], crl=revoke(AUTHORITY, GATE)) is ChainFault.REVOKED
    assert fault_of([GATE], crl=revoke(AUTHORITY, issue("other.test", AUTHORITY))) is None
    assert fault_of([GATE], crl=revoke(make_authority("another"), GATE)) is None


def test_a_list_that_is_old_is_not_used() -> None:
    assert fault_of([GATE], crl=revoke(AUTHORITY, days=-1)) is ChainFault.UNUSABLE_LIST


@pytest.mark.parametrize("other", [make_authority("another"), make_authority()], ids=["name", "key"])
def test_what_no_list_covers_is_named(other: Issued) -> None:
    missing = (("CN=gate.test", "CN=test authority"),)
    assert examined([GATE], crl=revoke(other, GATE)) == ChainResult(None, missing)
    assert examined([GATE], crl=revoke(AUTHORITY)) == ChainResult()
    assert examined([GATE]) == ChainResult()


def test_a_text_without_a_list_is_told() -> None:
    with pytest.raises(CredentialsError, match="crl: expected a revocation list in PEM form"):
        parse_revocation_lists(AUTHORITY.certificate_pem)


def test_unreadable_certificates_are_left_out() -> None:
    der = GATE.certificate.public_bytes(Encoding.DER)
    assert parse_certificates([b"\x04junk", b"\x0c" + der, b"\x04" + der, b""]) == (GATE.certificate,)


IDENTITIES = {
    "gate.test": (IdType.FQDN, b"gate.test"),
    "@gate.test": (IdType.FQDN, b"gate.test"),
    "user@gate.test": (IdType.EMAIL, b"user@gate.test"),
    "192.0.2.1": (IdType.IPV4, bytes((192, 0, 2, 1))),
    "2001:db8::1": (IdType.IPV6, bytes.fromhex("20010db8000000000000000000000001")),
    "@#0a0b": (IdType.KEY_ID, b"\x0a\x0b"),
}


@pytest.mark.parametrize("text", IDENTITIES)
def test_identities_have_the_form_that_their_text_shows(text: str) -> None:
    found = parse_identity(text)
    assert (found.kind, found.data) == IDENTITIES[text]


def test_a_distinguished_name_is_read_in_the_order_of_the_certificate() -> None:
    found = parse_identity("C=CH, O=Example, CN=gate.test")
    assert found.kind == IdType.DISTINGUISHED_NAME
    assert format_identity(found) == "C=CH, O=Example, CN=gate.test"


@pytest.mark.parametrize("text", ["@#xyz", "=", "no such=name"])
def test_bad_identities_are_refused(text: str) -> None:
    with pytest.raises(InvalidIdentityError):
        parse_identity(text)


def test_names_differ_in_more_than_case() -> None:
    assert is_same(parse_identity("GATE.test"), parse_identity("gate.test"))
    assert not is_same(parse_identity("gate.test"), parse_identity("gate2.test"))
    assert not is_same(parse_identity("@gate.test"), Identification(IdType.EMAIL, b"gate.test"))


def test_a_certificate_names_its_subject_and_its_alternative_names() -> None:
    assert is_named_by(GATE.certificate, parse_identity("Gate.test"))
    assert is_named_by(GATE.certificate, parse_identity("CN=gate.test"))
    for other in ("other.test", "CN=other.test", "192.0.2.1", "gate@test", "@#00"):
        assert not is_named_by(GATE.certificate, parse_identity(other))


KINDS = ("RSA", "P-256", "P-384", "P-521", "Ed25519")


@cache
def key_of(kind: str) -> SigningKey:
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    if kind == "Ed25519":
        return Ed25519PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve]
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("hashes_", [OWN_HASHES, ()], ids=["RFC 7427", "before RFC 7427"])
def test_signatures_verify_and_fail_with_another_key_or_content(name: str, hashes_: tuple[int, ...]) -> None:
    key = key_of(name)
    if name == "Ed25519" and not hashes_:
        with pytest.raises(UnsupportedKeyError):
            sign(key, CONTENT, hashes_)
        return
    proof = sign(key, CONTENT, hashes_)
    assert (proof.method == AuthMethod.DIGITAL_SIGNATURE) == bool(hashes_)
    assert is_signed_by(key.public_key(), proof, CONTENT)
    assert not is_signed_by(key.public_key(), proof, CONTENT + b"!")
    for other in KINDS:
        if other != name:
            assert not is_signed_by(key_of(other).public_key(), proof, CONTENT)


def test_a_signature_with_pss_verifies() -> None:
    """The identifier is that of RFC 7427 §A.4.3: RSASSA-PSS with SHA-256."""
    identifier = bytes.fromhex(
        "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d"
        "06096086480165030402010500a203020120"
    )
    key = key_of("RSA")
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = key.sign(CONTENT, scheme, hashes.SHA256())
    data = bytes((len(identifier),)) + identifier + signature
    proof = Authentication(AuthMethod.DIGITAL_SIGNATURE, data)
    assert is_signed_by(key.public_key(), proof, CONTENT)
    assert not is_signed_by(key.public_key(), proof, b"")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff", b"\x05abc", bytes(80)])
def test_damaged_proofs_are_no_proofs(data: bytes) -> None:
    for method in AuthMethod:
        for kind in KINDS:
            assert not is_signed_by(key_of(kind).public_key(), Authentication(method, data), CONTENT)
    assert HashAlgorithm.SHA1 not in OWN_HASHES
