"""`wgmon-tui run --workers N`: the options, and how its processes end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.harness import Program, quick_server, running, until, write_config
from tests.parameters import default_run
from tests.workers.harness import is_running
from wgmon_tui.cli.main import main
from wgmon_tui.control.client import ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.worker_status import WorkerStatus, workers_from_json


@contextmanager
def started(tmp_path: Path, *options: str) -> Iterator[Program]:
    write_config(tmp_path / "config", *(quick_server(f"fra{number}") for number in range(4)))
    with running(tmp_path / "config", tmp_path / "state", options=("--workers", "2", *options)) as program:
        yield program


async def ask_workers(state: Path) -> tuple[WorkerStatus, ...]:
    """The workers of a writer; none while it does not listen yet."""
    try:
        connection = await ControlConnection.connect(state)
    except NoWriterError:
        return ()
    try:
        return workers_from_json((await connection.ask(Operation.STATS)).get("workers"))
    finally:
        await connection.close()


async def running_workers(state: Path) -> list[int]:
    """The process ids of both workers, once they run."""
    async with asyncio.timeout(60):
        while len(pids := [each.pid for each in await ask_workers(state) if each.pid]) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return pids


@pytest.mark.parametrize(
    "number", default_run([signal.SIGKILL], [signal.SIGINT, signal.SIGKILL]), ids=["stopped", "killed"]
)
async def test_the_workers_end_with_the_writer(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as program:
        assert program.lines[-1].endswith(", 2 workers")
        pids = await running_workers(tmp_path / "state")
        for pid in pids:
            # As systemd sends it to every process of a service: the workers wait for the writer.
            os.kill(pid, signal.SIGTERM)
        assert await running_workers(tmp_path / "state") == pids
        program.signal(number)
        code, _, err = await asyncio.to_thread(program.end)
        assert code == (0 if number == signal.SIGINT else -signal.SIGKILL)
        assert "worker" not in err
        await until(lambda: not any(map(is_running, pids)))


async def test_secrets_are_neither_in_the_arguments_nor_in_the_environment_of_a_worker(
    tmp_path: Path,
) -> None:
    with started(tmp_path):
        key = (tmp_path / "config" / "bastion.key").read_bytes().strip()
        for pid in await running_workers(tmp_path / "state"):
            place = Path(f"/proc/{pid}")
            shown = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
            assert b"wgmon_tui.workers.worker" in shown
            assert key not in shown


@pytest.mark.parametrize("count", ["0", "65", "two", "-1"])
def test_another_number_is_refused(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", f"--workers={count}"])
    assert ended.value.code == 64
    assert "expected 1 to 64" in capsys.readouterr().err


def test_the_unit_keeps_the_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(tmp_path / "config", quick_server("fra1"))
    places = ["--config", str(tmp_path / "config"), "--state", str(tmp_path / "state")]
    assert main([*places, "run", "--workers", "4", "--print-unit"]) == 0
    assert "run --workers 4\n" in capsys.readouterr().out
    assert main([*places, "run", "--workers", "1", "--print-unit"]) == 0
    assert "--workers" not in capsys.readouterr().out
