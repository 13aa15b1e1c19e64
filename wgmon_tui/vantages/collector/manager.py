"""Manager of a writer's other vantages: one connection to each, and their status."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random

from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.report_numbers import ReportNumbers
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.store.formats.record_codec import Json, UnreadableValueError, codec_of
from wgmon_tui.vantages.collector.agent_limits import make_processor_pacer
from wgmon_tui.vantages.collector.connection import NOT_CONNECTED_YET, ReportHandler, VantageConnection

_UPDATE_INTERVAL_S = 1.0

_write_statuses, _read_statuses = codec_of(tuple[VantageStatus, ...])


class VantageManager:
    """Keeps a connection to each vantage while it runs. A failure of one does not affect the others."""

    def __init__(
        self,
        on_report: ReportHandler,
        on_disconnect: Callable[[str], None],
        wait_until_stored: Callable[[], Awaitable[None]],
        servers: Callable[[], Iterable[Server]],
        numbers: ReportNumbers,
    ) -> None:
        """`on_report` gets every report once and in order.

        `on_disconnect` gets the name of a vantage whose connection ended. `wait_until_stored` returns when
        all accepted reports are on disk; only then the agent may delete them. `servers` returns the servers
        to check; it is called every second. `numbers` knows what earlier runs accepted.
        """
        self._on_report, self._on_disconnect, self._wait_until_stored, self._numbers = (
            on_report,
            on_disconnect,
            wait_until_stored,
            numbers,
        )
        self._servers = servers
        self._random = Random()  # noqa: S311 - retry jitter, not a secret
        self._processor = make_processor_pacer()
        self._configured: tuple[Vantage, ...] = ()
        self._servers_sent: tuple[Server, ...] = ()
        self._connections: dict[str, VantageConnection] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def watch(self, vantages: Iterable[Vantage]) -> None:
        """Set the vantages to use from now on."""
        self._configured = tuple(vantages)

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers from every vantage now."""
        names = tuple(names)
        for connection in self._connections.values():
            connection.recheck(names)

    @property
    def statuses(self) -> tuple[VantageStatus, ...]:
        """The status of each vantage, in the order of config.toml."""
        connections = (self._connections.get(vantage.name) for vantage in self._configured)
        return tuple(connection.status for connection in connections if connection)

    @property
    def refused_reports(self) -> dict[str, int]:
        """The number of reports of each vantage that were above the limits, since the connection began."""
        return {name: connection.limits.refused_reports for name, connection in self._connections.items()}

    @property
    def troubles(self) -> tuple[str, ...]:
        """The problems of the vantages and of the connections to them, one line each."""
        return tuple(
            f"vantage {status.name}: {status.trouble}"
            for status in self.statuses
            if status.trouble not in ("", NOT_CONNECTED_YET)
        )

    async def run(self) -> None:
        """Run until cancelled. Raises any internal error of a connection."""
        try:
            while True:
                await self._reconcile_connections()
                self._send_servers()
                await asyncio.sleep(_UPDATE_INTERVAL_S)
        finally:
            await self._stop(tuple(self._running))

    async def _reconcile_connections(self) -> None:
        """Start and stop connections to match the current config.toml."""
        configured = {vantage.name: vantage for vantage in self._configured}
        await self._stop(
            [
                name
                for name, connection in self._connections.items()
                if configured.get(name) != connection.vantage
            ]
        )
        for name, vantage in configured.items():
            if name not in self._connections:
                connection = VantageConnection(
                    vantage,
                    self._on_report,
                    self._on_disconnect,
                    self._wait_until_stored,
                    self._numbers,
                    self._random,
                    self._processor,
                )
                connection.watch(self._servers_sent)
                self._connections[name] = connection
                self._running[name] = asyncio.create_task(connection.run(), name=f"vantage {name}")
        for task in self._running.values():
            if task.done():
                task.result()

    def _send_servers(self) -> None:
        if not self._connections:
            return
        servers = tuple(self._servers())
        if servers != self._servers_sent:
            self._servers_sent = servers
            for connection in self._connections.values():
                connection.watch(servers)

    async def _stop(self, names: Iterable[str]) -> None:
        stopping = [self._running.pop(name) for name in names]
        for name in names:
            del self._connections[name]
        for task in stopping:
            task.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)


def statuses_as_json(statuses: tuple[VantageStatus, ...]) -> Json:
    """Encode statuses for the control socket."""
    return _write_statuses(statuses)


def statuses_from_json(raw: Json) -> tuple[VantageStatus, ...]:
    """Decode a writer's statuses; empty if another version uses another format."""
    try:
        statuses: tuple[VantageStatus, ...] = _read_statuses(raw)
    except UnreadableValueError:
        return ()
    return statuses
