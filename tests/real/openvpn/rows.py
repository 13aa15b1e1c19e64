"""The failures of OpenVPN that the matrix plays on Debian's server, and what the check must say of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.protocols.openvpn.certificates import Authority, Issued
from tests.real.openvpn.server import (
    ServerSetup,
    authority,
    block,
    client_key_v2,
    client_profile,
    other_static_key,
    server_certificate,
    server_key_v2,
    static_key,
)
from wgmon_tui.checks.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Scene:
    """A server and a profile. `setup` is None where no server runs."""

    setup: ServerSetup | None
    profile: str
    blocks_port: bool = False
    blocks_address: str = ""
    blocks_tunnel: bool = False
    other_clients: int = 0
    """How many other clients are connected first."""


@dataclass(frozen=True, slots=True)
class VpnRow:
    """A failure. `stage` is the one that must fail, `cause` are words of the first cause.

    `is_proven` tells whether an experiment must have proven it. `connects` tells whether a real client does.
    `is_quick` rows are in the default run.
    """

    mode: str
    scene: Callable[[Path], Scene]
    verdict: Verdict
    stage: str = ""
    cause: str = ""
    is_proven: bool = False
    connects: bool = False
    is_quick: bool = False
    needs_second_request: bool = False
    """Whether the server answers the second request for options only, a second after the first."""
    is_dead_inside: bool = False
    """Whether the real client says that it is connected, and gets no data."""
    is_other_remote: bool = False
    """Whether the real client connects through another remote than the checked one."""

    def __str__(self) -> str:
        return self.mode


def _scene(
    setup: ServerSetup | None = None,
    *,
    issued: Issued | None = None,
    wrapping: str | None = None,
    more: str = "",
) -> Scene:
    setup = setup or ServerSetup()
    return Scene(setup, client_profile(setup, issued, wrapping=wrapping, more=more))


def _unknown_cipher(name: str, more: str) -> VpnRow:
    return VpnRow(
        f"a data channel with {name}, which a check does not have",
        lambda _: _scene(ServerSetup(more=more), more=more),
        Verdict.UNPROVEN,
        cause="does not have the cipher or the digest",
        connects=True,
    )


def _auth(key: str, direction: str = "") -> str:
    return block("tls-auth", key) + (f"key-direction {direction}\n" if direction else "")


@cache
def _other_authority() -> Authority:
    return Authority("Another CA")


@cache
def _same_name() -> Authority:
    """An authority with the name of the server's, and another key: as that was before it was made anew."""
    return Authority(authority().name)


@cache
def _expired_authority() -> Authority:
    return Authority("Old CA", days=-1)


def _of_expired_authority(_: Path) -> Scene:
    old = _expired_authority()
    setup = ServerSetup(issued=old.issue("vpn.example", "server"))
    profile = client_profile(setup).replace(authority().certificate.strip(), old.certificate.strip())
    return Scene(setup, profile)


def _with_revoked_server(_: Path) -> Scene:
    return _scene(more=block("crl-verify", authority().revoke(server_certificate())))


@cache
def _intermediate() -> Authority:
    return authority().issue_authority("Intermediate CA")


@cache
def _expired_intermediate() -> Authority:
    return authority().issue_authority("Old Intermediate CA", days=-1)


def _beside_an_expired_authority(setup: ServerSetup, more: str = "") -> Scene:
    """A profile whose <ca> has, beside the authority in use, an older one that has expired."""
    both = f"{authority().certificate.strip()}\n{_expired_authority().certificate.strip()}"
    profile = client_profile(setup, more=more).replace(authority().certificate.strip(), both)
    return Scene(setup, profile)


def _of_intermediate(*lists: str) -> Scene:
    """A server of an authority that has no list, whatever the one above it says."""
    setup = ServerSetup(issued=_intermediate().issue("vpn.example", "server"))
    return _scene(setup, more=block("crl-verify", "".join(lists)))


def _with_old_list(_: Path) -> Scene:
    return _scene(more=block("crl-verify", authority().revoke(days=-1)))


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


