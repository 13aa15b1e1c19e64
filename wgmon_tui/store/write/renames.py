"""Servers that have another name from now on: watched nodes that their control plane renamed.

A server keeps its id, so its whole history follows. What waits to be written gets the new name too.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.write.batch import Batch
from wgmon_tui.store.write.replay_state import ReplayState
from wgmon_tui.store.write.vantage_states import VantageStates

T = TypeVar("T")

_RENAME = "UPDATE servers SET name = ? WHERE id = ?"


def rename_rows(
    connection: sqlite3.Connection, names: Mapping[str, str], ids: Mapping[str, int]
) -> dict[str, int]:
    """Rename servers of the store, and return their ids by their new names. Raises sqlite3.Error.

    Where a server had the new name before, its history goes on instead.
    """
    renamed = {after: ids[before] for before, after in names.items() if before in ids and after not in ids}
    connection.executemany(_RENAME, renamed.items())
    return renamed


def rename_pending(batch: Batch, names: Mapping[str, str]) -> None:
    """Give servers their new names in what waits to be written."""
    earlier = {before: names.get(after, after) for before, after in batch.renamed.items()}
    known = set(batch.renamed.values())
    batch.renamed = {**earlier, **{before: after for before, after in names.items() if before not in known}}
    batch.journal = deque((_key(row[0], names), *row[1:]) for row in batch.journal)
    batch.exchanges = deque(
        ((_key(row[0], names), *row[1:]) for row in batch.exchanges), batch.exchanges.maxlen
    )
    batch.dampings = _by_new_name(batch.dampings, names)
    batch.pauses = _by_new_name(batch.pauses, names)
    batch.mutes = _by_new_name(batch.mutes, names)
    batch.new_expiries = _by_new_name(batch.new_expiries, names)
    batch.incidents = _rename_incidents(batch.incidents, names)
    _rename_vantages(batch.vantage_states, names)


def rename_replayed(state: ReplayState, names: Mapping[str, str]) -> None:
    """Give servers their new names in what a fresh store would get."""
    state.fleet = _by_new_name(state.fleet, names) if state.fleet is not None else None
    state.dampings = _by_new_name(state.dampings, names)
    state.pauses = _by_new_name(state.pauses, names)
    state.mutes = _by_new_name(state.mutes, names)
    state.stored_expiries = _by_new_name(state.stored_expiries, names)
    state.incidents = _rename_incidents(state.incidents, names)
    _rename_vantages(state.vantages, names)


def _rename_vantages(states: VantageStates, names: Mapping[str, str]) -> None:
    states.seen = {_key(key, names): each for key, each in states.seen.items()}
    states.packets = {_key(key, names): each for key, each in states.packets.items()}


def _rename_incidents(incidents: Mapping[str, Incident], names: Mapping[str, str]) -> dict[str, Incident]:
    return {
        key: replace(each, server=names[each.server]) if each.server in names else each
        for key, each in incidents.items()
    }


def _by_new_name(values: Mapping[str, T], names: Mapping[str, str]) -> dict[str, T]:
    return {names.get(name, name): each for name, each in values.items()}


def _key(key: tuple[str, str], names: Mapping[str, str]) -> tuple[str, str]:
    return names.get(key[0], key[0]), key[1]
