"""Rows of the matrix of OpenVPN: what passes through the tunnel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.real.openvpn.scenes import Scene, VpnRow, make_scene
from tests.real.openvpn.server import ServerSetup, client_profile
from wgmon_tui.checks.verdict import Verdict


def _unknown_cipher(name: str, more: str) -> VpnRow:
    return VpnRow(
        f"a data channel with {name}, which a check does not have",
        lambda _: make_scene(ServerSetup(more=more), more=more),
        Verdict.UNPROVEN,
        cause="does not have the cipher or the digest",
        connects=True,
    )


def _with_framing(server: str, client: str = "") -> Callable[[Path], Scene]:
    """Both sides with lines about compression."""
    allowed = "allow-compression yes\n"
    return lambda _: make_scene(
        ServerSetup(more=f"{server}\n{allowed}"), more=f"{client}\n{allowed}" if client else ""
    )


def _dropping(rule: str) -> Scene:
    return Scene(ServerSetup(), client_profile(ServerSetup()), drops=rule)


ROWS = (
    VpnRow(
        "both sides compress with lz4",
        _with_framing("compress lz4", "compress lz4"),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "both sides compress with comp-lzo",
        _with_framing("comp-lzo yes", "comp-lzo yes"),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "the server moves clients with compression to another framing",
        _with_framing("compress migrate", "comp-lzo"),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "the server alone compresses with lz4-v2",
        _with_framing("compress lz4-v2"),
        Verdict.LOSSY,
        cause="comp-lzo or compress, or neither: the server has it",
        is_proven=True,
        connects=True,
        # It compresses nothing that it sends.
        since_2_7=lambda row: replace(row, verdict=Verdict.HEALTHY, cause="", is_proven=False),
    ),
    VpnRow(
        "the server alone has comp-lzo",
        _with_framing("comp-lzo yes"),
        Verdict.DATA_DEAD,
        "tunnel",
        "comp-lzo or compress, or neither: the server has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "the profile alone has comp-lzo",
        lambda _: make_scene(more="comp-lzo\n"),
        Verdict.DATA_DEAD,
        "tunnel",
        "comp-lzo or compress, or neither: only the profile has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "the server alone has fragment",
        lambda _: make_scene(ServerSetup(more="fragment 1200\n")),
        Verdict.DATA_DEAD,
        "tunnel",
        "both sides must have fragment, or neither: the server has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "the profile alone has fragment",
        lambda _: make_scene(more="fragment 1200\n"),
        Verdict.DATA_DEAD,
        "tunnel",
        "both sides must have fragment, or neither: only the profile has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "another auth, AES-256-CBC",
        lambda _: make_scene(
            ServerSetup(more="data-ciphers AES-256-CBC\nauth SHA512\n"),
            more="data-ciphers AES-256-CBC\nauth SHA256\n",
        ),
        Verdict.DATA_DEAD,
        "tunnel",
        "auth of the profile is not that of the server",
        connects=True,
        is_dead_inside=True,
    ),
    _unknown_cipher("the cipher none", "data-ciphers none\n"),
    _unknown_cipher("the digest MD5", "data-ciphers AES-256-CBC\nauth MD5\n"),
    _unknown_cipher("CAMELLIA", "data-ciphers CAMELLIA-256-CBC\n"),
    VpnRow(
        "the cipher of a profile for OpenVPN 2.4",
        lambda _: make_scene(
            ServerSetup(more="data-ciphers AES-256-CBC\n"), more="cipher AES-256-CBC\ncompat-mode 2.4.0\n"
        ),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "the cipher of a profile, which is none of its data-ciphers",
        lambda _: make_scene(ServerSetup(more="data-ciphers AES-256-CBC\n"), more="cipher AES-256-CBC\n"),
        Verdict.CIPHER_MISMATCH,
        "authenticate",
        "no data cipher that both sides allow",
        is_proven=True,
    ),
    VpnRow(
        "no common data cipher",
        lambda _: make_scene(
            ServerSetup(more="data-ciphers AES-128-GCM\n"), more="data-ciphers AES-256-GCM\n"
        ),
        Verdict.CIPHER_MISMATCH,
        "authenticate",
        "no data cipher that both sides allow",
        is_proven=True,
    ),
    VpnRow(
        "large data is lost on the path",
        lambda _: _dropping("udp dport 1194 meta length > 1300 drop"),
        Verdict.MTU_BLACKHOLE,
        cause="the MTU of the path is smaller",
        connects=True,
    ),
    VpnRow(
        "large packets to the server are lost on the path",
        lambda _: _dropping("udp dport 1194 meta length > 600 drop"),
        Verdict.SILENT,
        "key-exchange",
        "large packets are lost on the path",
    ),
    VpnRow(
        "large packets of the server are lost on the path",
        lambda _: _dropping("udp sport 1194 meta length > 600 drop"),
        Verdict.SILENT,
        "tls",
    ),
    VpnRow(
        "the server drops what comes through the tunnel",
        lambda _: Scene(ServerSetup(), client_profile(ServerSetup()), blocks_tunnel=True),
        Verdict.INNER_DEAD,
        "tunnel",
        "the inner address does not answer pings",
        connects=True,
    ),
)
