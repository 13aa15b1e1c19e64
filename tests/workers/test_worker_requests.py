"""What the writer sends to a worker: restored rounds, what waited for its start, and cancellations."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, until
from tests.vantages import sample_rounds
from tests.workers.test_pool import SEND_READY, pool, replace_worker
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.workers import messages, worker_process
from wgmon_tui.workers.connection import FrameKind
from wgmon_tui.workers.pool import WorkerPool

SERVER = quick_server("fra1")
_HEADER = struct.Struct("=IB")


@dataclass
class Recording:
    """A pool with one worker, which writes what it gets to a file and answers nothing."""

    pool: WorkerPool
    file: Path

    def received(self, kind: FrameKind) -> list[bytes]:
        """The contents of the whole frames of a kind."""
        data, start, found = self.file.read_bytes() if self.file.exists() else b"", 0, []
        while len(data) - start >= _HEADER.size:
            length, number = _HEADER.unpack_from(data, start)
            start += _HEADER.size + length
            if number == kind and start <= len(data):
                found.append(data[start - length : start])
        return found

    def ask(self, times: int = 1) -> list[asyncio.Task[object]]:
        """Ask for checks, which end only when they are cancelled."""
        return [asyncio.create_task(self._check()) for _ in range(times)]

    async def _check(self) -> object:
        return await self.pool.check_all(ServerTarget(SERVER))


@asynccontextmanager
async def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Recording]:
    """A pool whose workers have not started yet."""
    file = tmp_path / "received"
    log = f"log = open({str(file)!r}, 'ab', buffering=0)"
    replace_worker(monkeypatch, *SEND_READY, log, "while data := os.read(0, 65536): log.write(data)")
    found = Recording(pool(tmp_path, [], size=1), file)
    found.pool.assign(Fleet((SERVER,)), Keyring())
    try:
        yield found
    finally:
        await found.pool.close()


async def end(asked: list[asyncio.Task[object]]) -> None:
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_each_process_of_a_worker_gets_the_last_answered_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = sample_rounds.healthy().checks
    async with recording(tmp_path, monkeypatch) as found:
        found.pool.restore(SERVER, checks)
        await found.pool.open()
        await until(lambda: found.received(FrameKind.RESTORE))
        [content] = found.received(FrameKind.RESTORE)
        name, restored = messages.decode_answered(content)
        assert (name, restored[0].handshake) == ("fra1", checks[0].handshake)
        [worker] = found.pool._workers
        assert worker._life
        worker._life.process.kill()
        await until(lambda: len(found.received(FrameKind.RESTORE)) == 2)


async def test_what_waited_for_a_worker_is_sent_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_PAUSE_S", 3600.0)
    async with recording(tmp_path, monkeypatch) as found:
        asked = found.ask(3 * worker_process._SENT_AT_ONCE)
        await asyncio.sleep(0)  # one turn of the loop, in which all of them are asked for
        await found.pool.open()
        await until(lambda: found.received(FrameKind.CHECK))
        [requests] = map(messages.decode_requests, found.received(FrameKind.CHECK))
        assert len(requests) == worker_process._SENT_AT_ONCE
        [worker] = found.pool._workers
        assert sum(each.is_sent for each in worker._checks.values()) == worker_process._SENT_AT_ONCE
        await end(asked)


async def test_a_check_that_is_cancelled_ends_in_the_worker_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recording(tmp_path, monkeypatch) as found:
        await found.pool.open()
        asked = found.ask()
        await until(lambda: found.received(FrameKind.CHECK))
        [request] = messages.decode_requests(found.received(FrameKind.CHECK)[0])
        await end(asked)
        await until(lambda: found.received(FrameKind.CANCEL))
        assert messages.decode_number(found.received(FrameKind.CANCEL)[0]) == request.number
