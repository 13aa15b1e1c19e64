"""Evidence about this machine's uplink, when too few servers are watched for the uplink guard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    GatewaySilent,
    NameUnresolved,
    OnlyServerWatched,
    Silence,
    WitnessProbed,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.monitor.uplink_guard import MIN_SILENT_SERVERS, is_silent, last_answer_time
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import Resolver
from wgmon_tui.net.witness_probe import does_answer

_SHARED_FOR_S = 1.0
"""How long one answer of the witness serves the servers that fall silent together."""


class UplinkEvidence:
    """Examines rounds of silence. One instance per process, for all of its servers."""

    def __init__(self, server_count: Callable[[], int]) -> None:
        """`server_count` returns how many servers are checked from here."""
        self.witness: Endpoint | None = None
        self._server_count = server_count
        self._answered_at = -inf
        self._silent_since: dict[str, float] = {}
        self._probe: asyncio.Task[bool] | None = None
        self._probe_ended = -inf
        self._resolver = Resolver()

    async def examine(self, name: str, checks: Sequence[Check]) -> tuple[Check, ...]:
        """Return the checks of a server, with evidence about the uplink if all of them are silent."""
        answers = [at for each in checks if (at := last_answer_time(each)) is not None]
        if answers:
            self._answered_at = max(answers)
            self._silent_since.pop(name, None)
            return tuple(checks)
        since = self._silent_since.setdefault(name, checks[0].started_at)
        if not all(_is_unexplained(each) for each in checks) or self._answered_at >= since:
            return tuple(checks)
        found = await self._ask()
        return tuple(replace(each, evidence=(*each.evidence, found)) if found else each for each in checks)

    def forget(self, name: str) -> None:
        """Forget a server that is paused or no longer watched."""
        self._silent_since.pop(name, None)

    async def _ask(self) -> WitnessProbed | OnlyServerWatched | None:
        if self.witness:
            return WitnessProbed(str(self.witness), await self._does_witness_answer(self.witness))
        return OnlyServerWatched() if self._server_count() < MIN_SILENT_SERVERS else None

    async def _does_witness_answer(self, witness: Endpoint) -> bool:
        """Probe the witness, once for all servers that fall silent together."""
        is_old = self._probe is None or (
            self._probe.done() and time.monotonic() - self._probe_ended > _SHARED_FOR_S
        )
        if self._probe is None or is_old:
            self._probe = asyncio.create_task(does_answer(witness, self._resolver), name="witness")
            self._probe.add_done_callback(self._end_probe)
        return await asyncio.shield(self._probe)

    def _end_probe(self, _: asyncio.Task[bool]) -> None:
        self._probe_ended = time.monotonic()


def _is_unexplained(check: Check) -> bool:
    """Return whether nothing came back and nothing on this machine explains why."""
    unanswered = first_of_kind(Silence, check.evidence) or first_of_kind(NameUnresolved, check.evidence)
    return bool(unanswered) and is_silent(check) and not first_of_kind(GatewaySilent, check.evidence)
