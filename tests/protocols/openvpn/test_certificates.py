"""Dates, names and usages of certificates."""

from __future__ import annotations

import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates
from cryptography.x509.oid import NameOID

from tests.protocols.openvpn.certificates import Authority, Issued
from wgmon_tui.protocols.openvpn.certificates import (
    end_of_server,
    find_date_problems,
    find_ends,
    find_mismatch,
    format_name,
    look_up,
)
from wgmon_tui.protocols.openvpn.pkcs12_archive import with_archive_opened
from wgmon_tui.protocols.openvpn.profile import NameMatch, Profile, ServerName
from wgmon_tui.protocols.openvpn.profile_syntax import ProfileError
from wgmon_tui.protocols.openvpn.tls_context import TlsSettingsError, make_context, readable_path

AUTHORITY = Authority()
OTHER = Authority("Other CA")
NOW = datetime.now(UTC)


def der(issued: Issued) -> bytes:
    return ssl.PEM_cert_to_DER_cert(issued.certificate)


SERVER = AUTHORITY.issue("vpn.example", "server")
CLIENT = AUTHORITY.issue("monitor")


def profile_with(issued: Issued = CLIENT, **more: object) -> Profile:
    made = Profile((), ca=AUTHORITY.certificate, certificate=issued.certificate, private_key=issued.key)
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_profile_that_is_valid_has_no_date_problem() -> None:
    assert find_date_problems(profile_with(), NOW) == []


def test_an_expired_client_certificate_is_found_with_its_day() -> None:
    (found,) = find_date_problems(profile_with(), NOW + timedelta(days=40))[:1]

    assert (found.what, found.subject, found.is_expired) == ("client", "CN=monitor", True)


def test_an_expired_certificate_between_the_client_and_its_authority_is_found() -> None:
    issued = AUTHORITY.issue_authority("Old Intermediate", days=-1).issue("monitor")
    profile = profile_with(issued)
    assert [(each.what, each.subject) for each in find_date_problems(profile, NOW)] == [
        ("client chain", "CN=Old Intermediate")
    ]


@pytest.mark.parametrize(("password", "words"), [(None, "no password is set"), ("SECRET", "is wrong")])
def test_an_encrypted_key_says_what_its_password_is(password: str | None, words: str) -> None:
    key = serialization.load_pem_private_key(CLIENT.key.encode(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"right"),
    )
    profile = profile_with(Issued(CLIENT.certificate, encrypted.decode()))
    with readable_path() as log, pytest.raises(TlsSettingsError, match=f"encrypted.*{words}") as raised:
        make_context(profile, password, log)
    assert "SECRET" not in str(raised.value)
    with readable_path() as log:
        make_context(profile, "right", log)


def test_a_clock_in_the_past_makes_certificates_early() -> None:
    found = find_date_problems(profile_with(), NOW - timedelta(days=400))

    assert {(each.what, each.is_expired) for each in found} == {("client", False), ("authority", False)}


def test_an_old_revocation_list_is_found() -> None:
    found = find_date_problems(profile_with(crl=AUTHORITY.revoke()), NOW + timedelta(days=35))

    assert "revocation list" in {each.what for each in found}


def test_the_ends_of_all_certificates_of_a_profile_are_known() -> None:
    found = find_ends(profile_with(crl=AUTHORITY.revoke()))

    assert [(each.what, each.name) for each in found] == [
        ("client certificate", "monitor"),
        ("authority certificate", "Test CA"),
        ("revocation list", "CN=Test CA"),
    ]
    assert all(29 * 86400 < each.at - NOW.timestamp() < 31 * 86400 for each in found)
    end = end_of_server(der(SERVER))
    assert end is not None
    assert (end.what, end.name) == ("server certificate", "vpn.example")
    assert end_of_server(b"no certificate") is None


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        (ServerName("vpn.example", NameMatch.NAME), True),
        (ServerName("other.example", NameMatch.NAME), False),
        (ServerName("vpn.", NameMatch.PREFIX), True),
        (ServerName("VPN.", NameMatch.PREFIX), False),
        (ServerName("CN=vpn.example", NameMatch.SUBJECT), True),
        (ServerName("vpn.example", NameMatch.SUBJECT), False),
    ],
)
def test_a_name_is_compared_as_the_profile_says(expected: ServerName, fits: bool) -> None:
    found = find_mismatch(profile_with(server_name=expected), der(SERVER))

    assert (found is None) is fits


