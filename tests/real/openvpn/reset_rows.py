"""Rows of the matrix of OpenVPN: the reset, its wrapping and its remotes."""

from __future__ import annotations

from pathlib import Path

from tests.real.openvpn.scenes import Scene, VpnRow, make_scene
from tests.real.openvpn.server import (
    ServerSetup,
    block,
    client_key_v2,
    client_profile,
    other_static_key,
    server_key_v2,
    static_key,
)
from wgmon_tui.checks.verdict import Verdict


def _auth(key: str, direction: str = "") -> str:
    return block("tls-auth", key) + (f"key-direction {direction}\n" if direction else "")


def _with_three_remotes(_: Path) -> Scene:
    """Nothing listens at the first remote, nor at the others."""
    setup = ServerSetup(wrapping=block("tls-crypt", static_key()))
    remotes = "".join(f"remote 127.0.0.{number} 1194 udp\n" for number in (2, 3))
    return Scene(None, client_profile(setup, more=remotes + "remote-random\n"), blocks_port=True)


def _with_another_remote(_: Path) -> Scene:
    """The first remote is silent, and the next one is the server."""
    setup = ServerSetup(wrapping=block("tls-crypt", static_key()), address="127.0.0.2")
    silent = "remote 127.0.0.1 1194 udp\n"
    profile = client_profile(setup)
    return Scene(setup, silent + profile + "connect-timeout 2\n", blocks_address="127.0.0.1")


def _v2_of_another_server(directory: Path) -> Scene:
    foreign = directory / "foreign"
    foreign.mkdir()
    key = server_key_v2.__wrapped__()
    setup = ServerSetup(wrapping=block("tls-crypt-v2", server_key_v2()))
    return make_scene(setup, wrapping=block("tls-crypt-v2", client_key_v2(key, foreign)))


ROWS = (
    VpnRow("no fault", lambda _: make_scene(), Verdict.HEALTHY, connects=True),
    VpnRow(
        "the server is stopped",
        lambda _: Scene(None, client_profile(ServerSetup())),
        Verdict.PORT_CLOSED,
        "reset",
        "the service is stopped",
    ),
    VpnRow(
        "a firewall drops the port",
        lambda _: Scene(ServerSetup(), client_profile(ServerSetup()), blocks_port=True),
        Verdict.SILENT,
        "reset",
        "stopped",
    ),
    VpnRow(
        "no remote of the profile answers",
        _with_three_remotes,
        Verdict.SILENT,
        "reset",
        "tls-crypt key of the profile is not that of the server",
    ),
    VpnRow(
        "another remote of the profile answers",
        _with_another_remote,
        Verdict.SILENT,
        "reset",
        "stopped",
        connects=True,
        is_other_remote=True,
    ),
    VpnRow(
        "wrong tls-auth key",
        lambda _: make_scene(
            ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=_auth(other_static_key(), "1")
        ),
        Verdict.SILENT,
        "reset",
        "tls-auth key of the profile is not that of the server",
    ),
    VpnRow(
        "wrong key-direction",
        lambda _: make_scene(
            ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=_auth(static_key(), "0")
        ),
        Verdict.SILENT,
        "reset",
        "the server expects key-direction 1; the profile has 0",
        is_proven=True,
        is_quick=True,
    ),
    VpnRow(
        "wrong digest of tls-auth",
        lambda _: make_scene(
            ServerSetup(wrapping=_auth(static_key(), "0"), more="auth SHA256\n"),
            wrapping=_auth(static_key(), "1"),
        ),
        Verdict.SILENT,
        "reset",
        "the server expects auth SHA256; the profile has SHA1",
        is_proven=True,
    ),
    VpnRow(
        "no tls-auth key in the profile",
        lambda _: make_scene(ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=""),
        Verdict.SILENT,
        "reset",
        "",
    ),
    VpnRow(
        "wrong tls-crypt key",
        lambda _: make_scene(
            ServerSetup(wrapping=block("tls-crypt", static_key())),
            wrapping=block("tls-crypt", other_static_key()),
        ),
        Verdict.SILENT,
        "reset",
        "tls-crypt key of the profile is not that of the server",
    ),
    VpnRow(
        "wrong tls-crypt key, TCP",
        lambda _: make_scene(
            ServerSetup(proto="tcp", wrapping=block("tls-crypt", static_key())),
            wrapping=block("tls-crypt", other_static_key()),
        ),
        Verdict.SILENT,
        "reset",
        "tls-crypt key of the profile is not that of the server",
    ),
    VpnRow(
        "tls-crypt in the profile, tls-auth on the server",
        lambda _: make_scene(
            ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=block("tls-crypt", static_key())
        ),
        Verdict.SILENT,
        "reset",
        "the server expects wrapping tls-auth; the profile has tls-crypt",
        is_proven=True,
    ),
    VpnRow(
        "tls-crypt in the profile, none on the server",
        lambda _: make_scene(ServerSetup(), wrapping=block("tls-crypt", static_key())),
        Verdict.SILENT,
        "reset",
        "the server expects wrapping plain; the profile has tls-crypt",
        is_proven=True,
    ),
    VpnRow(
        "tls-crypt-v2 key of another server",
        _v2_of_another_server,
        Verdict.SILENT,
        "reset",
        "tls-crypt-v2 key of the profile is not that of the server",
    ),
    VpnRow(
        "UDP in the profile, TCP on the server",
        lambda _: Scene(ServerSetup(proto="tcp"), client_profile(ServerSetup())),
        Verdict.PORT_CLOSED,
        "reset",
        "the server expects proto tcp; the profile has udp",
        is_proven=True,
    ),
    VpnRow(
        "TCP in the profile, UDP on the server",
        lambda _: Scene(ServerSetup(), client_profile(ServerSetup(proto="tcp"))),
        Verdict.PORT_CLOSED,
        "reach",
        "the server expects proto udp; the profile has tcp",
        is_proven=True,
    ),
)
