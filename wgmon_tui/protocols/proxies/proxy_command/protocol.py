"""The protocol `proxy-command`."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.proxies.proxy_command.settings import NAME, SETTINGS
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol


class ProxyCommand(ProxyProtocol):
    """Fetches pages through a program of the user."""

    name, title = NAME, "Proxy by command"
    settings = SETTINGS

    def make_targets(self, servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
        """Join servers with their share links, if they have one."""
        from wgmon_tui.protocols.proxies.proxy_command.targets import join_servers

        return join_servers(servers, keyring)

    async def ask_naively(self, address: Address, port: int) -> str | None:
        """Nothing: the protocol may be one over TCP or over UDP."""
        return None


PROTOCOL = ProxyCommand()