@pytest.mark.parametrize(("usage", "fits"), [("server", True), ("client", False), ("", False)])
def test_a_server_must_have_a_certificate_for_one(usage: str, fits: bool) -> None:
    issued = AUTHORITY.issue("vpn.example", usage)

    found = find_mismatch(profile_with(certificate_usage="server"), der(issued))

    assert (found is None) is fits


def test_a_fingerprint_stands_in_place_of_an_authority() -> None:
    certificate = load_pem_x509_certificate(SERVER.certificate.encode())
    from cryptography.hazmat.primitives.hashes import SHA256

    right = certificate.fingerprint(SHA256()).hex(":").upper()

    assert find_mismatch(profile_with(peer_fingerprints=(right,)), der(SERVER)) is None
    assert find_mismatch(profile_with(peer_fingerprints=("00" * 32,)), der(SERVER)) is not None


def test_a_name_wins_over_no_damage_in_the_certificate() -> None:
    assert find_mismatch(profile_with(), b"no certificate") is not None


def test_a_context_has_the_certificates_of_the_profile() -> None:
    with readable_path() as key_log:
        context = make_context(profile_with(), None, key_log)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1


def chain_of(issued: Issued, *authorities: Authority) -> list[bytes]:
    pem = issued.certificate + "".join(each.certificate for each in authorities)
    return [each.public_bytes(Encoding.DER) for each in load_pem_x509_certificates(pem.encode())]


BELOW = AUTHORITY.issue_authority("Intermediate CA")
OF_BELOW = BELOW.issue("vpn.example", "server")


@pytest.mark.parametrize(
    ("listed", "code", "missing"),
    [
        ([AUTHORITY.revoke()], None, ["CN=vpn.example"]),
        ([AUTHORITY.revoke(BELOW)], 23, []),
        ([BELOW.revoke(OF_BELOW)], 23, []),
        ([BELOW.revoke()], None, ["CN=Intermediate CA"]),
        ([AUTHORITY.revoke(), BELOW.revoke()], None, []),
        ([AUTHORITY.revoke(), BELOW.revoke(OF_BELOW)], 23, []),
        ([OTHER.revoke(BELOW)], None, ["CN=vpn.example", "CN=Intermediate CA"]),
        ([replace(OTHER, name="Intermediate CA").revoke()], 8, []),
    ],
    ids=[
        "no list of one",
        "intermediate",
        "leaf",
        "no list of the upper",
        "clean",
        "both lists",
        "of a foreign authority",
        "forged",
    ],
)
def test_each_certificate_of_a_chain_is_looked_up_where_its_authority_has_a_list(
    listed: list[str], code: int | None, missing: list[str]
) -> None:
    """OpenVPN passes over an authority without a list, wherever it stands in the chain."""
    found = look_up(profile_with(crl="\n".join(listed)), chain_of(OF_BELOW, AUTHORITY), NOW)

    assert (found.refusal.code if found.refusal else None) == code
    assert [subject for subject, _ in found.not_looked_up] == missing


@pytest.mark.parametrize(("days", "code"), [(40, 12), (-3, 11)])
def test_a_list_out_of_its_dates_is_not_used(days: int, code: int) -> None:
    now = NOW + timedelta(days=days)

    found = look_up(profile_with(crl=AUTHORITY.revoke()), chain_of(SERVER, AUTHORITY), now).refusal

    assert found is not None
    assert (found.code, found.name) == (code, "CN=Test CA")


def test_a_revoked_certificate_is_named() -> None:
    found = look_up(profile_with(crl=AUTHORITY.revoke(BELOW)), chain_of(OF_BELOW, AUTHORITY), NOW).refusal

    assert found is not None
    assert (found.name, found.text) == ("CN=Intermediate CA", "the certificate is revoked")


def test_of_an_authority_that_was_renewed_the_last_certificate_counts() -> None:
    old = Authority(days=-1)
    found = find_ends(replace(profile_with(), ca=AUTHORITY.certificate + old.certificate))

    [end] = [each.at for each in found if each.what == "authority certificate"]
    assert end > NOW.timestamp()


