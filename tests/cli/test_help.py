"""What `--help` loads: it must appear at once, also on a slow bastion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wgmon_tui.cli.parser import commands_of, make_parser

_HEAVY = ("asyncio", "logging", "nacl", "rich", "socket", "sqlite3", "ssl", "subprocess", "textual")
"""Modules whose import takes milliseconds, and which no help text needs.

The stand-in for another system loads some of them itself, when Python starts.
"""

_SHOW_HELP = """\
import sys
before = set(sys.modules)
from wgmon_tui.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
print("\\n" + " ".join(name for name in {heavy!r} if name in sys.modules and name not in before))
"""


@pytest.mark.parametrize("command", ["", *(name for name, _ in commands_of(make_parser()))])
def test_help_loads_nothing_that_takes_long(command: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_HELP.format(heavy=_HEAVY), *command.split(), "--help"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "TMUX": ""},
    )
    assert shown.stdout.startswith("usage: wgmon-tui")
    assert shown.stdout.splitlines()[-1] == ""
