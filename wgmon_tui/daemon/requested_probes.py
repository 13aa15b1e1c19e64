"""Rounds that one-shot commands request from the writer over the control socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace

from wgmon_tui.checks.protocol import ProtocolProber
from wgmon_tui.config.models import Server
from wgmon_tui.control.protocol import ControlRequest, Operation
from wgmon_tui.control.round_request import (
    RoundWithKeys,
    answer_not_here,
    answer_round,
    answer_round_with_keys,
    depth_from_words,
    run_with_keys,
    target_digest,
)
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.requested_rounds import NotCheckedHereError
from wgmon_tui.store.identity_lock import IdentityLocks
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_OTHER_ENTRY = "the running wgmon-tui has another entry or other keys for this server"


class RequestedProbes:
    """Answers the requests of one-shot commands with rounds of the engine."""

    def __init__(self, engine: Engine, timestamps: TimestampLedger) -> None:
        self._engine = engine
        self._timestamps = timestamps
        self._with_keys: set[asyncio.Task[RoundWithKeys]] = set()

    async def answer(self, request: ControlRequest) -> Mapping[str, object]:
        """Run a round and encode it. Raises RequestRefusedError."""
        if len(request.names) != 1:
            raise RequestRefusedError("a probe names one server")
        name, depth = request.names[0], depth_from_words(request.depth)
        target = self._engine.targets.get(name)
        if target is None or depth is None or target_digest(target) != request.digest:
            return answer_not_here(_OTHER_ENTRY)
        try:
            if request.operation is Operation.PROBE_WITH_KEYS:
                return answer_round_with_keys(await self._run_with_keys(target.server))
            outcome = await self._engine.request_round(name, depth)
            return await asyncio.to_thread(answer_round, outcome)
        except NotCheckedHereError as error:
            return answer_not_here(str(error))
        except OSError as error:
            raise RequestRefusedError(f"cannot open a socket: {error.strerror or error}") from None

    async def _run_with_keys(self, server: Server) -> RoundWithKeys:
        """Run to the end even if the client hangs up: the engine still uses the prober of this round."""
        task = asyncio.create_task(self._make_round_with_keys(server))
        self._with_keys.add(task)
        task.add_done_callback(self._finish)
        return await asyncio.shield(task)

    async def _make_round_with_keys(self, server: Server) -> RoundWithKeys:
        def run(prober: ProtocolProber) -> Awaitable[Round]:
            return self._engine.request_round(server.name, CheckDepth(), prober)

        locks = IdentityLocks(self._timestamps.directory)
        try:
            return await run_with_keys(
                run, server, replace(self._timestamps.services(), hold_identity=locks.hold)
            )
        finally:
            locks.close()

    def _finish(self, task: asyncio.Task[RoundWithKeys]) -> None:
        self._with_keys.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it after a hang-up
