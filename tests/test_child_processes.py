"""Tests of child processes: no child outlives wgmon-tui, even if it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from select import select

import pytest

_GONE_WITHIN_S = 20.0
"""Less than the run time of the started programs."""

STARTS = "exec 3>alive; sleep 60 & sleep 60; true"
"""A shell and its child; both hold the pipe `alive` open while they run."""

INSPECTS = """
run_command(("sh", "-c", STARTS), Path())
"""

TELLS = """
send(Sink("sms", Command(("sh", "-c", STARTS)), timeout=60.0), announcement(), {})
"""

PROGRAM = """
import sys
from pathlib import Path
from threading import Thread
from tests.alerts.sample_announcements import announcement
from wgmon_tui.alerts.sinks.command import send
from wgmon_tui.config.alerting import Command, Sink
from wgmon_tui.protocols.wireguard.server_view import run_command
STARTS = {starts!r}
def work():
    {call}
Thread(target=work, daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.parametrize("call", [INSPECTS, TELLS], ids=["inspect", "command sink"])
def test_what_a_command_has_started_ends_when_we_end_in_the_middle_of_it(tmp_path: Path, call: str) -> None:
    os.mkfifo(tmp_path / "alive")
    program = PROGRAM.format(starts=STARTS, call=call.strip())
    ours = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with (tmp_path / "alive").open("rb") as alive:  # there is somebody who holds it
        ours.communicate(timeout=15)
        assert select([alive], [], [], _GONE_WITHIN_S)[0], "somebody still holds it"
        assert alive.read() == b""
    assert ours.returncode == 0
