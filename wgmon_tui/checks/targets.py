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
    for name in by_protocol(target.server for target in tuple(ready.values())):
        ready |= find_protocol(name).share_trials(ready)
    return Targets(ready, problems)


def _describe_unsupported(server: Server) -> str:
    return f'server "{server.name}": {server.protocol} is not supported yet; this server is not checked'
