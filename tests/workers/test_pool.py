"""The pool of workers: which worker has a server, and starts that fail."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.daemon.harness import quick_server, until
from wgmon_tui import child_processes
from wgmon_tui.checks.protocol import TracingProber
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.workers import worker_process
from wgmon_tui.workers.connection import FrameKind
from wgmon_tui.workers.messages import encode_line
from wgmon_tui.workers.pool import WorkerPool
from wgmon_tui.workers.worker_records import WorkerOutlets

KEYS = [PrivateKey.generate().public for _ in range(100)]

_LINE = encode_line(1, "a version")
SEND_READY = (
    "import os",
    f"os.write(0, {len(_LINE).to_bytes(4, sys.byteorder) + bytes([FrameKind.READY]) + _LINE!r})",
)
READY_UNTIL_TOLD = (*SEND_READY, "while os.read(0, 65536): pass")
"""A worker that is ready, and does nothing until the writer closes the connection."""


def pool(tmp_path: Path, log: list[str], size: int = 2) -> WorkerPool:
    return WorkerPool(
        size,
        tmp_path,
        group=bytes(8),
        known_stamps={},
        read_belief=lambda: ClockGuard().belief,
        outlets=WorkerOutlets(log.append, lambda _name, _report: None),
    )


def replace_worker(monkeypatch: pytest.MonkeyPatch, *steps: str) -> None:
    """Start these lines of Python instead of a worker."""
    monkeypatch.setattr(worker_process, "_COMMAND", (sys.executable, "-S", "-c", "\n".join(steps)))
    monkeypatch.setattr(worker_process, "_FIRST_DELAY_S", 0.01)


def test_each_server_has_one_worker_and_servers_of_one_peer_have_the_same(tmp_path: Path) -> None:
    servers = [quick_server(f"fra{number}", key=key) for number, key in enumerate(KEYS)]
    twins = [quick_server(f"twin{number}", key=key) for number, key in enumerate(KEYS)]
    found = pool(tmp_path, [], size=4)
    found.assign(Fleet((*servers, *twins)), Keyring())
    owned = [worker.servers.keys() for worker in found._workers]
    assert sum(map(len, owned)) == 200
    assert min(map(len, owned)) >= 20
    for number in range(100):
        assert [f"fra{number}" in each for each in owned] == [f"twin{number}" in each for each in owned]
    assert isinstance(found, TracingProber)


async def test_a_worker_without_a_socket_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = encode_line(errno.EMFILE, "Too many open files")
    frame = len(line).to_bytes(4, sys.byteorder) + bytes([FrameKind.FAILED]) + line
    replace_worker(monkeypatch, "import os", f"os.write(0, {frame!r})")
    found = pool(tmp_path, [])
    with pytest.raises(OSError, match=r"worker [12]: Too many open files") as failed:
        await found.open()
    assert failed.value.errno == errno.EMFILE
    await found.close()


async def test_a_worker_that_ends_three_times_in_a_row_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_worker(monkeypatch, "raise SystemExit(3)")
    log: list[str] = []
    found = pool(tmp_path, log, size=1)
    with pytest.raises(OSError, match="worker 1: exit code 3"):
        await found.open()
    assert len(log) == 2
    await found.close()


async def test_a_worker_that_ran_for_long_starts_again_after_the_first_delay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_worker(monkeypatch, *READY_UNTIL_TOLD)
    monkeypatch.setattr(worker_process, "_STEADY_S", 0.0)
    log: list[str] = []
    found = pool(tmp_path, log, size=1)
    await found.open()
    for _ in range(2):
        await until(lambda: found.statuses[0].pid)
        ended = len(log)
        os.kill(found.statuses[0].pid, signal.SIGKILL)
        await until(partial(lambda before: len(log) > before, ended))
    assert all("it starts again in 0.01 s" in line for line in log)
    await found.close()


async def test_closing_ends_a_worker_that_has_not_started_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_worker(monkeypatch, "import os", "while os.read(0, 65536): pass")
    found = pool(tmp_path, [])
    opening = asyncio.create_task(found.open())
    await until(lambda: all(worker._life for worker in found._workers))
    processes = [worker._life.process for worker in found._workers if worker._life]
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await found.close()
    assert [process.returncode for process in processes] == [0, 0]


async def test_closing_ends_a_worker_to_which_no_connection_was_made_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_worker(monkeypatch, "import os", "while os.read(0, 65536): pass")
    started: list[subprocess.Popen[bytes]] = []
    connecting = asyncio.Event()

    def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(start_child(command, **options))
        return started[-1]

    async def connect(*_: object, sock: socket.socket) -> NoReturn:
        connecting.set()
        with closing(sock):
            await asyncio.get_running_loop().create_future()
            raise AssertionError("it is cancelled")

    start_child = child_processes.start
    monkeypatch.setattr(child_processes, "start", start)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", connect)
    found = pool(tmp_path, [], size=1)
    opening = asyncio.create_task(found.open())
    await connecting.wait()
    opening.cancel()
    await asyncio.gather(opening, return_exceptions=True)
    await found.close()
    assert started[0].returncode is not None


async def test_without_a_process_the_start_fails_and_a_restart_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_COMMAND", (str(tmp_path / "no such program"),))
    found = pool(tmp_path, [], size=1)
    with pytest.raises(OSError, match="worker 1: cannot start: No such file or directory"):
        await found.open()
    await found.close()


async def test_a_worker_whose_process_cannot_start_again_is_tried_later_each_time_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_worker(monkeypatch, *READY_UNTIL_TOLD)
    log: list[str] = []
    found = pool(tmp_path, log, size=1)
    await found.open()
    [worker] = found._workers
    assert worker._life
    works, process = worker_process._COMMAND, worker._life.process
    monkeypatch.setattr(worker_process, "_COMMAND", (str(tmp_path / "no such program"),))
    process.kill()
    waited_s = await until(lambda: len(log) >= 4)
    ended, *refused = log[:4]
    assert ended.startswith(f"worker 1 (pid {process.pid}) ended: signal 9; it starts again in 0.01 s")
    for line, delay in zip(refused, ("0.02", "0.04", "0.08"), strict=True):
        assert line.startswith(
            f"worker 1 ended: cannot start: No such file or directory; it starts again in {delay} s"
        )
    assert waited_s >= 0.01 + 0.02 + 0.04
    trouble = "worker 1 does not run: cannot start: No such file or directory; 0 servers wait for it"
    assert list(found.warnings) == [trouble]
    monkeypatch.setattr(worker_process, "_COMMAND", works)
    await until(lambda: found.statuses[0].pid)
    assert found.statuses[0].pid != process.pid
    assert list(found.warnings) == []
    await found.close()
