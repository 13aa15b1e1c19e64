"""Which reports count a node as missing: the follower fed with one report after another."""

from __future__ import annotations

from dataclasses import replace

from tests.monitor.test_watched_nodes import WEB1, WEB2, fleet_of, select
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.config.models import Fleet
from wgmon_tui.daemon.config_watcher import load_from_fleet
from wgmon_tui.daemon.node_follower import NodeFollower
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.watched_nodes import MISSED_REPORTS


class Reports:
    """A control plane whose nodes web1 and web2 are stored, and a follower of its reports."""

    def __init__(self, fleet: Fleet) -> None:
        loaded = load_from_fleet(fleet)
        stored = select(fleet, WEB1, WEB2).servers
        self.state = FleetState((*fleet.servers, *stored))
        known = replace(loaded, fleet=replace(fleet, servers=(*fleet.servers, *stored)))
        self.follower = NodeFollower(self.state, known, lambda _loaded, _renamed: None, lambda _line: None)
        self.sent = 0

    async def send(self, report: ControlPlaneReport) -> None:
        self.sent += 1
        self.state.record_node_report("office", NodeReport(float(self.sent), report))
        await self.follower._follow()

    @property
    def watched(self) -> list[str]:
        return [each.name for each in self.follower._nodes]


async def test_a_node_goes_with_the_third_report_without_it_after_the_first_report() -> None:
    reports = Reports(fleet_of())
    for number in range(MISSED_REPORTS + 1):
        assert sorted(reports.watched) == ["office/web1", "office/web2"], number
        await reports.send(ControlPlaneReport((WEB2,)))
    assert reports.watched == ["office/web2"]


async def test_a_report_that_is_read_in_part_counts_no_node_as_missing() -> None:
    reports = Reports(fleet_of())
    for _ in range(MISSED_REPORTS + 2):
        await reports.send(ControlPlaneReport((WEB2,), drift=("nodes: only the first page was read",)))
    assert sorted(reports.watched) == ["office/web1", "office/web2"]


async def test_a_node_that_comes_back_is_counted_from_the_beginning() -> None:
    reports = Reports(fleet_of())
    almost_missed = [(WEB2,)] * (MISSED_REPORTS - 1)
    for nodes in ((WEB2,), *almost_missed, (WEB1, WEB2), *almost_missed):
        await reports.send(ControlPlaneReport(nodes))
    assert sorted(reports.watched) == ["office/web1", "office/web2"]
