"""How the agent daemon ends: after a fault, and by signals."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wgmon_tui.vantages.agent.runtime_dir import LOG

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
