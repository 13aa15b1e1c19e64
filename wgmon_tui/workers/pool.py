"""The workers of a writer, behind the interface of a prober: the engine does not know that there are any."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from wgmon_tui import __version__
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.config.keys import NO_PUBLIC_KEY
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.shard import find_owner
from wgmon_tui.control.worker_status import WorkerStatus
from wgmon_tui.store.clock_guard import ClockBelief
from wgmon_tui.store.identity_lock import slot_of
from wgmon_tui.workers.messages import FleetAssignment, WorkerSetup, encode_setup
from wgmon_tui.workers.worker_process import WorkerProcess, list_servers
from wgmon_tui.workers.worker_records import WorkerOutlets


class WorkerPool:
    """Gives each server to one worker process, always the same one.

    Servers that share a place of the identity lock belong to one worker, so that workers never wait for each
    other there. Servers with one public key do: one worker keeps the handshakes with a peer apart.
    """

    vantage = "local"

    def __init__(
        self,
        size: int,
        state_dir: Path,
        *,
        group: bytes,
        known_stamps: dict[bytes, int],
        read_belief: Callable[[], ClockBelief],
        outlets: WorkerOutlets,
    ) -> None:
        """`group` and `known_stamps` are for the timestamp ledgers of the workers (see TimestampLedger)."""
        self._state_dir = state_dir.absolute()
        self._group, self._known_stamps, self._read_belief = group, known_stamps, read_belief
        self._workers = tuple(
            WorkerProcess(number, self._make_setup, self.vantage, outlets) for number in range(1, size + 1)
        )
        self._owners: dict[str, WorkerProcess] = {}
        self._assignment: FleetAssignment | None = None
        self._encoding: asyncio.Task[None] | None = None
        self._running: list[asyncio.Task[None]] = []

    # The interface of a prober

    async def open(self) -> None:
        """Start all workers. Raises OSError if one of them cannot send at all."""
        loop = asyncio.get_running_loop()
        started: list[asyncio.Future[None]] = [loop.create_future() for _ in self._workers]
        for worker, each in zip(self._workers, started, strict=True):
            task = asyncio.create_task(worker.keep_running(each), name=f"worker {worker.number}")
            task.add_done_callback(partial(_pass_fault_on, each))
            self._running.append(task)
        self._encode()
        await asyncio.gather(*started)

    async def close(self) -> None:
        """End all workers."""
        tasks = [*self._running, *([self._encoding] if self._encoding else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def check_all(
        self,
        target: ProtocolTarget,
        *,
        deep: bool = False,
        explain: bool = False,
        soak: bool = False,
        on_soak: Callable[[SoakProgress], None] = ignore_progress,
    ) -> tuple[Check, ...]:
        """Let the worker of a server check it."""
        server = target.server
        worker = self._worker_of(server)
        return await worker.check(server, deep=deep, explain=explain, soak=soak, on_soak=on_soak)

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Restore what an earlier run knew of a server's name, when its worker starts."""
        self._worker_of(server).answered.setdefault(server.name, tuple(checks))

    async def trace_path(
        self, target: ProtocolTarget, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Let the worker of a server trace the path to it. Raises TraceRefusedError."""
        server = target.server
        return await self._worker_of(server).trace(server.name, options, on_progress)

    # The configuration

    def assign(self, fleet: Fleet, keyring: Keyring) -> None:
        """Replace the fleet and its secrets. Checks that are asked for from now on use them."""
        self._assignment = FleetAssignment(fleet, keyring)
        self._owners = {}
        servers: dict[WorkerProcess, list[Server]] = {worker: [] for worker in self._workers}
        for server in fleet.servers:
            servers[self._worker_of(server)].append(server)
        for worker, owned in servers.items():
            worker.assign(None, list_servers(owned))
        if self._running:
            self._encode()

    def _encode(self) -> None:
        """Encode the present assignment in a thread: ten thousand servers take a part of a second."""
        if self._encoding:
            self._encoding.cancel()
        self._encoding = asyncio.create_task(self._encode_and_send(), name="assignment of the workers")
        self._encoding.add_done_callback(partial(_pass_fault_on, None))

    async def _encode_and_send(self) -> None:
        if self._assignment is None:
            return
        encoded = await asyncio.to_thread(encode_setup, self._assignment)
        for worker in self._workers:
            worker.assign(encoded, worker.servers)

    # What the writer shows

    @property
    def statuses(self) -> tuple[WorkerStatus, ...]:
        """The state of each worker."""
        return tuple(worker.status for worker in self._workers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the workers, one line each."""
        troubles = dict.fromkeys(worker.report.trouble for worker in self._workers)
        return (
            *(line for worker in self._workers if (line := worker.warning)),
            *(line for line in troubles if line),
        )

    @property
    def held(self) -> str | None:
        """Why checks of an identity are not sent, in one line; None if all are."""
        return next((line for worker in self._workers if (line := worker.report.held)), None)

    def _worker_of(self, server: Server) -> WorkerProcess:
        worker = self._owners.get(server.name)
        if worker is None:
            has_key = server.public_key != NO_PUBLIC_KEY
            key = f"slot {slot_of(server.public_key)}" if has_key else server.name
            worker = self._owners[server.name] = self._workers[find_owner(key, len(self._workers)) - 1]
        return worker

    def _make_setup(self, number: int) -> bytes:
        return encode_setup(
            WorkerSetup(
                __version__,
                number,
                os.fspath(self._state_dir),
                self._known_stamps,
                self._read_belief(),
                self._group,
            )
        )


def _pass_fault_on(started: asyncio.Future[None] | None, task: asyncio.Task[None]) -> None:
    """Pass a fault on, or stop the program: otherwise checks would wait for this task forever."""
    if task.cancelled() or (fault := task.exception()) is None:
        return
    if started and not started.done():
        started.set_exception(fault)
        return
    task.get_loop().call_exception_handler({"message": f"{task.get_name()} failed", "exception": fault})
