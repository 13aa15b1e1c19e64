"""Shared helpers of the worker tests: servers on loopback, and a writer with workers in this process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, quick_server, running_writer, until, write_config
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.control.worker_status import WorkerStatus
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab import peer as lab_peer
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent


@dataclass
class Workplace:
    """A writer with two workers, its servers, and what it said."""

    writer: Writer
    servers: Sequence[Server]
    directory: Path
    running: asyncio.Task[None]
    log: list[str] = field(default_factory=list)
    labs: Sequence[LabServer] = ()
    rounds: list[tuple[str, Round]] = field(default_factory=list)

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        return self.writer.workers

    def note(self, server_state: ServerState, outcome: Round | None, _: Sequence[IncidentEvent]) -> None:
        if outcome:
            self.rounds.append((server_state.server.name, outcome))

    async def each_checked(self, times: int = 1) -> None:
        """Wait until each server was checked so often from now on."""
        self.rounds.clear()
        names = [server.name for server in self.servers]
        await until(lambda: all([name for name, _ in self.rounds].count(each) >= times for each in names))

    async def restarted(self, number: int, before: int) -> None:
        """Wait until a worker runs under another process id."""
        await until(lambda: self.workers[number].pid not in (0, before))


@asynccontextmanager
async def labs_of(count: int) -> AsyncIterator[tuple[list[LabServer], list[Server]]]:
    """Running servers, and their entries."""
    async with AsyncExitStack() as stack:
        setups = [LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public),)) for _ in range(count)]
        labs = [await stack.enter_async_context(LabServer(setup)) for setup in setups]
        servers = [
            replace(quick_server(f"fra{number}", lab.endpoint, key=lab.public_key), interval=2.0, timeout=2.0)
            for number, lab in enumerate(labs)
        ]
        yield labs, servers


@asynccontextmanager
async def working(directory: Path, count: int = 4, workers: int = 2) -> AsyncIterator[Workplace]:
    """A writer that has checked each of its servers once, by worker processes."""
    async with labs_of(count) as (labs, servers), checking(directory, servers, workers) as place:
        place.labs = labs
        yield place


@asynccontextmanager
async def checking(directory: Path, servers: Sequence[Server], workers: int = 2) -> AsyncIterator[Workplace]:
    """The same for servers that run already and admit CLIENT."""
    write_config(directory / "config", *servers)
    loaded = await asyncio.to_thread(load_config, directory / "config")
    state, log = directory / "state", list[str]()
    writer = build_writer(
        state,
        loaded,
        WriterLock.acquire(state),
        config_dir=directory / "config",
        log_request=log.append,
        workers=workers,
    )
    async with running_writer(writer) as running:
        place = Workplace(writer, servers, directory, running, log)
        writer.engine.listen(place.note)
        await place.each_checked()
        yield place


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class ReceivedStamps:
    """The timestamps that each peer of the lab has received, in order."""

    def __init__(self) -> None:
        self.by_peer: dict[int, list[bytes]] = {}
        self.refused = 0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Record from now on, until the test ends."""
        accept = lab_peer.PeerState.accept_initiation

        def record(state: lab_peer.PeerState, timestamp: bytes, now_s: float) -> bool:
            self.by_peer.setdefault(id(state), []).append(timestamp)
            is_accepted = accept(state, timestamp, now_s)
            self.refused += not is_accepted
            return is_accepted

        monkeypatch.setattr(lab_peer.PeerState, "accept_initiation", record)
