"""The identity of a check, and what it expects of the server."""

from __future__ import annotations

import time
from ipaddress import ip_address

from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions
from wgmon_tui.protocols.ikev2.credentials import CertificateKey, SharedSecret
from wgmon_tui.protocols.ikev2.iana_numbers import IdType
from wgmon_tui.protocols.ikev2.identities import parse_identity
from wgmon_tui.protocols.ikev2.offers import child_request
from wgmon_tui.protocols.ikev2.system_authorities import system_authorities
from wgmon_tui.protocols.ikev2.targets import Ikev2Target
from wgmon_tui.protocols.ikev2.wire import Identification


def authentication_options(target: Ikev2Target) -> AuthenticationOptions:
    """How a check authenticates. The target has credentials."""
    credentials = target.credentials
    if credentials is None:
        raise ValueError("a target without credentials")
    authorities = target.authorities
    if not authorities and not isinstance(credentials, SharedSecret):
        authorities = system_authorities()
    child = child_request(target.settings)
    return AuthenticationOptions(
        credentials,
        _own_identity(target),
        _expected_identity(target),
        authorities,
        time.time(),
        child if target.server.tunnel else None,
        child,
        target.revocation_lists,
    )


def _own_identity(target: Ikev2Target) -> Identification:
    if target.local_id:
        return parse_identity(target.local_id)
    assert isinstance(target.credentials, CertificateKey)  # noqa: S101 - the settings require it of others
    subject = target.credentials.chain[0].subject
    return Identification(IdType.DISTINGUISHED_NAME, subject.public_bytes())


def _expected_identity(target: Ikev2Target) -> Identification | None:
    """That of servers.toml, else the host of the endpoint where the server has a certificate."""
    if target.settings.remote_id:
        return parse_identity(target.settings.remote_id)
    host = target.server.endpoint.host
    if isinstance(target.credentials, SharedSecret) and not target.authorities:
        return None
    try:
        return parse_identity(str(ip_address(host)))
    except ValueError:
        return parse_identity(host)
