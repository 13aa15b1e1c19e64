"""Rows of the matrix of OpenVPN: versions, cipher suites and groups of TLS."""

from __future__ import annotations

from dataclasses import replace

from tests.real.openvpn.scenes import TLS_1_2, Scene, VpnRow, make_scene
from tests.real.openvpn.server import ServerSetup, block, static_key
from wgmon_tui.checks.verdict import Verdict


def _with_groups(server: str, client: str, setup: ServerSetup | None = None) -> Scene:
    """Both sides with groups for the key exchange of TLS."""
    setup = setup or ServerSetup()
    setup = replace(setup, more=f"{setup.more}tls-groups {server}\n")
    return make_scene(setup, more=f"tls-groups {client}\n")


ROWS = (
    VpnRow(
        "no common cipher suite of TLS 1.2",
        lambda _: make_scene(
            ServerSetup(more=f"{TLS_1_2}tls-cipher TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384\n"),
            more="tls-cipher TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256\n",
        ),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "TLS versions or cipher suites",
        is_proven=True,
    ),
    VpnRow(
        "a common cipher suite of TLS 1.2 with CBC",
        lambda _: make_scene(
            ServerSetup(more=TLS_1_2), more="tls-cipher TLS-ECDHE-ECDSA-WITH-AES-256-CBC-SHA\n"
        ),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "no common TLS version",
        lambda _: make_scene(ServerSetup(more=TLS_1_2), more="tls-version-min 1.3\n"),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "TLS versions or cipher suites",
        is_proven=True,
    ),
    VpnRow(
        "Suite B in the profile, and a server without it",
        lambda _: make_scene(more="tls-cert-profile suiteb\n"),
        Verdict.AUTH_FAILED,
        "key-exchange",
        # Its server ends TLS when it reads what the client offers.
        since_2_7=lambda row: replace(row, verdict=Verdict.CIPHER_MISMATCH, stage="tls"),
    ),
    VpnRow(
        "no common group of TLS",
        lambda _: _with_groups("secp521r1", "X25519:secp384r1"),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "tls-groups of the profile",
        is_proven=True,
        is_quick=True,
    ),
    VpnRow(
        "no common group of TLS, TCP and tls-crypt",
        lambda _: _with_groups(
            "secp521r1", "X25519", ServerSetup(proto="tcp", wrapping=block("tls-crypt", static_key()))
        ),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "tls-groups of the profile",
        is_proven=True,
    ),
    VpnRow(
        "no common group of TLS 1.2",
        lambda _: _with_groups("secp521r1", "X25519:secp384r1", ServerSetup(more=TLS_1_2)),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "tls-groups of the profile",
        is_proven=True,
    ),
    VpnRow(
        "a common group of TLS that the client does not prefer",
        lambda _: _with_groups("secp384r1", "X25519:secp384r1"),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "groups in the profile, and a server with room for two clients",
        lambda _: _with_groups("secp384r1", "X25519:secp384r1", ServerSetup(more="max-clients 2\n")),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "groups in the profile, and a server of TLS 1.2 with room for two clients",
        lambda _: _with_groups(
            "X25519:prime256v1", "prime256v1", ServerSetup(more=f"{TLS_1_2}max-clients 2\n")
        ),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "no common cipher suite of TLS 1.3",
        lambda _: make_scene(
            ServerSetup(more="tls-ciphersuites TLS_AES_128_GCM_SHA256\n"),
            more="tls-ciphersuites TLS_CHACHA20_POLY1305_SHA256\n",
        ),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "tls-ciphersuites of the profile",
        is_proven=True,
    ),
    VpnRow(
        "a common cipher suite of TLS 1.3",
        lambda _: make_scene(
            ServerSetup(more="tls-ciphersuites TLS_AES_128_GCM_SHA256\n"),
            more="tls-ciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256\n",
        ),
        Verdict.HEALTHY,
        connects=True,
    ),
)
