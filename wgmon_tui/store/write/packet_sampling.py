"""Packet sampling: which rounds keep their packets.

These are some verdict changes and failures of each incident, and the last good round. A server or an agent
that gives another answer to each check cannot fill the disk. Outside of incidents, the limit of changes
holds for a day.

Pure: it selects rounds and writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import Round

GOOD_EVERY_S = 600.0
"""Interval in seconds at which the last good exchange of a healthy server is written, so that a kill leaves a
recent one. When the server fails, the very last one is written.
"""

_CHANGES_PERIOD_S = 86400.0

Kind = Literal["change", "failure", "good"]


@dataclass(frozen=True, slots=True)
class PacketSample:
    """A round that keeps its packets, and the vantage that made it."""

    server: str
    kind: Kind
    round: Round
    incident: str | None = None
    vantage: str = LOCAL_VANTAGE


@dataclass(slots=True)
class _SamplingState:
    """Sampling state of one server, for one vantage.

    `good_due` is the time at which the next good round is written. `changes` is counted since `changes_from`.
    """

    verdict: Verdict | None = None
    good: Round | None = None
    good_is_kept: bool = True
    good_due: float | None = None
    incident: str | None = None
    failures: int = 0
    changes: int = 0
    changes_from: float = 0.0


class PacketSampler:
    """Selects rounds, one by one."""

    def __init__(self, max_per_incident: int, random: Random | None = None) -> None:
        self.max_per_incident = max_per_incident
        """Maximum number of stored failures per incident, and of stored changes; it may change."""
        self._random = random or Random()  # noqa: S311 - phases, not keys
        self._states: defaultdict[str, dict[str, _SamplingState]] = defaultdict(dict)
        """By vantage and server."""

    def resume(self, server: str, verdict: Verdict | None, incident: str | None, failures: int) -> None:
        """Continue from the last verdict, the open incident and the number of its stored failures."""
        past = self._states[LOCAL_VANTAGE][server] = _SamplingState(verdict, incident=incident)
        past.failures = _failure_index(failures, self.max_per_incident)

    def rename_servers(self, names: Mapping[str, str]) -> None:
        """Go on for these servers under their new names."""
        for vantage, states in self._states.items():
            self._states[vantage] = {names.get(server, server): state for server, state in states.items()}

    def retain_servers(self, servers: Container[str]) -> None:
        """Keep these servers only."""
        for states in self._states.values():
            for gone in [server for server in states if server not in servers]:
                del states[gone]

    def start_new_store(self) -> None:
        """Select the last good rounds again, because the old store is gone."""
        for states in self._states.values():
            for past in states.values():
                past.good_is_kept = past.good is None

    def select(
        self, server: str, outcome: Round, incident: str | None, vantage: str = LOCAL_VANTAGE
    ) -> list[PacketSample]:
        """Select what to keep after this round of a vantage, in the order of time."""
        states = self._states[vantage]
        past = states.get(server)
        if past is None:
            past = states[server] = _SamplingState(good_due=outcome.check.started_at)
        verdict = outcome.diagnosis.verdict
        before, past.verdict = past.verdict, verdict
        at = outcome.check.started_at
        if incident != past.incident:
            past.incident, past.failures, past.changes = incident, 0, 0
        elif incident is None and not past.changes_from <= at < past.changes_from + _CHANGES_PERIOD_S:
            past.changes = 0
        if verdict.severity is Severity.UP:
            kept = self._select_when_up(past, outcome, changed=before not in (None, verdict))
        else:
            kept = self._select_when_not_up(past, outcome, changed=verdict is not before)
        return [
            PacketSample(server, kind, found, None if kind == "good" else incident, vantage)
            for kind, found in kept
        ]

    def _select_when_not_up(
        self, past: _SamplingState, outcome: Round, *, changed: bool
    ) -> list[tuple[Kind, Round]]:
        kept: list[tuple[Kind, Round]] = []
        if past.good is not None and not past.good_is_kept:
            kept.append(("good", past.good))
            past.good_is_kept = True
        if changed:
            return [*kept, *self._select_change(past, outcome)]
        if past.incident is not None and outcome.diagnosis.verdict.severity is not Severity.UNKNOWN:
            past.failures += 1
            if _is_kept(past.failures, self.max_per_incident):
                kept.append(("failure", outcome))
        return kept

    def _select_when_up(
        self, past: _SamplingState, outcome: Round, *, changed: bool
    ) -> list[tuple[Kind, Round]]:
        now = outcome.check.started_at
        kept = self._select_change(past, outcome) if changed else []
        if past.good_due is None:
            # After a start, not all servers at once.
            past.good_due = now + GOOD_EVERY_S * self._random.random()
        past.good, past.good_is_kept = outcome, False
        # Further away than the interval: the clock was set back.
        if not past.good_due - GOOD_EVERY_S <= now < past.good_due:
            past.good_due, past.good_is_kept = now + GOOD_EVERY_S, True
            kept.append(("good", outcome))
        return kept

    def _select_change(self, past: _SamplingState, outcome: Round) -> list[tuple[Kind, Round]]:
        if not past.changes:
            past.changes_from = outcome.check.started_at
        past.changes += 1
        is_kept = _is_kept(past.changes, max(1, self.max_per_incident))
        return [("change", outcome)] if is_kept else []


def _is_kept(number: int, most: int) -> bool:
    """Keep the first failures or changes of an incident, then one at every doubling.

    So a long one has late ones too.
    """
    first = (most + 1) // 2
    if number <= first or not first:
        return number <= first
    doublings, rest = divmod(number, first)
    return not rest and doublings.bit_count() == 1 and doublings.bit_length() - 1 <= most - first


def _failure_index(kept: int, most: int) -> int:
    """Inverse of `_is_kept`: failure index of the n-th stored failure, to resume counting after a restart."""
    first = (most + 1) // 2
    return kept if kept <= first else first << (kept - first)
