"""Joins proxy servers with their share links."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.config.models import SecretForm, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import parse_link, write_link
from wgmon_tui.protocols.proxies.links.records import PROTOCOL_OF, ProxyLink, SocksLink, StreamLinkT
from wgmon_tui.protocols.proxies.settings import ProxySettings
from wgmon_tui.text import quoted

_KEY = "link"


@dataclass(frozen=True, slots=True)
class ProxyTarget(Generic[StreamLinkT]):
    """A proxy server and what its link says.

    The check connects to the endpoint of the server's entry. The entry is public and the link is a secret, so
    the link's own host never replaces it.
    """

    server: Server
    link: StreamLinkT = field(repr=False)

    @property
    def settings(self) -> ProxySettings:
        """The settings of the server's table."""
        settings = self.server.protocol_settings
        return settings if isinstance(settings, ProxySettings) else ProxySettings()

    @property
    def is_at_link(self) -> bool:
        """Whether the link names the endpoint of the entry. A link that changed since then does not."""
        return self.link.endpoint == self.server.endpoint

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """What the link says, without the name for people."""
        return (replace(self.link, name=""),)

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """A hash of what the link says."""
        if isinstance(self.link, SocksLink):
            return ()  # the program of the user has the link
        text = write_link(replace(self.link, name=""))
        return (f"link {hashlib.sha256(text.encode()).hexdigest()}",)

    def with_server(self, server: Server) -> ProxyTarget[StreamLinkT]:
        """The same link with a changed entry of the server."""
        return replace(self, server=server)

    def is_probed_as(self, check: Check) -> bool:
        """Whether a check of an earlier run used the same identity: there is only one."""
        return check.protocol == self.server.protocol


def join_servers(servers: Sequence[Server], keyring: Keyring) -> Targets:
    """Join servers with their links. A bad link excludes one server, never the fleet."""
    ready: dict[str, ProtocolTarget] = {}
    problems: dict[str, str] = {}
    for server in servers:
        secret = keyring.protocol_secrets.get(server.name, {}).get(_KEY)
        try:
            target: ProxyTarget[ProxyLink] = ProxyTarget(server, _read(server, secret))
            ready[server.name] = target
        except ShareLinkError as error:
            key = f"key {server.protocol}.{_key_of(server)}"
            problems[server.name] = f"servers.toml: server {quoted(server.name)}: {key}: {error}"
    return Targets(ready, problems)


def _read(server: Server, secret: bytes | None) -> ProxyLink:
    """The link of a server. Raises ShareLinkError."""
    if secret is None:
        raise ShareLinkError("missing; name the file that holds the share link")
    link = parse_link(secret.decode())
    protocol = PROTOCOL_OF[type(link)]
    if protocol != server.protocol or not isinstance(link, ProxyLink):
        raise ShareLinkError(f'it is a link of {protocol}; set protocol = "{protocol}", or another link')
    return link


def _key_of(server: Server) -> str:
    """The key that names the link, with its form."""
    settings = server.protocol_settings
    source = settings.link if isinstance(settings, ProxySettings) else None
    return f"{_KEY}{source.form.value if source else SecretForm.FILE.value}"
