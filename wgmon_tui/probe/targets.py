"""Servers and their resolved secrets, joined into what can be checked; and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wgmon_tui.fleet.records import Server
from wgmon_tui.fleet.secrets import Keyring
from wgmon_tui.probe.records import Target
from wgmon_tui.wireguard.handshake import RejectedError


@dataclass(frozen=True, slots=True)
class Targets:
    """What can be checked, by server name; and for each other server the line that says why not."""

    ready: Mapping[str, Target]
    problems: Mapping[str, str]


def join(servers: Iterable[Server], keyring: Keyring) -> Targets:
    """Give every server its keys. One bad secret keeps one server from being checked, never the fleet."""
    ready: dict[str, Target] = {}
    problems = dict(keyring.problems)
    for server in servers:
        if server.name in problems:
            continue
        try:
            ready[server.name] = Target(
                server, keyring.private_key(server.identity), keyring.preshared_key(server.name)
            )
        except RejectedError:
            problems[server.name] = (
                f'servers.toml: server "{server.name}": key public_key: no key pair has this key; '
                "type the one that `wg show wg0 public-key` prints on the server"
            )
    return Targets(ready, problems)
