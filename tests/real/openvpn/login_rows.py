"""Rows of the matrix of OpenVPN: what the server says to a client, from its certificate to its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.real.openvpn.scenes import (
    TLS_1_2,
    Scene,
    VpnRow,
    expired_intermediate,
    make_scene,
    other_authority,
)
from tests.real.openvpn.server import (
    ServerSetup,
    authority,
    block,
    client_key_v2,
    client_profile,
    server_key_v2,
    static_key,
)
from wgmon_tui.checks.verdict import Verdict


def _with_revoked_client(directory: Path) -> Scene:
    revoked, crl = authority().issue("revoked"), directory / "crl.pem"
    crl.write_text(authority().revoke(revoked))
    return make_scene(ServerSetup(more=f"crl-verify {crl}\n"), issued=revoked)


def _with_old_server_list(directory: Path) -> Scene:
    outdated = directory / "crl.pem"
    outdated.write_text(authority().revoke(days=-1))
    return make_scene(ServerSetup(more=f"crl-verify {outdated}\n"))


def _without_certificate(_: Path) -> Scene:
    setup = ServerSetup(more="auth-user-pass-verify /bin/true via-env\nscript-security 3\n")
    lines = client_profile(setup, more=block("auth-user-pass", "bob\nright"))
    before, _mark, rest = lines.partition("<cert>")
    return Scene(setup, before + rest.partition("</key>")[2])


def _with_slow_script(directory: Path) -> Scene:
    """A server whose check of passwords takes longer than that of wgmon-tui may, and a client may wait."""
    script = directory / "slow.sh"
    script.write_text("#!/bin/sh\nsleep 1.4\n")
    script.chmod(0o755)
    setup = ServerSetup(more=f"auth-user-pass-verify {script} via-env\nscript-security 3\n")
    return make_scene(setup, more=block("auth-user-pass", "bob\nright"))


def _with_password(_: Path) -> Scene:
    setup = ServerSetup(more="auth-user-pass-verify /bin/false via-env\nscript-security 3\n")
    return make_scene(setup, more=block("auth-user-pass", "bob\nwrong"))


def _without_password(_: Path) -> Scene:
    return make_scene(ServerSetup(more="auth-user-pass-verify /bin/true via-env\nscript-security 3\n"))


def _with_as_many_clients_as_allowed(_: Path) -> Scene:
    setup = ServerSetup(more="max-clients 1\n")
    return Scene(setup, client_profile(setup), other_clients=1)


def _with_full_pool(_: Path) -> Scene:
    pool = 'mode server\ntls-server\nifconfig 10.88.0.1 255.255.255.0\npush "topology subnet"\n'
    pool += "ifconfig-pool 10.88.0.2 10.88.0.3 255.255.255.0\n"
    setup = ServerSetup(pool=pool)
    return Scene(setup, client_profile(setup), other_clients=2)


def _with_ccd(directory: Path) -> Scene:
    """A server that has disabled the client by its name."""
    (directory / "monitor").write_text("disable\n")
    return make_scene(ServerSetup(more=f"client-config-dir {directory}\n"))


def _with_key_verification(directory: Path) -> Scene:
    """A server that asks a program about each tls-crypt-v2 key."""
    setup = ServerSetup(
        wrapping=block("tls-crypt-v2", server_key_v2()),
        more="tls-crypt-v2-verify /bin/false\nscript-security 3\n",
    )
    return make_scene(setup, wrapping=block("tls-crypt-v2", client_key_v2(server_key_v2(), directory)))


_EXPIRED_CLIENT = "client certificate of the profile is not valid now"

ROWS = (
    VpnRow(
        "the client's certificate has expired, TLS 1.3",
        lambda _: make_scene(issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "key-exchange",
        _EXPIRED_CLIENT,
    ),
    VpnRow(
        "the client's certificate has expired, tls-crypt",
        lambda _: make_scene(
            ServerSetup(wrapping=block("tls-crypt", static_key())),
            issued=authority().issue("monitor", days=-1),
            wrapping=block("tls-crypt", static_key()),
        ),
        Verdict.BAD_CERTIFICATE,
        "key-exchange",
        _EXPIRED_CLIENT,
        is_proven=True,
        is_quick=True,
    ),
    VpnRow(
        "the client's certificate has expired, TLS 1.2",
        lambda _: make_scene(ServerSetup(more=TLS_1_2), issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "tls",
        _EXPIRED_CLIENT,
    ),
    VpnRow(
        "the client's certificate has expired, TCP",
        lambda _: make_scene(ServerSetup(proto="tcp"), issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "key-exchange",
        _EXPIRED_CLIENT,
        # It sends the alert before it closes the connection.
        since_2_7=lambda row: replace(
            row, verdict=Verdict.BAD_CERTIFICATE, cause="the client certificate, an authority", is_proven=True
        ),
    ),
    VpnRow(
        "a certificate between the client and its authority has expired",
        lambda _: make_scene(issued=expired_intermediate().issue("monitor")),
        Verdict.AUTH_FAILED,
        "key-exchange",
        "between those of the client and of its authority is not valid now",
    ),
    VpnRow(
        "the client's certificate is of another authority",
        lambda _: make_scene(issued=other_authority().issue("monitor")),
        Verdict.AUTH_FAILED,
        "key-exchange",
        "does not accept the client certificate",
    ),
    VpnRow(
        "the client's certificate is revoked",
        _with_revoked_client,
        Verdict.AUTH_FAILED,
        "key-exchange",
        "does not accept the client certificate",
    ),
    VpnRow(
        "the revocation list of the server has expired",
        _with_old_server_list,
        Verdict.AUTH_FAILED,
        "key-exchange",
        "does not accept the client certificate",
    ),
    VpnRow(
        "the server demands a client certificate, the profile has none",
        _without_certificate,
        Verdict.AUTH_FAILED,
        "key-exchange",
        "the server demands a client certificate, and the profile has none",
    ),
    VpnRow(
        "a script of the server takes longer than the timeout",
        _with_slow_script,
        Verdict.HEALTHY,
        connects=True,
        client_window_s=8,
    ),
    VpnRow(
        "wrong password",
        _with_password,
        Verdict.AUTH_FAILED,
        "authenticate",
        "the user or the password is wrong",
        is_quick=True,
    ),
    VpnRow(
        "the server demands a password, the profile has none",
        _without_password,
        Verdict.AUTH_FAILED,
        "key-exchange",
        "",
    ),
    VpnRow(
        "tls-crypt-v2-verify of the server refuses the key",
        _with_key_verification,
        Verdict.SILENT,
        "tls",
        "tls-crypt-v2-verify of the server refuses",
    ),
    VpnRow(
        "the server has disabled the client",
        _with_ccd,
        Verdict.AUTH_FAILED,
        "authenticate",
        "locked, disabled, refused by a script",
        needs_second_request=True,
    ),
    VpnRow(
        "a script of the server refuses the connection",
        lambda _: make_scene(ServerSetup(more="client-connect /bin/false\nscript-security 3\n")),
        Verdict.AUTH_FAILED,
        "authenticate",
        "locked, disabled, refused by a script",
        needs_second_request=True,
    ),
    VpnRow(
        "the address pool is exhausted",
        _with_full_pool,
        Verdict.SESSION_REFUSED,
        "push-reply",
        "the address pool of the server is exhausted",
    ),
    VpnRow(
        "the server has as many clients as max-clients allows",
        _with_as_many_clients_as_allowed,
        Verdict.SILENT,
        "tls",
        "as many clients as max-clients allows",
    ),
)
