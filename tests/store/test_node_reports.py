"""What control planes report of their nodes, in the store: written when it says something new."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.store.engine_updates import START, answered
from tests.store.recorder_harness import Desk, recording
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.daemon.store_follower import StoreFollower, apply_first_states, apply_store_changes
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.node_reports import NodeReport, is_new
from wgmon_tui.store.history import History
from wgmon_tui.store.schema import create_or_migrate, is_current
from wgmon_tui.store.store_version import STORE

NODE = Node("7", "web1", online=True, last_seen=START, version="1.86.2")
REPORT = ControlPlaneReport((NODE,))


def with_node(**changed: object) -> ControlPlaneReport:
    return replace(REPORT, nodes=(replace(NODE, **changed),))  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with recording(Desk(tmp_path)) as made:
        made.recorder.watch(made.states.values())
        yield made


def record(desk: Desk, at: float, report: ControlPlaneReport = REPORT) -> None:
    desk.states["fra1"].node_report = NodeReport(at, report)
    desk.recorder(desk.states["fra1"], answered("fra1", at), ())
    desk.written()


def stored(desk: Desk) -> dict[str, NodeReport]:
    with History(desk.state_dir / STORE) as history:
        return history.node_reports()


def fleet_version(desk: Desk) -> object:
    return desk.value("SELECT value FROM facts WHERE name = 'fleet_version'")


def test_the_last_report_is_read_back_with_its_time(desk: Desk) -> None:
    record(desk, START)
    offline = with_node(online=False)
    record(desk, START + 60.0, offline)
    assert stored(desk) == {"fra1": NodeReport(START + 60.0, offline)}


def test_a_report_with_nothing_new_changes_only_the_time(desk: Desk) -> None:
    record(desk, START)
    version = fleet_version(desk)
    record(desk, START + 60.0, with_node(last_seen=START + 60.0))
    assert fleet_version(desk) == version
    assert stored(desk) == {"fra1": NodeReport(START + 60.0, REPORT)}


def test_a_store_of_the_same_version_without_the_tables_gets_them() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_or_migrate(connection)
        assert is_current(connection)
        connection.execute("DROP TABLE node_report_times")
        assert not is_current(connection)
        create_or_migrate(connection)
        assert is_current(connection)


def test_those_of_a_removed_control_plane_go(desk: Desk) -> None:
    record(desk, START)
    desk.recorder.watch(())
    desk.written()
    assert desk.value("SELECT count(*) FROM node_reports") == 0
    assert desk.value("SELECT count(*) FROM node_report_times") == 0


def test_a_viewer_has_them_at_its_start_and_follows_their_changes(desk: Desk) -> None:
    record(desk, START)
    shown = FleetState(())
    follower = StoreFollower(desk.state_dir)
    try:
        first = follower.read_first(lambda servers, known, _: apply_first_states(shown, servers, known))
        apply_store_changes(shown, first, None)
        assert shown.states["fra1"].node_report == NodeReport(START, REPORT)
        record(desk, START + 60.0, with_node(online=False))
        apply_store_changes(shown, follower.read_changes(), None)
        assert shown.states["fra1"].node_report == NodeReport(START + 60.0, with_node(online=False))
    finally:
        follower.close()


@pytest.mark.parametrize(
    "report",
    [
        with_node(online=False),
        with_node(key_expiry=START),
        with_node(last_seen=None),
        with_node(last_seen=START + 600.0),
        with_node(last_handshake=START),
        with_node(trouble="its key has expired"),
        ControlPlaneReport(),
        replace(REPORT, version="v0.28.0"),
    ],
)
def test_whatever_else_changes_is_new(report: ControlPlaneReport) -> None:
    assert is_new(report, REPORT)


def test_times_that_move_on_are_nothing_new() -> None:
    assert not is_new(with_node(last_seen=START + 599.0), REPORT)


def test_the_first_report_is_new() -> None:
    assert is_new(REPORT, None)
