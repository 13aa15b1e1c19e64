"""A crash of this program leaves no file with its memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CRASH = """
import os, resource
from wgmon_tui.config.secrets.core_dumps import explain_core_dumps, switch_off_core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
assert explain_core_dumps()
{switch}
os.abort()
"""


def has_dumped(directory: Path, switch: str) -> bool:
    process = subprocess.Popen([sys.executable, "-c", CRASH.format(switch=switch)], cwd=directory)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="core dumps are forbidden for this user"
)
def test_a_crash_writes_no_core_dump_once_they_are_switched_off(tmp_path: Path) -> None:
    if not has_dumped(tmp_path, "pass"):
        pytest.skip("this machine writes no core dumps")
    assert not has_dumped(tmp_path, "switch_off_core_dumps(); assert explain_core_dumps() is None")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_every_command_switches_core_dumps_off(tmp_path: Path) -> None:
    program = (
        "import ctypes, resource\n"
        "from wgmon_tui.cli.main import main\n"
        f"main(['--config', {str(tmp_path)!r}, '--state', {str(tmp_path)!r}, 'probe'])\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0\n"
        "assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0\n"
    )
    assert subprocess.run([sys.executable, "-c", program], stderr=subprocess.DEVNULL).returncode == 0
