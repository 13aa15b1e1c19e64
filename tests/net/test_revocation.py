"""Which revocation list says something about which certificate, and what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.protocols.ikev2.certificates import Issued, issue, make_authority
from wgmon_tui.net.revocation import RevocationFault, look_up

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ROOT = make_authority("root")
SERVER = issue("vpn.example", ROOT)
POINT = [x509.UniformResourceIdentifier("http://crl.example/1")]


def key_of(authority: Issued) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def listed(
    authority: Issued,
    *revoked: Issued,
    begins: int = -2,
    ends: int = 30,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> x509.CertificateRevocationList:
    """A list of an authority, between days from now."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(NOW + begins * DAY).next_update(NOW + ends * DAY)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(authority.key, hashes.SHA256())


def limited(**limits: object) -> tuple[x509.ExtensionType, bool]:
    """A list that is for some certificates of its authority only."""
    settled: dict[str, object] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**settled, **limits}), True  # type: ignore[arg-type]


def outcome(
    *lists: x509.CertificateRevocationList, chain: Sequence[Issued] = (SERVER, ROOT)
) -> RevocationFault | list[str] | None:
    """The fault; without one the certificates that were not looked up, None if all were."""
    found = look_up([each.certificate for each in chain], lists, NOW)
    if found.problem:
        return found.problem.fault
    return [each.subject.rfc4514_string() for each in found.not_looked_up] or None


RENEWED = make_authority("root")
"""An authority with the same name and another key."""


@pytest.mark.parametrize(
    ("crl", "expected"),
    [
        (listed(ROOT), None),
        (listed(ROOT, SERVER), RevocationFault.REVOKED),
        (listed(ROOT, ends=-1), RevocationFault.OUTDATED),
        (listed(ROOT, begins=1), RevocationFault.EARLY),
        (listed(RENEWED), RevocationFault.FORGED),
        (listed(RENEWED, SERVER, extensions=[(key_of(RENEWED), False)]), ["CN=vpn.example"]),
        (listed(ROOT, SERVER, extensions=[(key_of(ROOT), False)]), RevocationFault.REVOKED),
        (listed(make_authority("another"), SERVER), ["CN=vpn.example"]),
        (listed(ROOT, extensions=[(x509.DeltaCRLIndicator(1), True)]), ["CN=vpn.example"]),
        (listed(ROOT, extensions=[limited(only_contains_user_certs=True)]), None),
        (listed(ROOT, extensions=[limited(only_contains_ca_certs=True)]), RevocationFault.OTHER_SCOPE),
        (listed(ROOT, extensions=[limited(full_name=POINT)]), RevocationFault.OTHER_SCOPE),
        (listed(ROOT, extensions=[limited(indirect_crl=True)]), ["CN=vpn.example"]),
        (
            listed(
                ROOT,
                extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)],
            ),
            RevocationFault.UNKNOWN_LIMIT,
        ),
    ],
    ids=[
        "clean",
        "revoked",
        "expired",
        "early",
        "signed by another key",
        "of an authority with the same name",
        "names the key",
        "of another authority",
        "delta",
        "for users",
        "for authorities",
        "of another point",
        "indirect",
        "unknown limit",
    ],
)
def test_only_a_list_of_the_authority_that_is_valid_now_clears_a_certificate(
    crl: x509.CertificateRevocationList, expected: RevocationFault | list[str] | None
) -> None:
    assert outcome(crl) == expected


def test_a_list_that_is_valid_now_counts_before_a_newer_one() -> None:
    assert outcome(listed(ROOT, SERVER), listed(ROOT, begins=1)) is RevocationFault.REVOKED
    assert outcome(listed(ROOT, ends=-1), listed(ROOT)) is None
    assert outcome(listed(ROOT, SERVER, begins=-9), listed(ROOT)) is None


def test_every_certificate_below_the_trusted_one_must_be_looked_up() -> None:
    below = issue("below", ROOT)
    server = issue("vpn.example", below)
    chain = (server, below, ROOT)

    assert outcome(chain=chain) == ["CN=vpn.example", "CN=below"]
    assert outcome(listed(ROOT), chain=chain) == ["CN=vpn.example"]
    assert outcome(listed(below), chain=chain) == ["CN=below"]
    assert outcome(listed(below), listed(ROOT), chain=chain) is None
    assert outcome(listed(below, server), chain=chain[:2]) is RevocationFault.REVOKED
    assert outcome(listed(ROOT, below), chain=chain) is RevocationFault.REVOKED


def test_a_pinned_certificate_of_which_no_list_says_anything_is_named() -> None:
    assert outcome(listed(ROOT), chain=[SERVER]) == ["CN=vpn.example"]


def test_an_authority_that_may_not_sign_lists_clears_nothing() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    builder = x509.CertificateBuilder().subject_name(ROOT.certificate.subject).public_key(key.public_key())
    builder = builder.issuer_name(ROOT.certificate.subject).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    weak = Issued(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)

    assert outcome(listed(weak), chain=(issue("vpn.example", weak), weak)) is RevocationFault.NO_SIGNER
