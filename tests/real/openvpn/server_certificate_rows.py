"""Rows of the matrix of OpenVPN: the server's certificate, its authorities and their lists."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.protocols.openvpn.certificates import Authority
from tests.real.openvpn.scenes import Scene, VpnRow, expired_intermediate, make_scene, other_authority
from tests.real.openvpn.server import ServerSetup, authority, block, client_profile, server_certificate
from wgmon_tui.checks.verdict import Verdict


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
    return make_scene(more=block("crl-verify", authority().revoke(server_certificate())))


@cache
def _intermediate() -> Authority:
    return authority().issue_authority("Intermediate CA")


def _beside_an_expired_authority(setup: ServerSetup, more: str = "") -> Scene:
    """A profile whose <ca> has, beside the authority in use, an older one that has expired."""
    both = f"{authority().certificate.strip()}\n{_expired_authority().certificate.strip()}"
    profile = client_profile(setup, more=more).replace(authority().certificate.strip(), both)
    return Scene(setup, profile)


def _of_intermediate(*lists: str) -> Scene:
    """A server of an authority that has no list, whatever the one above it says."""
    setup = ServerSetup(issued=_intermediate().issue("vpn.example", "server"))
    return make_scene(setup, more=block("crl-verify", "".join(lists)))


def _with_old_list(_: Path) -> Scene:
    return make_scene(more=block("crl-verify", authority().revoke(days=-1)))


def _without_key_usage() -> ServerSetup:
    return ServerSetup(issued=authority().issue("vpn.example", "server", has_key_usage=False))


ROWS = (
    VpnRow(
        "the authority has expired",
        _of_expired_authority,
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the certificate of the authority has expired",
    ),
    VpnRow(
        "the server's certificate has expired",
        lambda _: make_scene(ServerSetup(issued=authority().issue("vpn.example", "server", days=-1))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the certificate of the server has expired",
        is_quick=True,
    ),
    VpnRow(
        "a certificate between the server and its authority has expired",
        lambda _: make_scene(ServerSetup(issued=expired_intermediate().issue("vpn.example", "server"))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "between those of the server and of its authority has expired",
        is_quick=True,
    ),
    VpnRow(
        "the server is of another authority, and the profile has an expired one too",
        lambda _: _beside_an_expired_authority(
            ServerSetup(issued=other_authority().issue("vpn.example", "server"))
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
        lambda _: make_scene(ServerSetup(issued=other_authority().issue("vpn.example", "server"))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "from another authority",
    ),
    VpnRow(
        "the server's certificate has another name",
        lambda _: make_scene(more="verify-x509-name other.example name\n"),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "verify-x509-name",
        is_proven=True,
    ),
    VpnRow(
        "the server has a certificate without a usage",
        lambda _: make_scene(
            ServerSetup(issued=authority().issue("vpn.example", "")), more="remote-cert-tls server\n"
        ),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "remote-cert-tls",
        is_proven=True,
    ),
    VpnRow(
        "remote-cert-eku, and a certificate without a key usage",
        lambda _: make_scene(_without_key_usage(), more='remote-cert-eku "TLS Web Server Authentication"\n'),
        Verdict.HEALTHY,
        connects=True,
    ),
    VpnRow(
        "remote-cert-tls, and a certificate without a key usage",
        lambda _: make_scene(_without_key_usage(), more="remote-cert-tls server\n"),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "remote-cert-tls",
        is_proven=True,
    ),
    VpnRow(
        "remote-cert-ku, and a certificate for something else",
        lambda _: make_scene(more="remote-cert-ku 06\n"),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "remote-cert-ku",
        is_proven=True,
    ),
    VpnRow(
        "remote-cert-ku that the certificate has",
        lambda _: make_scene(more="remote-cert-ku 06 80\n"),
        Verdict.HEALTHY,
        connects=True,
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
        lambda _: make_scene(more=block("crl-verify", other_authority().revoke())),
        Verdict.UNPROVEN,
        cause="no list of CN=Test CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "a list of an authority with the same name, which names its key",
        lambda _: make_scene(more=block("crl-verify", _same_name().revoke(names_key=True))),
        Verdict.UNPROVEN,
        cause="no list of CN=Test CA",
        is_proven=True,
        connects=True,
    ),
    VpnRow(
        "a list of an authority with the same name, which names no key",
        lambda _: make_scene(more=block("crl-verify", _same_name().revoke())),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the revocation list of the profile is of another authority",
        is_proven=True,
    ),
    VpnRow(
        "the revocation list of the profile is not valid yet",
        lambda _: make_scene(more=block("crl-verify", authority().revoke(begins=1))),
        Verdict.BAD_CERTIFICATE,
        "tls",
        "the clock of this machine is wrong",
    ),
    VpnRow(
        "a list that is not valid yet beside one that is",
        lambda _: make_scene(more=block("crl-verify", authority().revoke() + authority().revoke(begins=1))),
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
)
