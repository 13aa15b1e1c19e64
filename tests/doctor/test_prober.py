"""Tests of the doctor's question to the writer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from wgmon_tui.control.protocol import ControlRequest, Operation
from wgmon_tui.control.server import ControlServer
from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.doctor.prober import check_prober


async def answer(_: ControlRequest, __: str) -> Mapping[str, object]:
    return {}


async def test_without_a_writer_each_command_checks_itself(tmp_path: Path) -> None:
    item = await check_prober(tmp_path)
    assert item.status is ItemStatus.FINE
    assert "no wgmon-tui runs here" in item.fact


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        (frozenset(Operation), ItemStatus.FINE),
        (frozenset(Operation) - {Operation.PROBE}, ItemStatus.LOOK),
    ],
    ids=["this version", "an older one"],
)
async def test_a_writer_is_asked_whether_it_makes_the_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: frozenset[Operation], status: ItemStatus
) -> None:
    monkeypatch.setattr("wgmon_tui.control.server.allowed_operations", lambda *_: allowed)
    control = ControlServer(tmp_path, answer, since=0.0)
    await control.open()
    item = await check_prober(tmp_path)
    await control.close()
    assert item.status is status
    assert f"pid {os.getpid()}" in item.fact
