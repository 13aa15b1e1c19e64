"""Where the files are, unless --config or --state says otherwise."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_config_path, user_state_path

_PROGRAM = "wgmon-tui"


def default_config_dir() -> Path:
    """Where the platform keeps configuration: servers.toml, config.toml and the files that hold keys."""
    return user_config_path(_PROGRAM, appauthor=False)


def default_state_dir() -> Path:
    """Where the platform keeps what a program remembers: the history, and the lock of its one writer."""
    return user_state_path(_PROGRAM, appauthor=False)
