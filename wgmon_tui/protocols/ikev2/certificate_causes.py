"""Causes of certificates that are not accepted."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings

_LIST_CERTIFICATES = "on the server: swanctl --list-certs"
_IN_SETTINGS = "in servers.toml, below [server.ikev2]:"


def own_certificate(detail: str) -> Cause:
    """The certificate of the check is out of its dates."""
    return Cause(
        f"the certificate of this check is not valid: {detail}",
        "a server refuses such a certificate",
        "openssl x509 -noout -dates -in the certificate_file of servers.toml",
    )


def own_clock() -> Cause:
    """The clock of this machine."""
    return Cause("the clock of this machine is wrong", "dates are compared with it", "date -u")


def certificate_dates(detail: str) -> Cause:
    """A certificate is out of its dates."""
    return Cause(
        f"the certificate {detail}",
        "its own dates say so",
        _LIST_CERTIFICATES,
    )


def revoked(name: str) -> Cause:
    """A list names a certificate of the chain."""
    return Cause(
        f"the certificate {name} of the server is revoked",
        "crl_file, which its authority signed, lists it",
        "on the server: swanctl --load-creds — after you have installed a new certificate",
        proven=True,
    )


def unusable_list(detail: str) -> Cause:
    """A list proves nothing."""
    return Cause(
        f"crl_file of servers.toml cannot be used: {detail}",
        "a list counts only between its dates, with the signature of the authority, and for its certificates",
        f"{_IN_SETTINGS} crl_file with a current list",
    )


def missing_list(issuer: str) -> Cause:
    """No list says whether a certificate is revoked."""
    return Cause(
        f"crl_file of servers.toml has no list of {issuer}",
        "a certificate can be looked up only in the list of its authority",
        f"{_IN_SETTINGS} crl_file with the lists of all authorities of the chain",
        proven=True,
    )


def untrusted(issuer: str, settings: Ikev2Settings) -> list[Cause]:
    """No authority issued the chain."""
    lacks = "the authorities of this system lack"
    if settings.ca:
        lacks = "ca_file lacks"
    elif settings.secret:
        lacks = "the server has a certificate, and no ca_file is set with"
    return [
        Cause(
            f"{lacks} the authority {issuer}",
            "the chain of the server ends there",
            f"{_IN_SETTINGS} ca_file",
        ),
        Cause(
            "the server does not send the certificates between its own and the authority",
            "a chain must be whole",
            _LIST_CERTIFICATES,
        ),
    ]


def unnamed(identity: str) -> Cause:
    """The certificate lacks the server's own identity."""
    return Cause(
        f"the certificate of the server lacks {identity} among its names",
        "neither its subject nor an alternative name is that",
        _LIST_CERTIFICATES,
        proven=True,
    )


def bad_signature(subject: str) -> Cause:
    """The signature is of another key."""
    return Cause(
        f"the server has another private key than that of {subject}, or another machine answers in its place",
        "the signature of IKE_AUTH does not verify",
        _LIST_CERTIFICATES,
    )


def needs_authority() -> Cause:
    """The server has a certificate, and nothing here could verify one."""
    return Cause(
        "no ca_file is set with the preshared key, and the server proves itself by a certificate",
        "its proof is a signature",
        f"{_IN_SETTINGS} ca_file",
        proven=True,
    )


def useless_chain(detail: str) -> Cause:
    """The certificates of the server lead nowhere."""
    return Cause(
        f"the certificates of the server cannot be used: {detail}",
        "a client that verifies them refuses them too",
        _LIST_CERTIFICATES,
    )
