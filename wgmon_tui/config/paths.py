"""Default directories. `--config` and `--state` override them."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_config_path, user_state_path

_PROGRAM = "wgmon-tui"


def default_config_dir() -> Path:
    """The platform's configuration directory: servers.toml, config.toml and the key files."""
    return user_config_path(_PROGRAM, appauthor=False)


def default_state_dir() -> Path:
    """The platform's state directory: the history database and the lock of its single writer."""
    return user_state_path(_PROGRAM, appauthor=False)
