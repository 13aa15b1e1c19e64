"""The servers.toml that an import adds servers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.imports.new_identity import public_keys
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.servers_file import read


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """The current servers.toml, and the public keys of its identities."""

    fleet: Fleet
    identity_keys: Mapping[str, PublicKey]


def read_import_target(config_dir: Path) -> ImportTarget:
    """Read servers.toml and its keys. Blocks. Raises ConfigurationError."""
    fleet = read(config_dir).fleet
    return ImportTarget(fleet, public_keys(fleet, config_dir))
