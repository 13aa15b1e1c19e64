"""Joins the servers of a fleet with their secrets, each by its protocol."""

from __future__ import annotations

from wgmon_tui.checks.protocol import ProtocolTarget, Targets, by_protocol
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring


def join(fleet: Fleet, keyring: Keyring) -> Targets:
    """Join servers with their keys. A bad secret excludes one server, never the fleet."""
    ready: dict[str, ProtocolTarget] = {}
    problems = dict(keyring.problems)
    for name, servers in by_protocol(fleet.servers).items():
        try:
            joined = find_protocol(name).make_targets(
                [each for each in servers if each.name not in problems], fleet, keyring
            )
        except UnknownProtocolError:
            problems |= {each.name: _describe_unsupported(each) for each in servers}
            continue
        ready |= joined.ready
        problems |= joined.problems
    return Targets(ready, problems)


def _describe_unsupported(server: Server) -> str:
    name = {"amneziawg": "AmneziaWG"}.get(server.protocol, server.protocol)
    return f'server "{server.name}": {name} is not supported yet; this server is not checked'
