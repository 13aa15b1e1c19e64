"""Checks new servers until they are up, or until it is clear why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from wgmon_tui.checks.protocol import Targets
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.cli.add_attempts import AttemptLog
from wgmon_tui.cli.loading import explained_socket_errors, read_witness
from wgmon_tui.cli.progress import Progress, progress_line
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import FEW, format_list

_BETWEEN_CHECKS_S = 1.0
_CHECK_TIMEOUT_S = 2.0
"""A check repeats its initiation after half of its timeout: a server that learns the key answers at once."""

_CHECKS_AT_ONCE = 32
_SURE_AFTER = 3
"""Equal results in a row that end the wait. Silence does not: the line may be typed any moment."""

_QUICK = CheckDepth()
_FULL = CheckDepth(deep=True, explain=True)


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """The directories, and the longest wait in seconds."""

    config: Path
    state: Path
    limit_s: float


async def wait_until_up(
    fleet: Fleet,
    keyring: Keyring,
    names: Sequence[str],
    timestamps: TimestampLedger,
    options: WaitOptions,
    attempts: AttemptLog,
) -> dict[str, Round]:
    """Check these servers until each is up, or its wait is over. Raises ConfigurationError without a socket.

    The last check of each is a full one: its diagnosis is the result.
    """
    targets = join(fleet, keyring)
    servers = [server for name in names if (server := fleet.server(name))]
    async with AsyncExitStack() as stack:
        progress = stack.enter_context(progress_line("add", is_parallel=True))
        witness = read_witness(options.config, progress.show)
        with explained_socket_errors():
            rounds = await stack.enter_async_context(
                OneShotRounds(options.state, timestamps, progress.show, witness=witness)
            )
        deadline = time.monotonic() + options.limit_s
        progress.ends_at(deadline)
        waiting = _Waiting(rounds, targets, progress, attempts, deadline)
        return await waiting.run(servers)


class _Waiting:
    """The wait for some servers, with the line that shows how far it is."""

    def __init__(
        self,
        rounds: OneShotRounds,
        targets: Targets,
        progress: Progress,
        attempts: AttemptLog,
        deadline: float,
    ) -> None:
        self._rounds, self._targets = rounds, targets
        self._progress, self._attempts, self._deadline = progress, attempts, deadline
        self._doing: dict[str, str] = {}
        """What is happening to each server that is not done."""
        self._count = 0
        self._slots = asyncio.Semaphore(_CHECKS_AT_ONCE)

    async def run(self, servers: Sequence[Server]) -> dict[str, Round]:
        """The result of each server."""
        self._count = len(servers)
        self._doing = {each.name: "first check" for each in servers}
        self._show()
        async with asyncio.TaskGroup() as group:
            tasks = {each.name: group.create_task(self._wait_for(each)) for each in servers}
        return {name: task.result() for name, task in tasks.items()}

    async def _wait_for(self, server: Server) -> Round:
        doing = "looking for the cause"
        in_a_row, last = 0, None
        while time.monotonic() < self._deadline:
            outcome = await self._check(server, _QUICK)
            verdict = outcome.diagnosis.verdict
            if outcome.check.handshake is not None:
                doing = "the handshake works, testing the data path"
                self._attempts.note_handshake(server.name)
                break
            in_a_row = in_a_row + 1 if verdict is last else 1
            last = verdict
            if verdict is not Verdict.SILENT and in_a_row >= _SURE_AFTER:
                break
            left_s = max(0.0, self._deadline - time.monotonic())
            self._attempts.note_failure(server.name, outcome.diagnosis, left_s, _SURE_AFTER - in_a_row)
            self._note(server, f"{verdict.slug}, trying again")
            await asyncio.sleep(min(_BETWEEN_CHECKS_S, left_s))
        self._note(server, doing)
        full = await self._check(server, _FULL)
        del self._doing[server.name]
        self._show()
        return full

    async def _check(self, server: Server, depth: CheckDepth) -> Round:
        target = self._targets.ready.get(server.name)
        problem = self._targets.problems.get(server.name, "")
        async with self._slots:
            with explained_socket_errors():
                if target and (known := await self._rounds.run_when_known(target, depth)):
                    return known
                if depth is _QUICK:
                    server = replace(server, timeout=min(server.timeout, _CHECK_TIMEOUT_S))
                    target = target and target.with_server(server)
                return await self._rounds.run_here(server, target, depth, problem=problem)

    def _note(self, server: Server, doing: str) -> None:
        self._doing[server.name] = doing
        self._show()

    def _show(self) -> None:
        if self._count == 1:
            self._progress.show("; ".join(f"{name}: {doing}" for name, doing in self._doing.items()))
            return
        waiting = format_list((f"{name} ({doing})" for name, doing in self._doing.items()), most=FEW)
        self._progress.count(self._count - len(self._doing), self._count, "server", f"done; {waiting}")
