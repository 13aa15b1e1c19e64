"""Joins AmneziaWG servers with their secrets and the framing of their parameters."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.config.models import AMNEZIAWG, Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.settings import AmneziaWgSettings
from wgmon_tui.protocols.amneziawg.trials import (
    ParameterSet,
    ParameterTrials,
    SetTrials,
    distinct_sets,
)
from wgmon_tui.protocols.wireguard import targets as wireguard
from wgmon_tui.protocols.wireguard.targets import Target

_KEY = "header_protection_key"


def join_servers(servers: Sequence[Server], fleet: Fleet, keyring: Keyring) -> Targets:
    """Join servers with their keys and framings. A bad secret excludes one server, never the fleet."""
    joined = wireguard.join_servers(servers, fleet, keyring)
    ready: dict[str, ProtocolTarget] = {}
    problems = dict(joined.problems)
    sets = {each.name: _parameter_set(each, keyring) for each in fleet.servers if each.protocol == AMNEZIAWG}
    others = distinct_sets(sets)
    for name, target in joined.ready.items():
        if not isinstance(target, Target):
            raise TypeError("WireGuard joins its own targets")
        own, identity = sets[name], target.private_key.public
        try:
            framing = AmneziaFraming(own.parameters, identity, own.protection_key, time.time)
        except ImportError:
            problems[name] = (
                f'server "{name}": header protection needs the package cryptography; '
                'type: pip install "wgmon-tui[amneziawg]"'
            )
            continue
        trials = ParameterTrials(own, others, identity)
        ready[name] = replace(target, framing=framing, trials=trials)
    return Targets(ready, problems)


def share_trials(ready: Mapping[str, ProtocolTarget]) -> dict[str, ProtocolTarget]:
    """The targets of plain WireGuard: a silent one tries the parameters of the AmneziaWG servers."""
    found = [each for each in ready.values() if isinstance(each, Target)]
    sets = {
        each.server.name: ParameterSet(each.framing.parameters, each.framing.protection_key)
        for each in found
        if isinstance(each.framing, AmneziaFraming)
    }
    others = distinct_sets(sets)
    return {
        each.server.name: replace(each, trials=SetTrials(others, each.private_key.public))
        for each in found
        if each.framing.is_plain and others
    }


def _parameter_set(server: Server, keyring: Keyring) -> ParameterSet:
    settings = server.protocol_settings
    if not isinstance(settings, AmneziaWgSettings):
        settings = AmneziaWgSettings()
    secrets = keyring.protocol_secrets.get(server.name, {})
    return ParameterSet(settings.parameters, secrets.get(_KEY))
