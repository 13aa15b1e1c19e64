"""Changes of the rules that select nodes: one node by its name, in `watch_names` of its control plane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.servers_file import SavedFleet, update
from wgmon_tui.text import quoted


def set_watched(config_dir: Path, plane: str, node: str, *, watched: bool) -> SavedFleet:
    """Add a node's name to `watch_names` of its control plane, or remove it. Raises ConfigurationError."""

    def change(fleet: Fleet) -> Fleet:
        if fleet.server(plane) is None:
            raise ConfigurationError(f"servers.toml: there is no control plane {quoted(plane)} any more")
        servers = (_changed(each, node, watched) if each.name == plane else each for each in fleet.servers)
        return replace(fleet, servers=tuple(servers))

    return update(config_dir, change)


def _changed(plane: Server, node: str, watched: bool) -> Server:
    settings = plane.protocol_settings
    if not isinstance(settings, ControlPlaneSettings):
        return plane
    others = tuple(each for each in settings.watch_names if each != node)
    names = (*others, node) if watched else others
    return replace(plane, protocol_settings=replace(settings, watch_names=names))