def _with_revoked_client(directory: Path) -> Scene:
    revoked, crl = authority().issue("revoked"), directory / "crl.pem"
    crl.write_text(authority().revoke(revoked))
    return _scene(ServerSetup(more=f"crl-verify {crl}\n"), issued=revoked)


def _with_password(_: Path) -> Scene:
    setup = ServerSetup(more="auth-user-pass-verify /bin/false via-env\nscript-security 3\n")
    return _scene(setup, more=block("auth-user-pass", "bob\nwrong"))


def _without_password(_: Path) -> Scene:
    return _scene(ServerSetup(more="auth-user-pass-verify /bin/true via-env\nscript-security 3\n"))


def _with_as_many_clients_as_allowed(_: Path) -> Scene:
    setup = ServerSetup(more="max-clients 1\n")
    return Scene(setup, client_profile(setup), other_clients=1)


def _with_full_pool(_: Path) -> Scene:
    pool = 'mode server\ntls-server\nifconfig 10.88.0.1 255.255.255.0\npush "topology subnet"\n'
    pool += "ifconfig-pool 10.88.0.2 10.88.0.3 255.255.255.0\n"
    setup = ServerSetup(pool=pool)
    return Scene(setup, client_profile(setup), other_clients=2)


def _v2_of_another_server(directory: Path) -> Scene:
    foreign = directory / "foreign"
    foreign.mkdir()
    key = server_key_v2.__wrapped__()
    setup = ServerSetup(wrapping=block("tls-crypt-v2", server_key_v2()))
    return _scene(setup, wrapping=block("tls-crypt-v2", client_key_v2(key, foreign)))


def _with_ccd(directory: Path) -> Scene:
    """A server that has disabled the client by its name."""
    (directory / "monitor").write_text("disable\n")
    return _scene(ServerSetup(more=f"client-config-dir {directory}\n"))


def _with_key_verification(directory: Path) -> Scene:
    """A server that asks a program about each tls-crypt-v2 key."""
    setup = ServerSetup(
        wrapping=block("tls-crypt-v2", server_key_v2()),
        more="tls-crypt-v2-verify /bin/false\nscript-security 3\n",
    )
    return _scene(setup, wrapping=block("tls-crypt-v2", client_key_v2(server_key_v2(), directory)))


def _with_framing(server: str, client: str = "") -> Callable[[Path], Scene]:
    """Both sides with lines about compression."""
    allowed = "allow-compression yes\n"
    return lambda _: _scene(
        ServerSetup(more=f"{server}\n{allowed}"), more=f"{client}\n{allowed}" if client else ""
    )


TLS_1_2 = "tls-version-max 1.2\n"
_EXPIRED_CLIENT = "client certificate of the profile is not valid now"

