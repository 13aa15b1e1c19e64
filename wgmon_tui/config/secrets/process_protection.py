"""Protection of the secrets that this process will read: no core dumps, and no secrets for its children."""

from __future__ import annotations

from pathlib import Path

from wgmon_tui.config.secrets.core_dumps import switch_off_core_dumps
from wgmon_tui.config.secrets.secret_variables import hide_secret_variables


def protect_secrets(config_dir: Path | None) -> None:
    """Protect the secrets that a configuration names, before any of them is read. Never fails."""
    switch_off_core_dumps()
    if config_dir:
        hide_secret_variables(config_dir)
