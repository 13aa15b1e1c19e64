"""Fetches of one check: through the proxy, with something changed, and without the proxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Generic

from wgmon_tui.checks.check import Direction, Packet
from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.net.resolver import ResolutionError, Resolver
from wgmon_tui.protocols.proxies.dialects import Clock, Dialect, Trial, shifted_clock
from wgmon_tui.protocols.proxies.flow_soak import FlowSoak
from wgmon_tui.protocols.proxies.link_layers import (
    OUTER_TLS,
    destination_of,
    find_secrets,
    make_outer_layers,
    make_page_layers,
    tls_of,
)
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.page_fetch import PageFetch, PageFetcher
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer
from wgmon_tui.protocols.proxies.targets import ProxyTarget
from wgmon_tui.protocols.proxies.tls_layer import TlsLayer, make_context

_MOST_PACKETS = 32
_MOST_BYTES = 2048
_LEAST_WAIT_S = 2.0
"""A soak waits so long at least: TCP has sent a lost segment again by then."""


class ProxyFetches(Generic[StreamLinkT]):
    """Makes the fetches of a check of one address, and keeps the packets of the first one."""

    def __init__(
        self,
        target: ProxyTarget[StreamLinkT],
        dialect: Dialect[StreamLinkT],
        address: Address,
        resolver: Resolver,
        unix_time: Clock = time.time,
    ) -> None:
        self.target, self.dialect, self.address = target, dialect, address
        self.exchange: list[Packet] = []
        self.fetcher: PageFetcher | None = None
        """The first fetch through the proxy."""
        self.unix_time = unix_time
        self._resolver = resolver
        self._began = time.monotonic()
        self._hides_sent = dialect.has_readable_secret and tls_of(target.link) is None
        self._hidden = find_secrets(target.link)

    @property
    def timeout_s(self) -> float:
        """How long an answer may take."""
        return self.target.server.timeout

    async def fetch(self, page: HttpTarget) -> PageFetch:
        """Fetch a page through the proxy. The first one logs its packets."""
        layers = await self._make_layers(page, Trial("", "", self.target.link))
        log = self._log if self.fetcher is None else None
        fetcher = PageFetcher(page, layers, timeout_s=self.timeout_s, log=log)
        self.fetcher = self.fetcher or fetcher
        return await fetcher.run(self.address, self.target.server.endpoint.port)

    async def try_out(self, page: HttpTarget, trial: Trial[StreamLinkT], timeout_s: float) -> PageFetch:
        """Fetch a page with something changed."""
        layers = await self._make_layers(page, trial)
        fetcher = PageFetcher(page, layers, timeout_s=timeout_s)
        return await fetcher.run(self.address, self.target.server.endpoint.port)

    async def ask_endpoint(self, timeout_s: float) -> PageFetch:
        """Ask the endpoint itself for a page, as a browser asks a web server."""
        endpoint = self.target.server.endpoint
        page = HttpTarget(Url(str(endpoint.host), endpoint.port, "/"))
        return await PageFetcher(page, [], timeout_s=timeout_s).run(self.address, endpoint.port)

    async def is_answered_with_tls(self, timeout_s: float) -> bool:
        """Whether the endpoint answers a ClientHello. Its certificate says nothing here."""
        endpoint = self.target.server.endpoint
        context = await asyncio.to_thread(make_context, is_verified=False)
        layer = TlsLayer(OUTER_TLS, context, str(endpoint.host))
        page = HttpTarget(Url(str(endpoint.host), endpoint.port, "/"))
        found = await PageFetcher(page, [layer], timeout_s=timeout_s).run(self.address, endpoint.port)
        return layer.is_open or found.layer_fault == "alert"

    async def soak(
        self, page: HttpTarget, on_progress: Callable[[SoakProgress], None]
    ) -> tuple[Soak, FlowCut | None]:
        """Send many requests on one connection."""
        layers = await self._make_layers(page, Trial("", "", self.target.link))
        soak = FlowSoak(page, layers, max(self.timeout_s, _LEAST_WAIT_S), on_progress)
        return await soak.run(self.address, self.target.server.endpoint.port)

    async def fetch_directly(self, page: HttpTarget) -> PageFetch:
        """Fetch a page without the proxy."""
        address = page.known_address
        if address is None:
            try:
                found = await self._resolver.resolve(Endpoint(page.url.host, page.url.port), self.timeout_s)
            except ResolutionError as error:
                return PageFetch("unresolved", reason=str(error))
            address = found[0]
        layers = await asyncio.to_thread(make_page_layers, page)
        try:
            fetcher = PageFetcher(page, layers, timeout_s=self.timeout_s)
            return await fetcher.run(address, page.url.port)
        except OSError as error:
            return PageFetch("unreachable", reason=error.strerror or "")

    async def outer_layers(
        self, link: StreamLinkT, *, is_verified: bool = True, clock_shift_s: float = 0.0
    ) -> Sequence[StreamLayer]:
        """TLS and transport below the proxy protocol."""
        ca, clock = self.target.settings.ca, shifted_clock(self.unix_time, clock_shift_s)
        return await asyncio.to_thread(make_outer_layers, link, ca, clock, is_verified=is_verified)

    async def _make_layers(self, page: HttpTarget, trial: Trial[StreamLinkT]) -> list[StreamLayer]:
        outer = await self.outer_layers(trial.link, clock_shift_s=trial.clock_shift_s)
        clock = shifted_clock(self.unix_time, trial.clock_shift_s)
        stream = self.dialect.make_stream(trial.link, destination_of(page), clock)
        return [*outer, stream, *await asyncio.to_thread(make_page_layers, page)]

    def _log(self, direction: Direction, data: bytes) -> None:
        """Keep the bytes of the connection, without what of the link can be read in them."""
        if len(self.exchange) >= _MOST_PACKETS:
            return
        shown = data[:_MOST_BYTES]
        for secret in self._hidden:
            shown = shown.replace(secret, bytes(len(secret)))
        if self._hides_sent and direction is Direction.SENT:
            shown = bytes(len(shown))
        self.exchange.append(Packet(time.monotonic() - self._began, direction, shown))
