"""Framings to try on a server that fails: plain WireGuard, and the parameters of the fleet's other servers.

A mismatch is silence, so only an answer to something else tells. Junk and signature packets are left out: the
server drops them in any case. A wrong S2 or H2 is no silence: an answer arrives, whose length or header tells
what to try. So it is with S3 and H3 under load. A wrong S4 or H4 loses only data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.guessed_parameter import GuessedParameter, guess_parameter
from wgmon_tui.protocols.amneziawg.layout import Layout
from wgmon_tui.protocols.amneziawg.parameters import LEAST_PROTECTED_PREFIX, HeaderRange, Parameters
from wgmon_tui.protocols.wireguard.framing import PLAIN, FramingTrial, NoTrials
from wgmon_tui.protocols.wireguard.framing_causes import (
    ANSWERS_PARAMETER,
    ANSWERS_PLAIN,
    ANSWERS_SET,
    DATA_PASSES,
    NO_KEY,
)

_MAX_SETS = 6
"""Sets of other servers that are tried: each costs 1.5 s."""

_TRIED_ALONE = ("s1", "h1", "random_trailers")
"""Parameters that decide whether the server takes an initiation."""

_OF_DATA = ("s4", "h4")
"""Parameters of transport messages alone."""

_MAX_OF_DATA = 8


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


@dataclass(frozen=True, slots=True)
class ParameterTrials:
    """What to try on an AmneziaWG server, whose entry in servers.toml has the set `own`."""

    own: ParameterSet
    others: Mapping[ParameterSet, str]
    identity: PublicKey

    def on_silence(self) -> tuple[FramingTrial, ...]:
        """Plain WireGuard, whole sets of other servers, and single parameters of theirs."""
        return trials_of_amneziawg(self.own, self.others, self.identity)

    def on_unreadable(self, received: Sequence[bytes]) -> tuple[FramingTrial, ...]:
        """The S2, H2, S3 or H3 that an answer shows."""
        layout = Layout.of(self.own.parameters, is_protected=self.own.protection_key is not None)
        guesses = dict.fromkeys(guess for each in received if (guess := guess_parameter(each, layout)))
        return tuple(self._trial_of_guess(guess) for guess in islice(guesses, _MAX_SETS))

    def on_lost_data(self) -> tuple[FramingTrial, ...]:
        """S4 and H4 of other servers and of plain WireGuard, one at a time and together."""
        own = ParameterSet(self.own.parameters.without_decoys(), self.own.protection_key)
        found: list[FramingTrial] = []
        tried = {own}
        for other, name in ((ParameterSet(Parameters()), ""), *islice(self.others.items(), _MAX_SETS)):
            for keys in (*((each,) for each in _OF_DATA), _OF_DATA):
                values = {key: getattr(other.parameters, key) for key in keys}
                changed = ParameterSet(replace(own.parameters, **values), own.protection_key)
                if changed not in tried and changed.is_possible:
                    tried.add(changed)
                    differing = (key for key in keys if values[key] != getattr(own.parameters, key))
                    shown = (word for key in differing for word in (key, str(values[key])))
                    evidence = replace(_evidence(DATA_PASSES, name, *shown), about_data=True)
                    found.append(FramingTrial(changed.framing(self.identity), evidence))
        return tuple(found[:_MAX_OF_DATA])

    def _trial_of_guess(self, guess: GuessedParameter) -> FramingTrial:
        is_prefix = guess.key.startswith("s")
        value = guess.value if is_prefix else HeaderRange(guess.value, guess.value)
        changes: Mapping[str, Any] = {guess.key: value}
        parameters = replace(self.own.parameters.without_decoys(), **changes)
        changed = ParameterSet(parameters, self.own.protection_key)
        evidence = _evidence(ANSWERS_PARAMETER, guess.key, str(guess.value), "")
        return FramingTrial(changed.framing(self.identity), evidence)


@dataclass(frozen=True, slots=True)
class SetTrials(NoTrials):
    """What to try on a server of plain WireGuard."""

    sets: Mapping[ParameterSet, str]
    identity: PublicKey

    def on_silence(self) -> tuple[FramingTrial, ...]:
        """The whole sets of the AmneziaWG servers."""
        return trials_of_sets(self.sets, self.identity)


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
