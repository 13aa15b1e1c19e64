"""A check of a proxy in the namespace of the servers, as the program makes it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

from tests.busy_machine import play_again_if_starved
from tests.real.namespaces import entered
from tests.real.proxies.certificates import EXPIRED, NAME
from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.servers import FIRST_PAGE, SECOND_PAGE, certificate_of
from tests.real.server import SLOW_S
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.check import ProxyProber
from wgmon_tui.protocols.proxies.dialects import shifted_clock
from wgmon_tui.protocols.proxies.links.records import PROTOCOL_OF, ProxyLink
from wgmon_tui.protocols.proxies.proxy_protocol import ProxyProtocol
from wgmon_tui.protocols.proxies.settings import ProxySettings
from wgmon_tui.protocols.proxies.targets import ProxyTarget

TIMEOUT_S = 2.5
DEPTH = CheckDepth(explain=True)


def page(port: int, path: str = "/204") -> Url:
    """A page of the tests."""
    return Url(LOOPBACK, port, path)


@dataclass(frozen=True)
class Probing:
    """What is checked, and how deep."""

    link: ProxyLink
    fetch: Url = field(default_factory=lambda: page(FIRST_PAGE))
    status: int = 204
    second: Url = field(default_factory=lambda: page(SECOND_PAGE))
    depth: CheckDepth = DEPTH
    settings: ProxySettings = field(default_factory=ProxySettings)
    clock_shift_s: float = 0.0
    """By how much the clock of the prober is ahead."""

    def run(self, namespace: str) -> Round:
        """Check once, and again if this process had no processor meanwhile."""
        target = make_target(self)
        with entered(namespace):
            return play_again_if_starved(
                lambda: asyncio.run(self._check(target)), lambda _: True, lambda found: found.check.evidence
            )

    async def _check(self, target: ProxyTarget[ProxyLink]) -> Round:
        prober = make_prober(target, self.clock_shift_s)
        await prober.open()
        try:
            return await run_check_round(prober, target.server, target, self.depth)
        finally:
            await prober.close()


def make_target(probing: Probing) -> ProxyTarget[ProxyLink]:
    """The server, as servers.toml would have it, with its link."""
    link = probing.link
    settings = replace(
        probing.settings,
        fetch=probing.fetch,
        fetch_status=probing.status,
        fetch_second=HttpTarget(probing.second, 204),
        ca=tuple(certificate_of(name).as_setting for name in (NAME, EXPIRED)),
    )
    server = Server(
        name="proxy",
        endpoint=link.endpoint,
        protocol=PROTOCOL_OF[type(link)],
        protocol_settings=settings,
        timeout=TIMEOUT_S,
        slow=SLOW_S,
    )
    return ProxyTarget(server, link)


def make_prober(target: ProxyTarget[ProxyLink], clock_shift_s: float = 0.0) -> ProxyProber[ProxyLink]:
    """A prober of its protocol, whose clock is ahead."""
    protocol = find_protocol(target.server.protocol)
    assert isinstance(protocol, ProxyProtocol)
    return ProxyProber("local", protocol.make_dialect(), shifted_clock(time.time, clock_shift_s))
