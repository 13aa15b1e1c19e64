"""Follows the reports of control planes while the writer runs: the nodes that rules select are servers.

A change takes effect with the report that brings it. Selecting ten thousand nodes takes a tenth of a second
of arithmetic, so a thread does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.config.control_planes import has_node_rules
from wgmon_tui.config.models import Server
from wgmon_tui.daemon.config_watcher import LoadedConfig, with_nodes, without_nodes
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.node_reports import NodeKey, node_key
from wgmon_tui.monitor.watched_nodes import MISSED_REPORTS, WatchedNodes, rules_of, select_nodes
from wgmon_tui.text import FEW, format_count, format_list, quoted

POLL_S = 0.5
"""Seconds between two looks whether a report came."""

ApplyNodes = Callable[[LoadedConfig, Mapping[str, str]], None]
"""Takes a configuration with its nodes, and the new names of renamed ones by their earlier names."""


@dataclass(frozen=True, slots=True)
class _Selected:
    """The nodes that are watched now, the new names of renamed ones, and those that left."""

    found: WatchedNodes
    renamed: Mapping[str, str]
    gone: tuple[Server, ...]


class NodeFollower:
    """Keeps the watched nodes as their control planes report them."""

    def __init__(
        self,
        fleet_state: FleetState,
        loaded: LoadedConfig,
        on_change: ApplyNodes,
        log: Callable[[str], None],
    ) -> None:
        """`loaded` is the configuration in force, with the nodes that are stored."""
        self.notices: tuple[str, ...] = ()
        """A line for each reason why selected nodes are not watched."""
        self._fleet_state = fleet_state
        self._files = without_nodes(loaded)
        self._nodes = tuple(each for each in loaded.fleet.servers if each.control_plane)
        self._on_change, self._log = on_change, log
        self._seen_version = -1
        self._counted: dict[str, float] = {}
        """By control plane, when the last report came whose missing nodes were counted."""
        self._missed: dict[NodeKey, int] = {}
        self._is_changed = False
        """Whether the files changed since the nodes were selected."""

    def watch(self, files: LoadedConfig) -> None:
        """Use other files from now on."""
        self._files = files
        if has_node_rules(files.fleet):
            self._is_changed = True
        else:
            self._nodes, self.notices = (), ()
            self._on_change(files, {})

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            if has_node_rules(self._files.fleet):
                await self._follow()
            await asyncio.sleep(POLL_S)

    async def _follow(self) -> None:
        """Select the nodes again, if a report came, or if the files changed."""
        version, is_changed, files = self._fleet_state.node_reports_version, self._is_changed, self._files
        if version == self._seen_version and not is_changed:
            return
        self._seen_version, self._is_changed = version, False
        reports = self._take_reports(files)
        selected = await asyncio.to_thread(_select, files, reports, self._nodes, dict(self._missed))
        if files is not self._files:
            return  # other files came meanwhile
        self.notices = selected.found.notices
        if selected.found.servers == self._nodes and not is_changed:
            return
        loaded = with_nodes(files, selected.found.servers)
        await asyncio.to_thread(loaded.with_targets)
        if files is not self._files:
            return
        self._nodes = selected.found.servers
        self._on_change(loaded, selected.renamed)
        if selected.gone:
            names = format_list((quoted(each.name) for each in selected.gone), most=FEW)
            self._log(f"{format_count(len(selected.gone), 'node')} no longer watched: {names}")

    def _take_reports(self, files: LoadedConfig) -> dict[str, ControlPlaneReport]:
        """The last reports; counts which nodes are missing in those that are new and whole."""
        reports: dict[str, ControlPlaneReport] = {}
        for server in files.fleet.servers:
            state = self._fleet_state.states.get(server.name)
            reported = state.node_report if state else None
            if rules_of(server) is None or reported is None:
                continue
            reports[server.name] = reported.report
            if self._counted.get(server.name) == reported.at:
                continue
            is_first = server.name not in self._counted
            self._counted[server.name] = reported.at
            if not (is_first or reported.report.drift):  # the first one may be that of an earlier run
                self._count_missing(server.name, reported.report)
        self._missed = {node_key(each): self._missed.get(node_key(each), 0) for each in self._nodes}
        return reports

    def _count_missing(self, plane: str, report: ControlPlaneReport) -> None:
        ids = {node.id for node in report.nodes}
        for each in self._nodes:
            if each.control_plane == plane:
                key = node_key(each)
                self._missed[key] = 0 if each.node_id in ids else self._missed.get(key, 0) + 1


def _select(
    files: LoadedConfig,
    reports: Mapping[str, ControlPlaneReport],
    before: tuple[Server, ...],
    missed: Mapping[NodeKey, int],
) -> _Selected:
    """Select the nodes, in a thread."""
    found = select_nodes(files.fleet, reports, before, missed)
    names = {node_key(each): each.name for each in found.servers}
    renamed = {
        each.name: names[node_key(each)]
        for each in before
        if names.get(node_key(each), each.name) != each.name
    }
    gone = tuple(
        each
        for each in before
        if node_key(each) not in names and missed.get(node_key(each), 0) >= MISSED_REPORTS
    )
    return _Selected(found, renamed, gone)
