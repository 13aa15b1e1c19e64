"""Tests of the doctor's items about budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wgmon_tui.control.budgets import Budget, Resource, budgets_as_json, budgets_from_json
from wgmon_tui.control.protocol import ControlRequest
from wgmon_tui.control.server import ControlServer
from wgmon_tui.control.worker_status import WorkerStatus, workers_as_json, workers_from_json
from wgmon_tui.doctor.budgets import check_budgets, list_budgets, list_workers
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus

BUDGETS = (
    Budget(Resource.CONNECTIONS, "all", 18, 64, 48),
    Budget(Resource.CONNECTIONS, "mallory", 16, 16, 48),
    Budget(Resource.CHANGES, "mallory", 3, 60),
    Budget(Resource.PACKETS, "fra", 1_200_000, 16_000_000),
    Budget(Resource.REPORTS, "fra", None, None, 7),
)


def test_budgets_are_read_as_they_were_written() -> None:
    assert budgets_from_json(budgets_as_json(BUDGETS)) == BUDGETS


def test_budgets_of_another_version_are_left_out() -> None:
    raw = [
        *budgets_as_json(BUDGETS[:1]),
        {"resource": "threads", "holder": "a", "used": 1, "limit": 1, "refused": 0},
    ]
    assert budgets_from_json([*raw, {}, 7]) == BUDGETS[:1]
    assert budgets_from_json(None) == ()


def test_each_kind_of_budget_is_one_item_with_the_fullest_first() -> None:
    connections, changes, packets, reports = list_budgets(BUDGETS)
    assert connections.fact == "16 of 16 used by mallory, 18 of 64 used by all; 96 refused"
    assert connections.status is ItemStatus.LOOK
    assert "end programs of that account" in connections.advice
    assert changes == ExaminedItem("changes", ItemStatus.FINE, "3 of 60 used by mallory")
    assert packets == ExaminedItem("packets", ItemStatus.FINE, "1.2 of 16 MB today used by fra")
    assert reports == ExaminedItem("reports", ItemStatus.FINE, "fra; 7 refused")


def test_packets_that_were_left_out_need_a_look() -> None:
    [item] = list_budgets([Budget(Resource.PACKETS, "fra", 15_999_000, 16_000_000, 12)])
    assert item.status is ItemStatus.LOOK
    assert item.fact == "16.0 of 16 MB today used by fra; 12 without packets"


async def test_the_writer_is_asked_for_its_budgets(tmp_path: Path) -> None:
    async def answer(_: ControlRequest, __: str) -> Mapping[str, object]:
        return {"budgets": budgets_as_json(BUDGETS), "workers": workers_as_json(WORKERS)}

    assert await check_budgets(tmp_path) == []
    control = ControlServer(tmp_path, answer, since=0.0)
    await control.open()
    assert await check_budgets(tmp_path) == [*list_budgets(BUDGETS), *list_workers(WORKERS)]
    await control.close()


# Workers

WORKERS = (
    WorkerStatus(1, 4711, 5_000, 90, 0, 1.5, 80_000_000),
    WorkerStatus(2, 4712, 4_990, 88, 0, 1.4, 81_000_000),
)


def test_workers_are_read_as_they_were_written() -> None:
    assert workers_from_json(workers_as_json(WORKERS)) == WORKERS
    assert workers_from_json([*workers_as_json(WORKERS[:1]), {}, 7]) == WORKERS[:1]
    assert workers_from_json(None) == ()


def test_running_workers_are_one_item() -> None:
    assert list_workers(WORKERS) == [ExaminedItem("workers", ItemStatus.FINE, "2 of 2 run, 161 MB")]
    assert list_workers(()) == []


def test_a_worker_that_ended_needs_a_look() -> None:
    ended = replace(WORKERS[1], pid=0, restarts=3, memory_bytes=0, trouble="signal 9")
    [item] = list_workers((WORKERS[0], ended))
    assert item.status is ItemStatus.LOOK
    assert item.fact == "1 of 2 run, 80 MB; ended 3 times; worker 2: signal 9"
