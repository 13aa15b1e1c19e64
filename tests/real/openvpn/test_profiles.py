"""Rarer profiles and events on a real server: archives, older packets, renegotiation, an early end."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
import zipfile
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate

from tests.daemon.harness import until
from tests.real.namespaces import entered
from tests.real.openvpn.checking import make_openvpn_target, run_check
from tests.real.openvpn.server import (
    READY,
    OpenVpn,
    ServerSetup,
    authority,
    block,
    client_certificate,
    client_profile,
    running_server,
    static_key,
)
from wgmon_tui.checks.address_prober import AddressCheck
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import key_exchange, observations
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.local_clients import LocalClients
from wgmon_tui.protocols.openvpn.observations import find
from wgmon_tui.protocols.openvpn.profile_files import complete_profile
from wgmon_tui.protocols.openvpn.wire import DATA_OPCODES, Opcode, opcode_of

pytestmark = pytest.mark.thorough
WORD = "archive word"
UNUSED = ip_address("10.88.0.200")


@cache
def archive() -> bytes:
    """The client certificate, its key and the authority, as .p12."""
    issued = client_certificate()
    key = load_pem_private_key(issued.key.encode(), None)
    assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey)
    return pkcs12.serialize_key_and_certificates(
        b"monitor",
        key,
        load_pem_x509_certificate(issued.certificate.encode()),
        [load_pem_x509_certificate(authority().certificate.encode())],
        BestAvailableEncryption(WORD.encode()),
    )


def without_certificates(setup: ServerSetup) -> str:
    """The profile of the client, whose certificates come from elsewhere."""
    return f"client\ndev tun\nnobind\nremote {setup.address} {setup.port} {setup.proto}\n"


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "inline"])
def test_a_pkcs12_archive_logs_in(place: str, tmp_path: Path, is_file: bool) -> None:
    setup, own = ServerSetup(), block("pkcs12", base64.encodebytes(archive()).decode())
    if is_file:
        (tmp_path / "client.p12").touch(0o600)
        (tmp_path / "client.p12").write_bytes(archive())
        own = "pkcs12 client.p12\n"
    content = complete_profile((without_certificates(setup) + own).encode(), tmp_path / "client.ovpn")
    with running_server(place, tmp_path, setup):
        target = make_openvpn_target(content.decode(), key_password=WORD)
        check, found = run_check(place, target)

    assert found.verdict is Verdict.HEALTHY, found
    assert "client certificate" in {getattr(each, "what", "") for each in check.evidence}


def test_a_user_of_the_same_archive_is_not_disconnected(place: str, tmp_path: Path) -> None:
    setup, word = ServerSetup(), tmp_path / "word"
    (tmp_path / "client.p12").write_bytes(archive())
    word.write_text(WORD)
    profile = without_certificates(setup) + block("pkcs12", base64.encodebytes(archive()).decode())
    by_file = without_certificates(setup) + "pkcs12 client.p12\n"
    with running_server(place, tmp_path, setup) as server:
        options = ("--askpass", str(word), "--ifconfig-noexec", "--route-noexec", "--verb", "4")
        user = OpenVpn(place, tmp_path, by_file, *options)
        try:
            assert user.await_line(READY), user.log
            check, _ = run_check(place, make_openvpn_target(profile, key_password=WORD))
        finally:
            user.stop()

    used = find(observations.IN_USE, check.evidence)
    assert used is not None
    assert used.values == (str(user.pid),)
    assert "previous active sessions" not in server.log


def test_a_profile_in_an_archive_logs_in(place: str, tmp_path: Path) -> None:
    setup, made = ServerSetup(), io.BytesIO()
    issued = client_certificate()
    files = {"ca.crt": authority().certificate, "client.crt": issued.certificate, "client.key": issued.key}
    lines = "ca ca.crt\ncert client.crt\nkey client.key\n"
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("provider/client.ovpn", without_certificates(setup) + lines)
        for name, content in files.items():
            opened.writestr(f"provider/{name}", content)
    profile = complete_profile(made.getvalue(), tmp_path / "provider.zip").decode()
    with running_server(place, tmp_path, setup):
        _, found = run_check(place, make_openvpn_target(profile))

    assert found.verdict is Verdict.HEALTHY, found


@pytest.mark.parametrize("cipher", ["AES-256-GCM", "AES-256-CBC"])
def test_a_server_that_gives_no_peer_id_gets_the_older_data_packets(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cipher: str
) -> None:
    """Servers before 2.4, and those whose client announces P_DATA_V1 only."""
    monkeypatch.setattr(key_exchange, "IV_PROTO", 0)
    lines = f"data-ciphers {cipher}\nauth SHA256\n"
    setup = ServerSetup(more=lines)
    with running_server(place, tmp_path, setup):
        check, found = run_check(place, make_openvpn_target(client_profile(setup, more=lines)))

    assert found.verdict is Verdict.HEALTHY, found
    data = {opcode_of(each.data) for each in check.exchange} & set(DATA_OPCODES)
    assert data == {Opcode.DATA_V1}


def test_a_renegotiation_of_the_server_disturbs_no_check(place: str, tmp_path: Path) -> None:
    """A check ends before the old key does. It answers no renegotiation, and needs no dynamic tls-crypt."""
    wrapping = block("tls-crypt", static_key())
    setup = ServerSetup(wrapping=wrapping, more="reneg-sec 2 2\n")
    with running_server(place, tmp_path, setup) as server:
        profile = client_profile(setup)
        target = make_openvpn_target(profile, timeout_s=2.0, tunnel_over_s=6.0)
        check, found = run_check(place, target)
        pushed = next(line for line in server.log.splitlines() if "'PUSH_REPLY," in line)

    assert found.verdict is Verdict.HEALTHY, found
    assert "dyn-tls-crypt" not in pushed
    soft = [each for each in check.exchange if opcode_of(each.data) is Opcode.SOFT_RESET_V1]
    assert soft, "the server renegotiated meanwhile"


def test_a_cancelled_check_frees_its_address(place: str, tmp_path: Path) -> None:
    """The check waits for an inner address that no host has."""
    setup = ServerSetup()
    with running_server(place, tmp_path, setup) as server:
        target = make_openvpn_target(client_profile(setup), timeout_s=9.0, tunnel_ping=(UNUSED,))

        async def cancel_when_connected() -> None:
            asked = AddressCheck(target, ip_address("127.0.0.1"), True, False)
            check = asyncio.create_task(OpenVpnProber().check_address(asked))
            await until(lambda: "PUSH_REPLY" in server.log)
            check.cancel()
            with pytest.raises(asyncio.CancelledError):
                await check

        with entered(place):
            asyncio.run(cancel_when_connected())
        assert server.await_line("exit message received by peer", within_s=8), server.log


def test_a_refused_certificate_is_shown_as_unverified(place: str, tmp_path: Path) -> None:
    setup = ServerSetup(issued=authority().issue("vpn.example", "server", days=-1))
    with running_server(place, tmp_path, setup):
        check, found = run_check(place, make_openvpn_target(client_profile(setup)))

    shown = find(observations.UNVERIFIED, check.evidence)
    assert shown is not None
    assert shown.values[:2] == ("CN=vpn.example", "CN=Test CA")
    assert found.verdict is Verdict.BAD_CERTIFICATE
    certificate = f"CN=vpn.example, issued by CN=Test CA, which ends on {shown.values[2]}"
    assert f"the server shows, unverified, the certificate {certificate}" in found.evidence


def test_another_login_with_the_same_name_is_a_cause_where_data_stops(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user logs in with the certificate of the check, which is not dedicated after all."""
    monkeypatch.setattr(LocalClients, "find_user_of", lambda *_: None)
    setup = ServerSetup()
    with running_server(place, tmp_path, setup) as server:
        profile = client_profile(setup)
        target = make_openvpn_target(profile, timeout_s=2.0, tunnel_over_s=6.0)
        users: list[OpenVpn] = []

        def log_in_meanwhile() -> None:
            assert server.await_line("'PUSH_REPLY,")
            users.append(OpenVpn(place, tmp_path, profile, "--ifconfig-noexec", "--route-noexec"))

        other = threading.Thread(target=log_in_meanwhile)
        other.start()
        _, found = run_check(place, target)
        other.join()
        users[0].stop()

    assert "previous active sessions" in server.log
    assert found.verdict is Verdict.SESSION_REFUSED, found
    assert found.causes[0].cause == "another client logged in with this certificate or account"


