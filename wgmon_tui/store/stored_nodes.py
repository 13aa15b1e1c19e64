"""The nodes of control planes that every process has as servers: from the reports that the writer stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.monitor.node_reports import node_key
from wgmon_tui.monitor.watched_nodes import select_nodes
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.formats.server_entry import server_from_entry
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE


def add_stored_nodes(fleet: Fleet, state_dir: Path) -> Fleet:
    """The fleet with the nodes that its rules select. Without a store that can be read, there are none.

    A node keeps the name under which its history is stored: only the writer renames it.
    """
    path = state_dir / STORE
    if not path.exists():
        return fleet
    try:
        with History(path) as history:
            reports = {name: each.report for name, each in history.node_reports().items()}
            entries = [each for each in history.entries() if each.removed_at is None]
    except StoreUnavailableError:
        return fleet
    stored = (server_from_entry(each.server, each.entry) for each in entries if '"node_id"' in each.entry)
    known = {node_key(each): each for each in stored if each}
    nodes = (
        _as_stored(each, known.get(node_key(each)))
        for each in select_nodes(fleet, reports, known.values()).servers
    )
    taken = {each.name for each in fleet.servers}
    return replace(fleet, servers=(*fleet.servers, *(each for each in nodes if each.name not in taken)))


def _as_stored(server: Server, stored: Server | None) -> Server:
    return replace(server, name=stored.name) if stored and stored.name != server.name else server
