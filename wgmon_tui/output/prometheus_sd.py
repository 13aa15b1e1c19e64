"""The fleet for Prometheus' file-based service discovery: whom to ask of at /probe, with which labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.servers_file import read
from wgmon_tui.output.output_files import write_output, write_whole

_INAPPLICABLE_OPTIONS = {
    "names": "--shard I/N chooses servers; relabelling in Prometheus does as well",
    "since": "--since is for what the history keeps",
    "until": "--until is for what the history keeps",
    "with_keys": "--with-keys is for an exchange",
}


def export_targets(arguments: argparse.Namespace) -> int:
    """`wgmon-tui export targets`. Raises ConfigurationError."""
    for option, hint in _INAPPLICABLE_OPTIONS.items():
        if getattr(arguments, option):
            raise ConfigurationError(f"export targets: {hint}")
    if arguments.form != "json":
        raise ConfigurationError("export targets: --format json is the only one that Prometheus reads")
    fleet = read(arguments.config).fleet
    servers = (arguments.shard.filter_fleet(fleet) if arguments.shard else fleet).servers
    text = file_sd(servers).encode()
    if arguments.output is None:
        write_output([text])
        return 0
    try:
        # Prometheus, another account, reads it; an endpoint is no secret.
        write_whole(arguments.output, [text], 0o644)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"export targets: cannot write {shown(arguments.output)}: {error.strerror}"
        ) from None
    return 0


def file_sd(servers: Iterable[Server]) -> str:
    """A JSON list with a group a server; the target is its name.

    What Prometheus drops after relabelling begins with `__meta_`, so that an example of ours can choose.
    """
    groups = [{"targets": [server.name], "labels": _labels(server)} for server in servers]
    return json.dumps(groups, ensure_ascii=False, indent=1) + "\n"


def _labels(server: Server) -> dict[str, str]:
    return {
        "__meta_wgmon_endpoint": str(server.endpoint),
        "__meta_wgmon_identity": server.identity,
        "__meta_wgmon_interval": f"{server.interval:g}s",
        "__meta_wgmon_paused": str(server.paused).lower(),
        # Commas at both ends, so that a relabelling rule finds a whole tag: `.*,edge,.*`
        "__meta_wgmon_tags": f",{','.join(server.tags)}," if server.tags else "",
    }
