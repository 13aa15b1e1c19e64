"""Fresh check of one server for /probe. It goes through the engine, like the key `r` on the screen.

One prober uses the identity, and each server has at most one check at a time. The result is shown, counted
and stored like every other check. A request that arrives during a check gets the result of that check.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from math import inf

from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.rate_limits import TokenBucket

PROBES_PER_S = 50.0
"""Average limit of requested checks per second: a twentieth of what an engine can run."""

BURST = 100.0

FRESH_S = 1.0
"""A result no older than this is fresh: two Prometheus servers that probe the same server share it."""


class ProbeEndpoint:
    """Requests checks from an engine and waits for their results."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bucket = TokenBucket(PROBES_PER_S, BURST)
        self._pending: dict[str, asyncio.Future[None]] = {}
        self._ended_at: dict[str, float] = {}
        engine.listen(self._record_check)

    async def probe(self, name: str, timeout_s: float) -> bool:
        """Check a server of the fleet; False if the check takes longer than `timeout_s` seconds.

        Returns at once for a paused server, which is not checked. Raises RateLimitedError.
        """
        if (
            self._engine.fleet_state.states[name].paused
            or time.monotonic() - self._ended_at.get(name, -inf) < FRESH_S
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
            self._ended_at[name] = time.monotonic()
            self._pending.pop(name).set_result(None)

    def retain(self, servers: Collection[str]) -> None:
        """Forget all servers but these, and end the waits for the others."""
        for gone in self._ended_at.keys() - set(servers):
            del self._ended_at[gone]
        for gone in self._pending.keys() - set(servers):
            self._pending.pop(gone).set_result(None)