def test_the_offer_of_a_profile_is_tested_and_what_else_it_demands_is_named(
    place: str, tmp_path: Path
) -> None:
    setup = ServerSetup()
    with running_server(place, tmp_path, setup):
        profile = client_profile(setup, more="tls-groups secp384r1\nns-cert-type server\n")
        check, found = run_check(place, make_openvpn_target(profile))

    offered = find(observations.OFFER_ANSWERED, check.evidence)
    assert offered is not None
    assert offered.values == ("tls-groups",)
    assert found.summary.endswith("Not tested: ns-cert-type of the profile.")


@pytest.mark.parametrize("directive", ["auth-user-pass-verify", "client-connect"])
def test_a_server_that_answers_nobody_while_its_script_runs_is_waited_for(
    place: str, tmp_path: Path, directive: str
) -> None:
    script = tmp_path / "slow.sh"
    script.write_text("#!/bin/sh\nsleep 4\n")
    script.chmod(0o755)
    how = " via-env" if directive.startswith("auth") else ""
    setup = ServerSetup(more=f"{directive} {script}{how}\nscript-security 3\n")
    with running_server(place, tmp_path, setup):
        profile = client_profile(setup, more=block("auth-user-pass", "bob\nright"))
        _, found = run_check(place, make_openvpn_target(profile, timeout_s=1.0))

    assert found.verdict is Verdict.HEALTHY, found
