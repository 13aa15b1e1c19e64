"""Looks of the check engine: servers that are checked every few seconds while faults come and go."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from random import Random

from tests.real.matrix.models import Look
from tests.real.matrix.topology import Scene
from tests.real.namespaces import ip
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.targets import Target

_WITNESS_PORT = 9
"""Nothing listens there: a refusal is an answer too."""


class Watch:
    """An engine that checks a scene's server, and `servers` - 1 others.

    The others have identities and addresses of their own. It starts with the first look, so that the faults
    of that look change what it is told.
    """

    def __init__(self, made: Scene, servers: int, interval_s: float, *, witness: bool) -> None:
        self._made = made
        self._servers = servers
        self._interval_s = interval_s
        self._engine = Engine(made.prober, random=Random(1))
        self._engine.listen(self._note)
        if witness:
            self._engine.set_witness(Endpoint(str(made.path.server_address(4)), _WITNESS_PORT))
        self._running: asyncio.Task[None] | None = None
        self._events: list[IncidentEvent] = []
        self._has_news = asyncio.Event()

    async def look(self, look: Look) -> tuple[Round, tuple[str, ...]]:
        """Go on as long as a look lasts. Returns the last round, and what opened: server and verdict."""
        self._events.clear()
        if self._running is None:
            targets = _targets(self._made, self._servers, self._interval_s)
            ready = {each.server.name: each for each in targets}
            self._engine.watch([each.server for each in targets], ready, {})
            self._running = asyncio.create_task(self._engine.run())
        await self._watch_for(look)
        last = self._last_round()
        assert last
        opened = (each.incident for each in self._events if each.kind is EventKind.OPENED)
        return last, tuple(f"{each.server} {each.verdict.slug}" for each in opened)

    async def _watch_for(self, look: Look) -> None:
        ends_at = time.monotonic() + look.seconds
        while not self._last_round():  # a busy machine may need longer than the look for the first one
            self._has_news.clear()
            await self._has_news.wait()
        while (remaining := ends_at - time.monotonic()) > 0:
            last = self._last_round()
            if look.until_met and last and look.is_met(last.diagnosis.verdict):
                return
            self._has_news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._has_news.wait()

    def _last_round(self) -> Round | None:
        return self._engine.fleet_state.states[self._made.entry.name].last

    async def stop(self) -> None:
        """Stop checking; the sockets are closed on return."""
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _note(self, _: ServerState, __: Round | None, events: tuple[IncidentEvent, ...]) -> None:
        self._events.extend(events)
        self._has_news.set()


def _targets(made: Scene, servers: int, interval_s: float) -> list[Target]:
    # A soak would come at a random time and take most of a look, in which no other check ends.
    entry = replace(made.entry, interval=interval_s, tunnel_soak=0.0)
    targets = [Target(entry, made.private_key, made.preshared_key, made.tunnel_addresses)]
    first = made.path.server_address(4)
    for number in range(1, servers):
        ip(made.path.server, f"address add {first + number}/24 dev uplink")
        key = made.server.new_peer()
        endpoint = Endpoint(str(first + number), entry.endpoint.port)
        other: Server = replace(entry, name=f"real{number}", endpoint=endpoint, identity=f"tests{number}")
        targets.append(Target(other, key, tunnel_addresses=made.further_addresses(number)))
    return targets
