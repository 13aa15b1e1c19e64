"""The probers of all protocols that a fleet uses, behind the interface of one."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import SocketError
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.checks.protocol import (
    PortNamingProber,
    ProbeServices,
    ProtocolProber,
    ProtocolTarget,
    TracingProber,
)
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address


class FleetProber:
    """Gives each server to the prober of its protocol, which it makes with the first such server."""

    def __init__(self, services: ProbeServices) -> None:
        self.vantage = services.vantage
        self._services = services
        self._probers: dict[str, ProtocolProber] = {}
        self._opened: set[str] = set()
        self._opening = asyncio.Lock()
        self._is_open = False

    def expect(self, servers: Iterable[Server]) -> None:
        """Make the probers of these servers, so that `open` opens them."""
        for protocol in {each.protocol for each in servers}:
            with suppress(UnknownProtocolError):  # such a server has no target
                self._prober_of(_owner_of(protocol))

    async def open(self) -> None:
        """Open all expected probers. Raises OSError if this machine cannot send at all."""
        for protocol in tuple(self._probers):
            await self._open_prober(protocol)
        self._is_open = True

    async def close(self) -> None:
        """Close all probers."""
        self._is_open = False
        self._opened.clear()
        for prober in self._probers.values():
            await prober.close()

    async def check_all(
        self,
        target: ProtocolTarget,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Check each address of a server. Raises OSError without a socket, if `open` did not come before."""
        server = target.server
        try:
            prober = await self._open_prober(_owner_of(server.protocol))
        except OSError as error:
            if not self._is_open:
                raise
            name = errno.errorcode.get(error.errno or 0, "EIO")
            return (make_unsent_check(server, self.vantage, name),)
        return await prober.check_all(target, deep=deep, explain=explain, soak=soak, on_soak=on_soak)

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Restore what an earlier run knew of a server's name."""
        self._prober_of(_owner_of(server.protocol)).restore(server, checks)

    async def trace_path(
        self, target: ProtocolTarget, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError, and OSError without a socket."""
        protocol = target.server.protocol
        prober = await self._open_prober(_owner_of(protocol))
        if not isinstance(prober, TracingProber):
            raise TraceRefusedError(f"{find_protocol(protocol).title} servers cannot be traced")
        return await prober.trace_path(target, options, on_progress)

    def port_for(self, server: Server, address: Address) -> int | None:
        """The source port of the checks of a server towards an address; None if its prober keeps none."""
        prober = self._prober_of(_owner_of(server.protocol))
        return prober.port_for(address) if isinstance(prober, PortNamingProber) else None

    def _prober_of(self, protocol: str) -> ProtocolProber:
        prober = self._probers.get(protocol)
        if prober is None:
            prober = self._probers[protocol] = find_protocol(protocol).make_prober(self._services)
        return prober

    async def _open_prober(self, protocol: str) -> ProtocolProber:
        prober = self._prober_of(protocol)
        if protocol not in self._opened:
            async with self._opening:
                if protocol not in self._opened:
                    await prober.open()
                    self._opened.add(protocol)
        return prober


def make_unsent_check(server: Server, vantage: str, error: str) -> Check:
    """A check for which this machine could send nothing. `error` is the name that SocketError takes."""
    why = SocketError(0.0, error)
    return Check(
        server.name, vantage, server.endpoint, None, time.time(), None, (why,), protocol=server.protocol
    )


def _owner_of(protocol: str) -> str:
    """The protocol whose prober checks the servers of a protocol."""
    return find_protocol(protocol).prober_of or protocol
