"""Joins servers of `proxy-command` with their share links."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.config.models import Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import parse_link, write_link
from wgmon_tui.protocols.proxies.links.records import AnyLink
from wgmon_tui.protocols.proxies.proxy_command.settings import CommandSettings
from wgmon_tui.text import quoted

_KEY = "link"


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """A server, and its link; None if the command has a configuration of its own."""

    server: Server
    link: AnyLink | None = field(default=None, repr=False)

    @property
    def settings(self) -> CommandSettings:
        """The settings of the server's table."""
        settings = self.server.protocol_settings
        return settings if isinstance(settings, CommandSettings) else CommandSettings()

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """What the link says, without the name for people, and the command."""
        return (replace(self.link, name="") if self.link else None, self.settings.command)

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """A hash of what the link says."""
        text = write_link(replace(self.link, name="")) if self.link else ""
        return (f"link {hashlib.sha256(text.encode()).hexdigest()}",)

    def with_server(self, server: Server) -> CommandTarget:
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
        target = CommandTarget(server)
        secret = keyring.protocol_secrets.get(server.name, {}).get(_KEY)
        if problem := target.settings.problem:
            problems[server.name] = (
                f"servers.toml: server {quoted(server.name)}: key {server.protocol}.port: {problem}"
            )
            continue
        try:
            if secret is not None:
                target = replace(target, link=_at_endpoint(parse_link(secret.decode()), server))
            elif not target.settings.port:
                raise ShareLinkError("missing; name the file that holds the share link")
        except ShareLinkError as error:
            problems[server.name] = (
                f"servers.toml: server {quoted(server.name)}: key {server.protocol}.{_KEY}_file: {error}"
            )
            continue
        ready[server.name] = target
    return Targets(ready, problems)


def _at_endpoint(link: AnyLink, server: Server) -> AnyLink:
    """The link with the endpoint of the entry, which is where the check connects to."""
    return replace(link, endpoint=server.endpoint)
