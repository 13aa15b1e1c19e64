"""Joins IKEv2 servers with their credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, CertificateRevocationList

    from wgmon_tui.protocols.ikev2.credentials import Credentials

_NEEDS = 'IKEv2 needs the package cryptography; type: pip install "wgmon-tui[vpn]"'


@dataclass(frozen=True, slots=True)
class Ikev2Target(ServerTarget):
    """A server with its credentials.

    `local_id` is empty if it is the subject of the certificate. `authorities` is empty if those of the system
    count. `credentials` is None if only SA_INIT is checked.
    """

    credentials: Credentials | None = field(default=None, repr=False)
    authorities: tuple[Certificate, ...] = field(default=(), repr=False)
    revocation_lists: tuple[CertificateRevocationList, ...] = field(default=(), repr=False)

    @property
    def settings(self) -> Ikev2Settings:
        """The settings of the server."""
        settings = self.server.protocol_settings
        return settings if isinstance(settings, Ikev2Settings) else Ikev2Settings()

    @property
    def local_id(self) -> str:
        """The identity of the checks."""
        return self.settings.local_id or self.settings.eap_user

    @property
    def may_authenticate(self) -> bool:
        """Whether a check may go beyond SA_INIT: no real client has the identity."""
        return self.credentials is not None and self.settings.dedicated

    def with_server(self, server: Server) -> Ikev2Target:
        """The same secrets with a changed entry of the server."""
        return replace(self, server=server)


def join_servers(servers: Sequence[Server], secrets: Mapping[str, Mapping[str, bytes]]) -> Targets:
    """Join servers with their secrets, by server and attribute. A bad one excludes one server only."""
    try:
        from wgmon_tui.protocols.ikev2.credentials import CredentialsError
    except ImportError:
        return Targets({}, {each.name: f'server "{each.name}": {_NEEDS}' for each in servers})
    ready: dict[str, Ikev2Target] = {}
    problems: dict[str, str] = {}
    for server in servers:
        try:
            ready[server.name] = _join(server, secrets.get(server.name, {}))
        except CredentialsError as error:
            problems[server.name] = f'servers.toml: server "{server.name}": ikev2: {error}'
    return Targets(ready, problems)


def _join(server: Server, secrets: Mapping[str, bytes]) -> Ikev2Target:
    """Raises CredentialsError."""
    _check_identities(server)
    from wgmon_tui.protocols.ikev2.credentials import (
        EapPassword,
        SharedSecret,
        parse_certificate_key,
        parse_certificates,
        parse_revocation_lists,
    )

    target = Ikev2Target(server, secrets)
    credentials: Credentials | None = None
    if secret := secrets.get("secret"):
        credentials = SharedSecret(secret)
    elif (chain := secrets.get("certificate")) and (key := secrets.get("key")):
        credentials = parse_certificate_key(chain, key)
    elif password := secrets.get("eap_password"):
        credentials = EapPassword(target.settings.eap_user, password.decode())
    ca, crl = secrets.get("ca"), secrets.get("crl")
    return replace(
        target,
        credentials=credentials,
        authorities=parse_certificates(ca, "ca") if ca else (),
        revocation_lists=parse_revocation_lists(crl) if crl else (),
    )


def _check_identities(server: Server) -> None:
    """Raises CredentialsError for an identity that cannot be sent."""
    from wgmon_tui.protocols.ikev2.credentials import CredentialsError
    from wgmon_tui.protocols.ikev2.identities import InvalidIdentityError, parse_identity

    settings = server.protocol_settings
    for key in ("local_id", "remote_id"):
        if text := getattr(settings, key, ""):
            try:
                parse_identity(text)
            except InvalidIdentityError as error:
                raise CredentialsError(f"{key}: {error}, got {quoted(text)}") from None
