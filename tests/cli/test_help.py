"""What `--help` loads: it must appear at once, also on a slow bastion."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from wgmon_tui.cli.parser import commands_of, make_parser

_HEAVY = ("asyncio", "logging", "nacl", "rich", "socket", "sqlite3", "ssl", "subprocess", "textual")
"""Modules whose import takes milliseconds, and which no help text needs.

The stand-in for another system loads some of them itself, when Python starts.
"""

_SHOW_HELP = """\
import sys
before = set(sys.modules)
from wgmon_tui.cli.main import main
for command in {commands!r}:
    try:
        main([*command.split(), "--help"])
    except SystemExit as end:
        assert end.code == 0, end.code
    loaded = sys.modules.keys() - before
    print("\\nloaded by", command, [name for name in {heavy!r} if name in loaded])
"""


def test_help_of_no_command_loads_what_takes_long() -> None:
    commands = ["", *(name for name, _ in commands_of(make_parser()))]
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW_HELP.format(commands=commands, heavy=_HEAVY)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "TMUX": ""},
    )
    assert len(re.findall("^usage: wgmon-tui", shown.stdout, re.MULTILINE)) == len(commands)
    loaded = [line for line in shown.stdout.splitlines() if line.startswith("loaded by")]
    assert loaded == [f"loaded by {command} []" for command in commands]
