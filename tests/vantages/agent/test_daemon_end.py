"""How the agent daemon ends: after a fault, and by signals."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wgmon_tui.vantages.agent.daemon import abort_unsent
from wgmon_tui.vantages.agent.runtime_dir import LOG

_LAST_MESSAGE = 4_000_000
"""More bytes than the kernel's buffers take, so the stream sends the rest after it was closed."""

_FAULT = """\
import sys
from wgmon_tui.vantages.agent import daemon
async def fail(*_arguments, **_options):
    raise RuntimeError("the fault with the token hunter2")
daemon.AgentDaemon.run = fail
sys.exit(daemon.main(sys.argv[1:]))
"""


def test_a_fault_is_a_line_in_the_log_and_a_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAULT, str(tmp_path / "config"), str(tmp_path), "5"],
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    [report] = tmp_path.glob("faults/*.txt")
    log = (tmp_path / LOG).read_text()
    assert (done.returncode, done.stderr) == (70, "")
    assert "internal fault: RuntimeError in wgmon_tui/vantages/agent/daemon.py" in log
    assert str(report) in log
    assert "hunter2" not in log + report.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGUSR1, -signal.SIGUSR1)])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    words = ("-m", "wgmon_tui.vantages.agent.daemon", str(tmp_path / "config"), str(tmp_path), "60")
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / LOG).exists() or "no identity" not in (tmp_path / LOG).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (code, "")
    assert "stopped by a signal" in (tmp_path / LOG).read_text()
    assert not (tmp_path / "agent.sock").exists()


async def test_a_stream_that_sent_its_last_message_after_it_was_closed_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, stream = await asyncio.open_connection(sock=ours)
        stream.write(bytes(_LAST_MESSAGE))
        stream.close()
        assert await _receive_all(theirs) == _LAST_MESSAGE
        await stream.wait_closed()
        abort_unsent(stream)


async def test_a_stream_whose_last_message_nobody_takes_is_aborted() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, stream = await asyncio.open_connection(sock=ours)
        stream.write(bytes(_LAST_MESSAGE))
        stream.close()
        abort_unsent(stream)
        assert await _receive_all(theirs) < _LAST_MESSAGE
        await stream.wait_closed()


async def _receive_all(connection: socket.socket) -> int:
    """How many bytes arrive until the other end closes."""
    connection.setblocking(False)
    total = 0
    while received := len(await asyncio.get_running_loop().sock_recv(connection, 65_536)):
        total += received
    return total
