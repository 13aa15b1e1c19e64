"""Rules that select nodes: what their patterns fit, and how one node is added by its name, or removed."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.config.models import ConfigurationError, Fleet, Server
from wgmon_tui.config.servers_file import SavedFleet, update
from wgmon_tui.text import quoted

_SPECIAL = re.compile(r"[*?\\]")
_NOT_OF_FNMATCH = re.compile(r"\\([*?\\])|\[")
_PATTERNS = 1024


def fits(text: str, pattern: str) -> bool:
    """Whether a pattern fits. Only * and ? are special, and a backslash before one of the three."""
    return fnmatchcase(text, _to_fnmatch(pattern))


def exact_pattern(name: str) -> str:
    """The pattern that fits this name alone."""
    return _SPECIAL.sub(r"\\\g<0>", name)


@lru_cache(_PATTERNS)
def _to_fnmatch(pattern: str) -> str:
    return _NOT_OF_FNMATCH.sub(lambda found: f"[{found[1] or '['}]", pattern)


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
    pattern = exact_pattern(node)
    others = tuple(each for each in settings.watch_names if each != pattern)
    names = (*others, pattern) if watched else others
    return replace(plane, protocol_settings=replace(settings, watch_names=names))
