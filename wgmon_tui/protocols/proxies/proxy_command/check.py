"""The prober of `proxy-command`: runs the program, and fetches through its port as through any proxy."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.stage import REACH
from wgmon_tui.config.value_parsers import is_ipv4, is_ipv6
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.protocols.proxies.check import ProxyProber
from wgmon_tui.protocols.proxies.findings import CONNECTION, first_of
from wgmon_tui.protocols.proxies.links.records import AnyLink, ShadowsocksLink, SocksLink
from wgmon_tui.protocols.proxies.program_config import LocalPort
from wgmon_tui.protocols.proxies.proxy_command.dialect import SocksDialect
from wgmon_tui.protocols.proxies.proxy_command.program import LOOPBACK, ProgramError, run_program
from wgmon_tui.protocols.proxies.proxy_command.settings import NAME
from wgmon_tui.protocols.proxies.proxy_command.targets import CommandTarget
from wgmon_tui.protocols.proxies.targets import ProxyTarget

PROGRAM = "program"
"""Evidence: why the program does not run."""

_MOST_PROGRAMS = 4
"""Programs that run at the same time."""

_AT_ONCE_S = 0.2
_WARM_UP_S = (0.1, 0.3, 0.6)
"""Waits before a check is repeated. mihomo listens some milliseconds before it takes connections."""


class CommandProber(AddressProber[CommandTarget]):
    """Checks servers through programs of the user, a fresh one for each check."""

    def __init__(self, vantage: str) -> None:
        super().__init__(vantage)
        self._inner = ProxyProber(vantage, SocksDialect())
        self._turns = asyncio.Semaphore(_MOST_PROGRAMS)

    async def check_address(self, asked: AddressCheck[CommandTarget]) -> Check:
        """Fetch through the program."""
        target = asked.target
        link = at_address(target.link, asked.address) if target.link else None
        async with self._turns:
            try:
                async with run_program(target.settings, link) as local:
                    check = await self._check_behind(_behind(asked, local))
            except ProgramError as error:
                return self.make_check(
                    asked.server, asked.address, ProtocolEvidence(NAME, PROGRAM, (str(error),))
                )
        # The connection to the program says nothing about the server.
        stages = tuple(each for each in check.stages if each.name != REACH)
        endpoint = asked.server.endpoint
        return replace(check, endpoint=endpoint, address=asked.address, exchange=(), stages=stages)

    async def _check_behind(self, asked: AddressCheck[ProxyTarget[SocksLink]]) -> Check:
        """Check through the program. What it closes at once is repeated: it may listen before it is ready."""
        check = await self._inner.check_address(asked)
        for wait_s in _WARM_UP_S:
            if not _is_closed_at_once(check):
                break
            await asyncio.sleep(wait_s)
            check = await self._inner.check_address(asked)
        return check


def _is_closed_at_once(check: Check) -> bool:
    connection = first_of(CONNECTION, check.evidence)
    if connection is None or connection.at is None:
        return False
    return connection.values[0] in ("closed", "reset") and connection.at < _AT_ONCE_S


def _behind(asked: AddressCheck[CommandTarget], local: LocalPort) -> AddressCheck[ProxyTarget[SocksLink]]:
    """The check of the program's port instead of the server's."""
    endpoint = Endpoint(LOOPBACK, local.port)
    link = SocksLink(endpoint, local.user, local.password)
    target = ProxyTarget(replace(asked.server, endpoint=endpoint), link)
    return AddressCheck(target, IPv4Address(LOOPBACK), asked.is_deep, False, asked.soak)


def at_address(link: AnyLink, address: Address) -> AnyLink:
    """The link to one address of its host. The host stays as the name in TLS, unless the link has one."""
    host = link.endpoint.host
    moved = replace(link, endpoint=Endpoint(str(address), link.endpoint.port))
    if isinstance(moved, ShadowsocksLink) or moved.tls is None or moved.tls.server_name:
        return moved
    if is_ipv4(host) or is_ipv6(host):
        return moved
    return replace(moved, tls=replace(moved.tls, server_name=host))