ROWS = (
    VpnRow("no fault", lambda _: _scene(), Verdict.HEALTHY, connects=True),
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
        lambda _: _scene(
            ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=_auth(other_static_key(), "1")
        ),
        Verdict.SILENT,
        "reset",
        "tls-auth key of the profile is not that of the server",
    ),
    VpnRow(
        "wrong key-direction",
        lambda _: _scene(ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=_auth(static_key(), "0")),
        Verdict.SILENT,
        "reset",
        "the server expects key-direction 1; the profile has 0",
        is_proven=True,
        is_quick=True,
    ),
    VpnRow(
        "wrong digest of tls-auth",
        lambda _: _scene(
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
        lambda _: _scene(ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=""),
        Verdict.SILENT,
        "reset",
        "",
    ),
    VpnRow(
        "wrong tls-crypt key",
        lambda _: _scene(
            ServerSetup(wrapping=block("tls-crypt", static_key())),
            wrapping=block("tls-crypt", other_static_key()),
        ),
        Verdict.SILENT,
        "reset",
        "tls-crypt key of the profile is not that of the server",
    ),
    VpnRow(
        "wrong tls-crypt key, TCP",
        lambda _: _scene(
            ServerSetup(proto="tcp", wrapping=block("tls-crypt", static_key())),
            wrapping=block("tls-crypt", other_static_key()),
        ),
        Verdict.SILENT,
        "reset",
        "tls-crypt key of the profile is not that of the server",
    ),
    VpnRow(
        "tls-crypt in the profile, tls-auth on the server",
        lambda _: _scene(
            ServerSetup(wrapping=_auth(static_key(), "0")), wrapping=block("tls-crypt", static_key())
        ),
        Verdict.SILENT,
        "reset",
        "the server expects wrapping tls-auth; the profile has tls-crypt",
        is_proven=True,
    ),
    VpnRow(
        "tls-crypt in the profile, none on the server",
        lambda _: _scene(ServerSetup(), wrapping=block("tls-crypt", static_key())),
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
    VpnRow(
        "the authority has expired",
        _of_expired_authority,
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the certificate of the authority has expired",
    ),
    VpnRow(
        "the server's certificate has expired",
        lambda _: _scene(ServerSetup(issued=authority().issue("vpn.example", "server", days=-1))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the certificate of the server has expired",
        is_quick=True,
    ),
    VpnRow(
        "a certificate between the server and its authority has expired",
        lambda _: _scene(ServerSetup(issued=_expired_intermediate().issue("vpn.example", "server"))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "between those of the server and of its authority has expired",
        is_quick=True,
    ),
    VpnRow(
        "a certificate between the client and its authority has expired",
        lambda _: _scene(issued=_expired_intermediate().issue("monitor")),
        Verdict.AUTH_FAILED,
        "key-exchange",
        "between those of the client and of its authority is not valid now",
    ),
    VpnRow(
        "the server is of another authority, and the profile has an expired one too",
        lambda _: _beside_an_expired_authority(
            ServerSetup(issued=_other_authority().issue("vpn.example", "server"))
        ),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "from another authority",
    ),
    VpnRow(
        "the server's certificate is revoked, and the profile has an expired authority too",
        lambda _: _beside_an_expired_authority(
            ServerSetup(), block("crl-verify", authority().revoke(server_certificate()))
        ),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "is revoked",
        is_proven=True,
        is_quick=True,
    ),
    VpnRow(
        "the server's certificate is of another authority",
        lambda _: _scene(ServerSetup(issued=_other_authority().issue("vpn.example", "server"))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "from another authority",
    ),
    VpnRow(
        "the server's certificate has another name",
        lambda _: _scene(more="verify-x509-name other.example name\n"),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "verify-x509-name",
        is_proven=True,
    ),
    VpnRow(
        "the server has a certificate without a usage",
        lambda _: _scene(
            ServerSetup(issued=authority().issue("vpn.example", "")), more="remote-cert-tls server\n"
        ),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "remote-cert-tls",
        is_proven=True,
    ),
    VpnRow(
        "the server's certificate is revoked",
        _with_revoked_server,
        Verdict.BAD_CERTIFICATE,
        "tls",
        "revoked",
        is_proven=True,
    ),
    VpnRow(
        "the authority above that of the server revoked it, which has no list",
        lambda _: _of_intermediate(authority().revoke(_intermediate())),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "revoked",
        is_proven=True,
    ),
    VpnRow(
        "lists of both authorities of the chain",
        lambda _: _of_intermediate(authority().revoke(), _intermediate().revoke()),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "no list of the server's authority, one of the authority above",
        lambda _: _of_intermediate(authority().revoke()),
        Verdict.UNPROVEN,
        cause="no list of CN=Intermediate CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "no list of the upper authority, one of the server's",
        lambda _: _of_intermediate(_intermediate().revoke()),
        Verdict.UNPROVEN,
        cause="no list of CN=Test CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "a list of another authority alone",
        lambda _: _scene(more=block("crl-verify", _other_authority().revoke())),
        Verdict.UNPROVEN,
        cause="no list of CN=Test CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "a list of an authority with the same name, which names its key",
        lambda _: _scene(more=block("crl-verify", _same_name().revoke(names_key=True))),
        Verdict.UNPROVEN,
        cause="no list of CN=Test CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "a list of an authority with the same name, which names no key",
        lambda _: _scene(more=block("crl-verify", _same_name().revoke())),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the revocation list of the profile is of another authority",
        is_proven=True,
    ),
    VpnRow(
        "the revocation list of the profile is not valid yet",
        lambda _: _scene(more=block("crl-verify", authority().revoke(begins=1))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the clock of this machine is wrong",
    ),
    VpnRow(
        "a list that is not valid yet beside one that is",
        lambda _: _scene(more=block("crl-verify", authority().revoke() + authority().revoke(begins=1))),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "the revocation list of the profile has expired",
        _with_old_list,
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the revocation list of the profile has expired",
        is_proven=True,
    ),
    VpnRow(
        "the client's certificate has expired, TLS 1.3",
        lambda _: _scene(issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "key-exchange",
        _EXPIRED_CLIENT,
    ),
    VpnRow(
        "the client's certificate has expired, tls-crypt",
        lambda _: _scene(
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
        lambda _: _scene(ServerSetup(more=TLS_1_2), issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "tls",
        _EXPIRED_CLIENT,
    ),
    VpnRow(
        "the client's certificate has expired, TCP",
        lambda _: _scene(ServerSetup(proto="tcp"), issued=authority().issue("monitor", days=-1)),
        Verdict.AUTH_FAILED,
        "key-exchange",
        _EXPIRED_CLIENT,
    ),
    VpnRow(
        "the client's certificate is of another authority",
        lambda _: _scene(issued=_other_authority().issue("monitor")),
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
        lambda _: _scene(ServerSetup(more="client-connect /bin/false\nscript-security 3\n")),
        Verdict.AUTH_FAILED,
        "authenticate",
        "locked, disabled, refused by a script",
        needs_second_request=True,
    ),
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
        "the server alone compresses with lz4-v2",
        _with_framing("compress lz4-v2"),
        Verdict.LOSSY,
        cause="comp-lzo or compress, or neither: the server has it",
        is_proven=True,
        connects=True,
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
        lambda _: _scene(more="comp-lzo\n"),
        Verdict.DATA_DEAD,
        "tunnel",
        "comp-lzo or compress, or neither: only the profile has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "the server alone has fragment",
        lambda _: _scene(ServerSetup(more="fragment 1200\n")),
        Verdict.DATA_DEAD,
        "tunnel",
        "both sides must have fragment, or neither: the server has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "the profile alone has fragment",
        lambda _: _scene(more="fragment 1200\n"),
        Verdict.DATA_DEAD,
        "tunnel",
        "both sides must have fragment, or neither: only the profile has it",
        is_proven=True,
        connects=True,
        is_dead_inside=True,
    ),
    VpnRow(
        "another auth, AES-256-CBC",
        lambda _: _scene(
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
        "no common data cipher",
        lambda _: _scene(ServerSetup(more="data-ciphers AES-128-GCM\n"), more="data-ciphers AES-256-GCM\n"),
        Verdict.CIPHER_MISMATCH,
        "authenticate",
        "no data cipher that both sides allow",
        is_proven=True,
    ),
    VpnRow(
        "no common cipher suite of TLS 1.2",
        lambda _: _scene(
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
        lambda _: _scene(ServerSetup(more=TLS_1_2), more="tls-cipher TLS-ECDHE-ECDSA-WITH-AES-256-CBC-SHA\n"),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "no common TLS version",
        lambda _: _scene(ServerSetup(more=TLS_1_2), more="tls-version-min 1.3\n"),
        Verdict.CIPHER_MISMATCH,
        "tls",
        "TLS versions or cipher suites",
        is_proven=True,
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
    VpnRow(
        "the server drops what comes through the tunnel",
        lambda _: Scene(ServerSetup(), client_profile(ServerSetup()), blocks_tunnel=True),
        Verdict.INNER_DEAD,
        "tunnel",
        "the inner address does not answer pings",
        connects=True,
    ),
)


def other_client(setup: ServerSetup, number: int = 1) -> str:
    """The profile of another user of the same server."""
    return client_profile(setup, authority().issue(f"user{number}"))
