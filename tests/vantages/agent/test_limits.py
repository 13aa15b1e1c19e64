"""Tests of what a writer, or a full disk, can make an agent daemon hold in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.vantages.sample_rounds import FRA1
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.vantages.agent import daemon, report_writer
from wgmon_tui.vantages.agent.daemon import AgentDaemon
from wgmon_tui.vantages.agent.report_queue import QueuedReport, ReportQueue
from wgmon_tui.vantages.messages import ServerChanges, ServerEntry


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[ReportQueue]:
    queue = ReportQueue(tmp_path)
    yield queue
    queue.close()


@pytest.fixture
async def agent(tmp_path: Path, reports: ReportQueue) -> AgentDaemon:
    return AgentDaemon(tmp_path, tmp_path, 1.0, reports)


def changes(*names: str, begin: bool = False) -> ServerChanges:
    entries = [ServerEntry(name, server_to_entry(replace(FRA1, name=name))) for name in names]
    return ServerChanges(tuple(entries), begin=begin)


async def test_a_writer_cannot_name_any_number_of_servers(
    agent: AgentDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "MAX_SERVERS", 3)
    agent.update_servers(changes("a", "b", "c", "d"))
    agent.update_servers(ServerChanges((ServerEntry("e", "no entry"),)))
    assert agent.status().trouble == "the writer names more than 3 servers; the others are not checked"
    assert sorted(agent._servers) == ["a", "b", "c"]
    assert agent._rejected_servers == {}
    agent.update_servers(changes("c", begin=True))
    assert agent.status().trouble == ""
    assert sorted(agent._servers) == ["c"]


async def test_a_changed_server_at_the_limit_is_still_changed(
    agent: AgentDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "MAX_SERVERS", 2)
    agent.update_servers(changes("a", "b"))
    changed = replace(FRA1, name="b", interval=60.0)
    agent.update_servers(ServerChanges((ServerEntry("b", server_to_entry(changed)),)))
    assert agent._servers["b"].interval == 60.0


async def test_reports_that_wait_for_a_full_disk_take_so_many_bytes(
    agent: AgentDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_writer, "_MAX_UNWRITTEN_BYTES", 1000)
    for _ in range(50):
        agent._reports.put(QueuedReport(bytes(100), routine=False))
    status = agent.status()
    assert (status.waiting, status.dropped) == (10, 40)
    await agent._reports._flush()
    agent._reports.put(QueuedReport(bytes(100), routine=False))
    assert agent.status().waiting == 11
