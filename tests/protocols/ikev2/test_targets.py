"""Servers with their credentials."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.protocols.ikev2.certificates import Issued, issue, make_authority, revoke
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.check import _evidence_of_certificates
from wgmon_tui.protocols.ikev2.credentials import CertificateKey, EapPassword, SharedSecret
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.targets import Ikev2Target, join_servers

ANYWHERE = SecretSource(SecretForm.FILE, "file")
WITH_CERTIFICATE = Ikev2Settings(certificate=ANYWHERE, key=ANYWHERE)


@pytest.fixture(scope="module")
def issued() -> Issued:
    return issue("monitor.example.net", make_authority())


def server(settings: Ikev2Settings) -> Server:
    return Server("fra1", Endpoint("fra1.example.net", 500), protocol="ikev2", protocol_settings=settings)


def join(settings: Ikev2Settings, **secrets: bytes) -> Ikev2Target:
    joined = join_servers([server(settings)], {"fra1": secrets})
    assert not joined.problems
    target = joined.ready["fra1"]
    assert isinstance(target, Ikev2Target)
    return target


def problem(settings: Ikev2Settings, **secrets: bytes) -> str:
    joined = join_servers([server(settings)], {"fra1": secrets})
    assert not joined.ready
    return joined.problems["fra1"]


def test_a_preshared_key_needs_the_acknowledgement() -> None:
    settings = Ikev2Settings("m", secret=ANYWHERE)
    assert join(settings, secret=b"s").credentials == SharedSecret(b"s")
    assert not join(settings, secret=b"s").may_authenticate
    assert join(replace(settings, dedicated=True), secret=b"s").may_authenticate


@pytest.mark.parametrize("key", ["local_id", "remote_id"])
def test_an_identity_that_cannot_be_sent_is_a_problem(key: str) -> None:
    texts = {"local_id": "m", "remote_id": "", key: "@#xyz"}
    settings = Ikev2Settings(texts["local_id"], texts["remote_id"], secret=ANYWHERE)
    assert f'ikev2: {key}: expected hexadecimal digits after @#, got "@#xyz"' in problem(
        settings, secret=b"s"
    )


def test_a_certificate_comes_with_its_key(issued: Issued) -> None:
    target = join(WITH_CERTIFICATE, certificate=issued.certificate_pem, key=issued.key_pem)
    assert isinstance(target.credentials, CertificateKey)
    assert target.credentials.chain == (issued.certificate,)


def test_a_password_comes_with_its_user() -> None:
    settings = Ikev2Settings(eap_user="monitor", eap_password=ANYWHERE)
    target = join(settings, eap_password="pässword".encode())
    assert target.credentials == EapPassword("monitor", "pässword")
    assert target.local_id == "monitor"


def test_an_authority_is_read(issued: Issued) -> None:
    assert join(Ikev2Settings(), ca=issued.certificate_pem).authorities == (issued.certificate,)


def test_a_foreign_key_is_a_problem(issued: Issued) -> None:
    other = issue("other", make_authority())
    line = problem(WITH_CERTIFICATE, certificate=issued.certificate_pem, key=other.key_pem)
    assert line == (
        'servers.toml: server "fra1": ikev2: '
        "key is not the private key of the first certificate in certificate"
    )


def test_an_encrypted_key_is_a_problem_with_what_to_type(issued: Issued) -> None:
    pem = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    assert "openssl pkey" in problem(WITH_CERTIFICATE, certificate=issued.certificate_pem, key=pem)


@pytest.mark.parametrize("key", ["certificate", "key", "ca"])
def test_what_is_no_pem_is_a_problem_without_its_text(issued: Issued, key: str) -> None:
    good = {"certificate": issued.certificate_pem, "key": issued.key_pem}
    line = problem(WITH_CERTIFICATE, **{**good, key: b"hunter2"})
    assert f"ikev2: {key} " in line
    assert "hunter2" not in line


def test_a_key_for_rsa_is_taken() -> None:
    rsa = issue("rsa", make_authority(), generate_private_key(65537, 2048))
    assert join(WITH_CERTIFICATE, certificate=rsa.certificate_pem, key=rsa.key_pem).credentials


def test_no_repr_shows_a_secret(issued: Issued) -> None:
    secrets = {"certificate": issued.certificate_pem, "key": issued.key_pem, "secret": b"hunter2"}
    text = repr(join(Ikev2Settings("m", secret=ANYWHERE), **secrets))
    assert "hunter2" not in text
    assert "BEGIN" not in text


def test_another_secret_is_another_target() -> None:
    one, other = (join(Ikev2Settings("m", secret=ANYWHERE), secret=each) for each in (b"1", b"2"))
    assert one.digest_parts != other.digest_parts
    assert one.agreed_values != other.agreed_values
    assert one.with_server(replace(one.server, note="x")).credentials == one.credentials


def test_a_missing_package_is_a_problem_of_each_server_and_none_of_a_viewer() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from tests.protocols.ikev2.missing_package import problem, view\n"
        "print(problem()); print(view())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == (
        'server "fra1": IKEv2 needs the package cryptography; type: pip install "wgmon-tui[vpn]"\nsilent\n'
    )


def test_the_ends_of_the_own_authorities_and_certificates_are_known_before_the_server_proves_itself() -> None:
    authority = make_authority()
    issued = issue("monitor.example.net", authority)
    target = join(WITH_CERTIFICATE, certificate=issued.certificate_pem, key=issued.key_pem)
    others = tuple(make_authority(f"ca {number}").certificate for number in range(8))
    target = replace(target, authorities=(authority.certificate, *others))
    found = [each for each in _evidence_of_certificates(target, ()) if isinstance(each, Expires)]
    assert [each.what for each in found] == ["authority certificate"] * 8 + ["client certificate"]
    assert found[0].at == authority.certificate.not_valid_after_utc.timestamp()
    assert found[-1].at == issued.certificate.not_valid_after_utc.timestamp()


def test_the_end_of_a_revocation_list_is_known(issued: Issued) -> None:
    lists = revoke(make_authority("first")) + revoke(make_authority("second"))
    target = join(WITH_CERTIFICATE, certificate=issued.certificate_pem, key=issued.key_pem, crl=lists)
    found = [each for each in _evidence_of_certificates(target, ()) if isinstance(each, Expires)]
    assert [(each.what, each.name) for each in found][:2] == [
        ("revocation list", "CN=first"),
        ("revocation list", "CN=second"),
    ]


def test_a_damaged_revocation_list_is_a_problem_of_its_server(issued: Issued) -> None:
    credentials = {"certificate": issued.certificate_pem, "key": issued.key_pem}
    assert "crl: expected a revocation list in PEM form" in problem(WITH_CERTIFICATE, **credentials, crl=b"x")
