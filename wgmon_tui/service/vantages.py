"""The other vantages of a writer: a line to each, and how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random

from wgmon_tui.fleet.records import Server
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.history.codec import ForeignError, Json, form_of
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.service.vantage_line import NOT_YET, Take, VantageLine

_LOOK_EVERY_S = 1.0

_write_statuses, _read_statuses = form_of(tuple[VantageStatus, ...])


class Vantages:
    """Keeps a line to each vantage while it runs; a fault of one is none of the others."""

    def __init__(
        self,
        take: Take,
        lost: Callable[[str], None],
        kept: Callable[[], Awaitable[None]],
        servers: Callable[[], Iterable[Server]],
        *,
        taken_to: Callable[[str, str], int] = lambda _vantage, _epoch: 0,
    ) -> None:
        """`take` is given every report once and in order, `lost` the name of a vantage whose line was cut.

        `kept` ends when what was taken lies on the disk; only then the agent may forget it. `servers` are
        those to be checked now, asked for every second. `taken_to` is the last number that an earlier run
        has taken of a vantage's epoch.
        """
        self._take, self._lost, self._kept, self._taken_to = take, lost, kept, taken_to
        self._servers = servers
        self._random = Random()  # noqa: S311 - when to try again, no secret
        self._wanted: tuple[Vantage, ...] = ()
        self._told: tuple[Server, ...] = ()
        self._lines: dict[str, VantageLine] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def watch(self, vantages: Iterable[Vantage]) -> None:
        """These are the vantages from now on."""
        self._wanted = tuple(vantages)

    def recheck(self, names: Iterable[str]) -> None:
        """Have these servers checked everywhere now."""
        names = tuple(names)
        for line in self._lines.values():
            line.recheck(names)

    @property
    def statuses(self) -> tuple[VantageStatus, ...]:
        """How each is, in the order of config.toml."""
        lines = (self._lines.get(vantage.name) for vantage in self._wanted)
        return tuple(line.status for line in lines if line)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What keeps one of them from checking, or us from hearing of it, each in one line."""
        return tuple(
            f"vantage {status.name}: {status.trouble}"
            for status in self.statuses
            if status.trouble not in ("", NOT_YET)
        )

    async def run(self) -> None:
        """Until cancelled. Raises what a fault of this program raises in a line."""
        try:
            while True:
                await self._see_to_lines()
                self._tell_servers()
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await self._end(tuple(self._running))

    async def _see_to_lines(self) -> None:
        """Begin and end lines, so that there is one to each vantage as config.toml says it now."""
        wanted = {vantage.name: vantage for vantage in self._wanted}
        await self._end([name for name, line in self._lines.items() if wanted.get(name) != line.vantage])
        for name, vantage in wanted.items():
            if name not in self._lines:
                line = VantageLine(vantage, self._take, self._lost, self._kept, self._taken_to, self._random)
                line.watch(self._told)
                self._lines[name] = line
                self._running[name] = asyncio.create_task(line.run(), name=f"vantage {name}")
        for task in self._running.values():
            if task.done():
                task.result()

    def _tell_servers(self) -> None:
        if not self._lines:
            return
        servers = tuple(self._servers())
        if servers != self._told:
            self._told = servers
            for line in self._lines.values():
                line.watch(servers)

    async def _end(self, names: Iterable[str]) -> None:
        ending = [self._running.pop(name) for name in names]
        for name in names:
            del self._lines[name]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


def statuses_as_json(statuses: tuple[VantageStatus, ...]) -> Json:
    """As the control socket tells viewers of them."""
    return _write_statuses(statuses)


def statuses_from_json(told: Json) -> tuple[VantageStatus, ...]:
    """What a writer told; none where another version tells it in another way."""
    try:
        statuses: tuple[VantageStatus, ...] = _read_statuses(told)
    except ForeignError:
        return ()
    return statuses
