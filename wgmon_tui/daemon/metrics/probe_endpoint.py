"""A fresh check of one server, for whoever asks at /probe: through the engine, as `r` on the screen does it.

So there is one prober, one identity and one check of a server at a time, and what it finds is shown, counted
and kept like every other check. Who asks while a server is being checked gets the outcome of that check.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from math import inf

from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.text import format_rtt

PROBES_PER_S = 50.0
"""So many checks a second may be asked for, over time: a twentieth of what an engine makes."""

BURST = 100.0

FRESH_S = 1.0
"""An outcome no older than this is fresh: two Prometheus that ask for the same server share one."""


class RateLimitedError(Exception):
    """More checks are asked for than may be; `wait` is after how many seconds there is room."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"more than {PROBES_PER_S:g} probes a second; the next one in {format_rtt(wait)}")
        self.wait = wait


class TokenBucket:
    """A token bucket: so many a second over time, and so many at once."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._tokens, self._at = burst, clock()

    def take(self) -> None:
        """Take one. Raises RateLimitedError."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1:
            raise RateLimitedError((1 - self._tokens) / self._per_s)
        self._tokens -= 1


class ProbeEndpoint:
    """Asks an engine for checks, and hears what came of them."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._bucket = TokenBucket(PROBES_PER_S, BURST, clock)
        self._pending: dict[str, asyncio.Future[None]] = {}
        self._ended_at: dict[str, float] = {}
        engine.listen(self._record_check)

    async def probe(self, name: str, timeout_s: float) -> bool:
        """Have a server of the board checked; False where that is not over after `timeout_s` seconds.

        Nobody waits for one that is paused: it is not checked. Raises RateLimitedError.
        """
        if (
            self._engine.fleet_state.states[name].paused
            or self._clock() - self._ended_at.get(name, -inf) < FRESH_S
        ):
            return True
        finished = self._pending.get(name)
        if finished is None:
            self._bucket.take()
            finished = self._pending[name] = asyncio.get_running_loop().create_future()
        self._engine.recheck([name])
        await asyncio.wait([finished], timeout=timeout_s)
        return finished.done()

    def _record_check(
        self, server_state: ServerState, outcome: Round | None, _: tuple[IncidentEvent, ...]
    ) -> None:
        name = server_state.server.name
        if name in self._pending and (outcome or server_state.paused):
            self._ended_at[name] = self._clock()
            self._pending.pop(name).set_result(None)

    def retain(self, servers: Collection[str]) -> None:
        """Only these servers are still there: nobody waits for others any more."""
        for gone in self._ended_at.keys() - set(servers):
            del self._ended_at[gone]
        for gone in self._pending.keys() - set(servers):
            self._pending.pop(gone).set_result(None)
