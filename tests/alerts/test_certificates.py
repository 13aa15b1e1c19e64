"""What certificates are trusted, and what is said of one that is not: the same on every Python."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.alerts.certificates import Certificates
from tests.alerts.http_receiver import Receiver
from tests.alerts.sample_announcements import announcement
from tests.alerts.sinks.mail_server import Postbox, post_office, to
from wgmon_tui.alerts.certificates import tls_context
from wgmon_tui.alerts.http_client import post
from wgmon_tui.alerts.models import RetryError
from wgmon_tui.alerts.sinks import email

UNTRUSTED = "the certificate is not trusted: "


def refusal_of(tls: ssl.SSLContext, ca_file: Path | None) -> str:
    """What is said of a server; it must have received nothing."""
    with Receiver(tls=tls) as receiver:
        with pytest.raises(RetryError) as refused:
            post(receiver.url, b"{}", {}, limit_s=5, ca_file=str(ca_file) if ca_file else None)
        assert receiver.heard == []
    reason: str = refused.value.reason
    return reason.removeprefix(UNTRUSTED)


def is_trusted(tls: ssl.SSLContext, ca_file: Path) -> bool:
    with Receiver(tls=tls) as receiver:
        return post(receiver.url, b"{}", {}, limit_s=5, ca_file=str(ca_file)).is_accepted


@pytest.mark.parametrize(
    "extensions",
    [
        (x509.BasicConstraints(ca=True, path_length=None),),
        (
            x509.BasicConstraints(ca=True, path_length=0),
            x509.KeyUsage(False, False, False, False, False, True, True, False, False),
        ),
    ],
    ids=["no key identifiers", "key usage"],
)
def test_an_authority_without_the_identifiers_of_rfc_5280_is_trusted(
    tmp_path: Path, extensions: Sequence[x509.ExtensionType]
) -> None:
    certificates = Certificates(tmp_path, extensions)
    assert is_trusted(certificates.server(), certificates.authority)


def test_ca_file_may_hold_the_servers_own_certificate(certificates: Certificates) -> None:
    tls = certificates.server(self_signed=True)
    assert is_trusted(tls, certificates.written[-1])


def test_ca_file_may_hold_a_certificate_that_is_no_root(certificates: Certificates) -> None:
    tls = certificates.server()
    assert is_trusted(tls, certificates.written[-1])


def test_a_certificate_for_another_host_is_refused_with_the_names_that_it_has(
    certificates: Certificates,
) -> None:
    tls = certificates.server(x509.DNSName("mail.example.net"), x509.DNSName("*.example.org"))
    assert refusal_of(tls, certificates.authority) == (
        "it is not for this host, but for mail.example.net and *.example.org"
    )


def test_of_many_names_some_are_shown_without_control_characters(certificates: Certificates) -> None:
    names = [x509.DNSName(f"a{number}\x1b.example") for number in range(9)]
    said = refusal_of(certificates.server(*names), certificates.authority)
    assert said == (
        "it is not for this host, but for a0\\x1b.example, a1\\x1b.example, a2\\x1b.example, "
        "a3\\x1b.example, a4\\x1b.example and 4 more"
    )


def test_a_mail_server_for_another_host_is_refused_with_the_names_that_it_has(
    certificates: Certificates,
) -> None:
    postbox = Postbox()
    tls = certificates.server(x509.DNSName("mail.example.net"))
    with post_office(postbox, tls) as port, pytest.raises(RetryError, match=r"but for mail\.example\.net"):
        email.send(to(port, certificates, username="wgmon"), announcement(), {"password": "s3cr3t"})
    assert postbox.logins == []


def test_an_expired_certificate_is_said_to_be_so(certificates: Certificates) -> None:
    tls = certificates.server(starts_in=timedelta(days=-3))
    said = refusal_of(tls, certificates.authority)
    assert said == "it has expired, or an authority of its chain has"


def test_a_certificate_of_tomorrow_is_said_to_be_so(certificates: Certificates) -> None:
    said = refusal_of(certificates.server(starts_in=timedelta(days=1)), certificates.authority)
    assert said.startswith("it is not valid yet")


@pytest.mark.parametrize("with_ca_file", [True, False])
def test_a_self_signed_certificate_is_said_to_be_so(certificates: Certificates, with_ca_file: bool) -> None:
    said = refusal_of(certificates.server(self_signed=True), certificates.authority if with_ca_file else None)
    advice = "the system's list of authorities; set ca_file to a file that holds it"
    assert said == f"it is self-signed and not in {'ca_file' if with_ca_file else advice}"


def test_another_authority_than_that_of_ca_file_is_said_to_be_so(
    certificates: Certificates, tmp_path: Path
) -> None:
    said = refusal_of(certificates.server(), Certificates(tmp_path, name="another authority").authority)
    assert said.startswith("its authority is not in ca_file, or ")


def test_an_authority_of_the_same_name_with_another_key_is_said_to_be_so(
    certificates: Certificates, tmp_path: Path
) -> None:
    said = refusal_of(certificates.server(), Certificates(tmp_path).authority)
    assert said == "its signature is wrong: ca_file has an authority of the same name, but with another key"


@pytest.mark.parametrize("extensions", [(), (x509.BasicConstraints(ca=False, path_length=None),)])
def test_an_authority_that_may_not_sign_certificates_is_said_to_be_so(
    tmp_path: Path, extensions: Sequence[x509.ExtensionType]
) -> None:
    certificates = Certificates(tmp_path, extensions)
    said = refusal_of(certificates.server(), certificates.authority)
    assert said.startswith("an authority of its chain may not sign certificates: ")


def test_a_certificate_that_is_not_for_servers_is_said_to_be_so(certificates: Certificates) -> None:
    tls = certificates.server(usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert "not made for servers" in refusal_of(tls, certificates.authority)


@pytest.mark.parametrize("content", [b"", b"no certificate\n", b"\xff" * 100])
def test_a_ca_file_without_a_certificate_is_said_to_be_so(
    certificates: Certificates, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    said = refusal_of(certificates.server(), tmp_path / "ca.pem")
    assert said == "ca_file holds no certificate in PEM form"


def test_a_pipe_in_place_of_ca_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    with pytest.raises(OSError, match="a FIFO"):
        tls_context(str(tmp_path / "ca.pem"))
