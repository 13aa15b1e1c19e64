"""Servers and their resolved secrets, joined into what can be checked; and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.fleet.records import Fleet
from wgmon_tui.fleet.secrets import Keyring
from wgmon_tui.probe.records import Siblings, Target
from wgmon_tui.wireguard.handshake import RejectedError
from wgmon_tui.wireguard.keys import PresharedKey


@dataclass(frozen=True, slots=True)
class Targets:
    """What can be checked, by server name; and for each other server the line that says why not."""

    ready: Mapping[str, Target]
    problems: Mapping[str, str]


def join(fleet: Fleet, keyring: Keyring) -> Targets:
    """Give every server its keys. One bad secret keeps one server from being checked, never the fleet."""
    ready: dict[str, Target] = {}
    problems = dict(keyring.problems)
    siblings = Siblings(keyring.private_keys, _of_servers_that_have_one(fleet, keyring))
    for server in fleet.servers:
        if server.name in problems:
            continue
        identity = fleet.identity(server.identity)
        try:
            ready[server.name] = Target(
                server,
                keyring.private_key(server.identity),
                keyring.preshared_key(server.name),
                identity.addresses if identity else (),
                siblings,
            )
        except RejectedError:
            problems[server.name] = (
                f'servers.toml: server "{server.name}": key public_key: no key pair has this key; '
                "type the one that `wg show wg0 public-key` prints on the server"
            )
    return Targets(ready, problems)


def _of_servers_that_have_one(fleet: Fleet, keyring: Keyring) -> dict[str, PresharedKey]:
    having = (server.name for server in fleet.servers if server.preshared_key)
    return {name: keyring.preshared_key(name) for name in having if name in keyring.preshared_keys}
