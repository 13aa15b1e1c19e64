"""Reader of the other vantages' states in the store, for a viewer.

The viewer's store thread reads; the event loop applies the changes to the `FleetState`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.quorum import VantageState
from wgmon_tui.store.history import History
from wgmon_tui.store.models import VantageLastKnown
from wgmon_tui.store.read.vantages import vantage_state_of
from wgmon_tui.store.write.vantage_states import VantageQuorum


@dataclass(frozen=True, slots=True)
class VantageChanges:
    """New vantage states.

    `home_dampings` holds the changed damping states of the writer's own checks. `vantages` is set when
    `last_known` replaces everything that was shown.
    """

    last_known: Sequence[VantageLastKnown] = ()
    home_dampings: Mapping[str, str] | None = None
    vantages: VantageQuorum | None = None


class VantageFollower:
    """Reads the changes of vantage states since the last read."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._version = 0
        self._homes: dict[str, str] = {}

    def read_changes(self, *, reread_all: bool = False) -> VantageChanges | None:
        """The changes since the last read; None if there are none. Raises StoreUnavailableError."""
        version = self._history.vantages_version()
        if version == self._version and not reread_all:
            return None
        # In this order a concurrent write is read twice rather than missed.
        before, self._version = self._version, version
        vantages = self._history.vantages() if reread_all else None
        last_known = self._history.vantage_states(0 if reread_all else before)
        home_dampings = self._history.home_dampings() if last_known or reread_all else {}
        changed = {
            name: home for name, home in home_dampings.items() if reread_all or self._homes.get(name) != home
        }
        self._homes = home_dampings
        return VantageChanges(last_known, changed, vantages)


def show_vantages(fleet_state: FleetState, changes: VantageChanges | None, checked: set[str]) -> None:
    """Apply the changes. The quorum is recomputed for servers that the writer itself has `checked`."""
    vantage_states: defaultdict[str, list[VantageState]] = defaultdict(list)
    home_dampings: Mapping[str, str] = {}
    if changes:
        home_dampings = changes.home_dampings or {}
        if changes.vantages is not None:
            fleet_state.set_vantage_names(changes.vantages.names, changes.vantages.quorum)
            for name in [name for name, each in fleet_state.states.items() if each.vantage_states]:
                vantage_states[name] = []
        for last_known in changes.last_known:
            if server_state := fleet_state.states.get(last_known.server):
                vantage_states[last_known.server].append(vantage_state_of(last_known, server_state.server))
    for name in (vantage_states.keys() | home_dampings.keys() | checked) & fleet_state.states.keys():
        shown = fleet_state.states[name]
        if not (shown.vantage_states or vantage_states.get(name)):
            continue
        home = from_json(home_dampings[name]) if name in home_dampings else None
        previous = {} if changes and changes.vantages is not None else shown.vantage_states
        current = {**previous, **{each.vantage: each for each in vantage_states.get(name, ())}}
        fleet_state.show_vantage_states(name, current.values(), home)


def expire_vantage_states(fleet_state: FleetState, now: float) -> None:
    """Mark expired reports of vantages as outdated. The writer does this, and may have ended."""
    for name, server_state in fleet_state.states.items():
        states = server_state.vantage_states
        if states and any(each.current and now >= each.valid_until for each in states.values()):
            fleet_state.show_vantage_states(
                name,
                [replace(each, current=each.current and now < each.valid_until) for each in states.values()],
            )
