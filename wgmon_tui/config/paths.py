"""Default directories. `--config` and `--state` override them."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path, user_state_path

_PROGRAM = "wgmon-tui"


def default_config_dir() -> Path:
    """The platform's configuration directory: servers.toml, config.toml and the key files."""
    return user_config_path(_PROGRAM, appauthor=False)


def default_state_dir() -> Path:
    """The platform's state directory: the history database and the lock of its single writer."""
    return user_state_path(_PROGRAM, appauthor=False)


def choices_path(state_dir: Path) -> Path:
    """The file of what this user chose on the screen.

    It is in `state_dir` if that is this user's own. A viewer of a service's state has its own directory.
    """
    try:
        is_own = state_dir.stat().st_uid == os.geteuid()
    except OSError:
        is_own = False
    return (state_dir if is_own else default_state_dir()) / "choices.json"
