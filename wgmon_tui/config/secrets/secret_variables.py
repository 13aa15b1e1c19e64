"""Environment variables that hold secrets: no child process gets them."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from wgmon_tui.child_processes import hide_variables
from wgmon_tui.config.regular_files import read_regular

_FILES = ("servers.toml", "config.toml")
_MAX_BYTES = 16 << 20

_SETTING = re.compile(rb"""_env["']?\s*=\s*["']{1,3}([A-Za-z_][A-Za-z0-9_]*)["']""")
"""A key that ends with _env, and the name of its variable. Comments match, too: better one too many."""


def hide_secret_variables(config_dir: Path) -> None:
    """Hide the variables that either file names, before a command of the other one can run.

    Works on the text, because even an invalid file names secrets. The parsers hide names that appear later.
    """
    for name in _FILES:
        with suppress(OSError, ValueError):
            text, _ = read_regular(config_dir / name, _MAX_BYTES)
            hide_variables(found.decode() for found in _SETTING.findall(text))
