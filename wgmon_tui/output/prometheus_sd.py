"""File-based service discovery for Prometheus: the targets of /probe, with labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from wgmon_tui.config.control_planes import has_node_rules
from wgmon_tui.config.models import ConfigurationError, Server, write_error
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.servers_file import read
from wgmon_tui.output.output_files import write_output, write_whole
from wgmon_tui.store.stored_nodes import add_stored_nodes

_INAPPLICABLE_OPTIONS = {
    "names": "NAME is not supported; use --shard I/N, or relabelling in Prometheus",
    "since": "--since is only for the history",
    "until": "--until is only for the history",
    "with_keys": "--with-keys is only for exchange",
}


def export_targets(arguments: argparse.Namespace) -> int:
    """Run `wgmon-tui export targets`. Raises ConfigurationError."""
    for option, hint in _INAPPLICABLE_OPTIONS.items():
        if getattr(arguments, option):
            raise ConfigurationError(f"export targets: {hint}")
    if arguments.form != "json":
        raise ConfigurationError("export targets: Prometheus reads only JSON; use --format json")
    fleet = read(arguments.config).fleet
    fleet = arguments.shard.filter_fleet(fleet) if arguments.shard else fleet
    servers = (add_stored_nodes(fleet, arguments.state) if has_node_rules(fleet) else fleet).servers
    text = file_sd(servers).encode()
    if arguments.output is None:
        write_output([text])
        return 0
    try:
        # Prometheus reads it under another account; an endpoint is not secret.
        write_whole(arguments.output, [text], 0o644)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise write_error(
            f"export targets: cannot write {shown(arguments.output)}: {error.strerror}", error
        ) from None
    return 0


def file_sd(servers: Iterable[Server]) -> str:
    """Return a JSON list with one group per server; the target is the server's name.

    Labels start with `__meta_`: relabelling rules can use them, and Prometheus drops them afterwards.
    """
    groups = [{"targets": [server.name], "labels": _labels(server)} for server in servers]
    return json.dumps(groups, ensure_ascii=False, indent=1) + "\n"


def _labels(server: Server) -> dict[str, str]:
    return {
        "__meta_wgmon_endpoint": str(server.endpoint),
        "__meta_wgmon_identity": server.identity,
        "__meta_wgmon_interval": f"{server.interval:g}s",
        "__meta_wgmon_paused": str(server.paused).lower(),
        # Commas at both ends, so that a relabelling rule matches a whole tag: `.*,edge,.*`
        "__meta_wgmon_tags": f",{','.join(server.tags)}," if server.tags else "",
    }