def test_the_end_of_each_revocation_list_is_known() -> None:
    found = find_ends(profile_with(crl=AUTHORITY.revoke() + OTHER.revoke()))

    names = [each.name for each in found if each.what == "revocation list"]
    assert names == ["CN=Test CA", "CN=Other CA"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"private_key": AUTHORITY.issue("x").key}, "cert or key"),
        ({"certificate": "nonsense"}, "cert or key"),
        ({"ca": "nonsense"}, "ca"),
        ({"crl": "nonsense"}, "crl-verify"),
        ({"tls_cipher": "NO-SUCH-CIPHER"}, "tls-cipher"),
    ],
)
def test_what_cannot_be_used_is_one_phrase_without_a_path(change: dict[str, object], words: str) -> None:
    with readable_path() as key_log, pytest.raises(TlsSettingsError, match=words) as caught:
        make_context(replace(profile_with(), **change), None, key_log)  # type: ignore[arg-type]

    assert "/proc" not in str(caught.value)


def test_an_encrypted_key_without_its_password_asks_nobody() -> None:
    key = load_pem_private_key(CLIENT.key.encode(), None)
    from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")).decode()

    with readable_path() as key_log:
        with pytest.raises(TlsSettingsError):
            make_context(profile_with(private_key=locked), None, key_log)
        make_context(profile_with(private_key=locked), "word", key_log)


def test_an_archive_holds_key_and_certificates() -> None:
    certificate = load_pem_x509_certificate(CLIENT.certificate.encode())
    key = load_pem_private_key(CLIENT.key.encode(), None)
    made = pkcs12.serialize_key_and_certificates(
        b"x",
        key,  # type: ignore[arg-type]
        certificate,
        [load_pem_x509_certificate(AUTHORITY.certificate.encode())],
        BestAvailableEncryption(b"word"),
    )

    opened = with_archive_opened(Profile((), pkcs12=made), "word")

    assert [each.what for each in find_ends(opened)] == ["client certificate", "authority certificate"]
    with readable_path() as key_log:
        context = make_context(opened, None, key_log)
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(ProfileError, match="another password"):
        with_archive_opened(Profile((), pkcs12=made), "wrong")


def test_an_archive_that_is_damaged_is_told() -> None:
    with pytest.raises(ProfileError, match="pkcs12: the archive is damaged"):
        with_archive_opened(Profile((), pkcs12=b"nonsense"), None)


@pytest.mark.parametrize("has_memory_files", [True, False])
def test_a_file_for_openssl_is_private_and_gone_afterwards(
    has_memory_files: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_memory_files:
        monkeypatch.delattr(os, "memfd_create", raising=False)

    with readable_path(b"secret") as path:
        assert Path(path).read_bytes() == b"secret"
        assert has_memory_files or Path(path).stat().st_mode & 0o777 == 0o600
    assert not Path(path).exists()


def test_the_name_of_a_certificate_is_written_as_openvpn_compares_it() -> None:
    """`verify-x509-name` compares the whole text, also of attributes that easy-rsa 2 wrote."""
    attribute = x509.NameAttribute
    name = x509.Name(
        [
            x509.RelativeDistinguishedName([attribute(NameOID.COUNTRY_NAME, "DE")]),
            x509.RelativeDistinguishedName(
                [
                    attribute(NameOID.COMMON_NAME, "vpn"),
                    attribute(x509.ObjectIdentifier("2.5.4.41"), "EasyRSA"),
                ]
            ),
        ]
    )
    assert format_name(name) in ("C=DE, CN=vpn + name=EasyRSA", "C=DE, name=EasyRSA + CN=vpn")


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS-ECDHE-RSA-WITH-AES-256-CBC-SHA384", "ECDHE-RSA-AES256-SHA384"),
        ("TLS-DHE-RSA-WITH-AES-128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"),
        ("TLS-RSA-WITH-AES-256-CBC-SHA", "AES256-SHA"),
        ("TLS-DHE-RSA-WITH-CAMELLIA-256-CBC-SHA:ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"),
    ],
)
def test_cipher_suites_have_the_names_of_openssl(written: str, known: str) -> None:
    with readable_path() as key_log:
        context = make_context(profile_with(tls_cipher=written), None, key_log)

    assert known in {each["name"] for each in context.get_ciphers()}
