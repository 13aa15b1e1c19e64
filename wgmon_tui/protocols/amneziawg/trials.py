"""Framings to try on a silent server: plain WireGuard, and the parameters of the fleet's other servers.

A mismatch is silence, so only an answer to something else tells. Junk and signature packets are left out: the
server drops them in any case. A wrong S2 or H2 is no silence, because an answer arrives: see diagnose.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import LEAST_PROTECTED_PREFIX, Parameters
from wgmon_tui.protocols.wireguard.framing import PLAIN, FramingTrial
from wgmon_tui.protocols.wireguard.framing_causes import (
    ANSWERS_PARAMETER,
    ANSWERS_PLAIN,
    ANSWERS_SET,
    NO_KEY,
)

_MAX_SETS = 6
"""Sets of other servers that are tried: each costs 1.5 s."""

_TRIED_ALONE = ("s1", "h1", "random_trailers")
"""Parameters that decide whether the server takes an initiation."""


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """What both sides of a server must have in common."""

    parameters: Parameters
    protection_key: bytes | None = field(default=None, repr=False)

    @property
    def is_possible(self) -> bool:
        """Whether the prefixes hold the nonce of header protection."""
        return not self.protection_key or min(self.parameters.prefixes) >= LEAST_PROTECTED_PREFIX

    def framing(self, own: PublicKey) -> AmneziaFraming:
        """The framing for the owner of one key pair."""
        return AmneziaFraming(self.parameters, own, self.protection_key, lambda: 0.0)


def distinct_sets(sets: Mapping[str, ParameterSet]) -> dict[ParameterSet, str]:
    """The different sets of a fleet, each with the first server that has it."""
    found: dict[ParameterSet, str] = {}
    for name, each in sets.items():
        found.setdefault(ParameterSet(each.parameters.without_decoys(), each.protection_key), name)
    return found


def trials_of_amneziawg(
    own: ParameterSet, others: Mapping[ParameterSet, str], identity: PublicKey
) -> tuple[FramingTrial, ...]:
    """What to try on a server that has the set `own` in servers.toml."""
    own = ParameterSet(own.parameters.without_decoys(), own.protection_key)
    others = dict(islice(others.items(), _MAX_SETS))
    found = [FramingTrial(PLAIN, _evidence(ANSWERS_PLAIN))]
    found += trials_of_sets({each: name for each, name in others.items() if each != own}, identity)
    tried = {own, *others}
    for values, changed in _changed_alone(own, others):
        if changed not in tried and changed.is_possible:
            tried.add(changed)
            found.append(FramingTrial(changed.framing(identity), _evidence(ANSWERS_PARAMETER, *values)))
    return tuple(found)


def trials_of_sets(sets: Mapping[ParameterSet, str], identity: PublicKey) -> tuple[FramingTrial, ...]:
    """Try the whole sets of other servers, up to a limit."""
    return tuple(
        FramingTrial(each.framing(identity), _evidence(ANSWERS_SET, name))
        for each, name in islice(sets.items(), _MAX_SETS)
    )


def _changed_alone(
    own: ParameterSet, others: Mapping[ParameterSet, str]
) -> Iterator[tuple[tuple[str, str, str], ParameterSet]]:
    """The own set with one parameter of another server, and that parameter's key, value and server."""
    for other, name in others.items():
        for key in _TRIED_ALONE:
            value = getattr(other.parameters, key)
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            changed = ParameterSet(replace(own.parameters, **{key: value}), own.protection_key)
            yield (key, shown, name), changed
        with_key = ParameterSet(own.parameters, other.protection_key)
        yield ("header_protection_key", "" if other.protection_key else NO_KEY, name), with_key


def _evidence(kind: str, *values: str) -> ProtocolEvidence:
    return ProtocolEvidence(AMNEZIAWG, kind, values, from_experiment=True)
