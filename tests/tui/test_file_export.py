"""Key `w`: writes the shown content to files in the working directory."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui import sample_exchanges
from tests.tui.app_harness import face
from tests.tui.lists.test_incidents_screen import failing, open_timeline, servers
from tests.tui.server_screen_harness import opened
from wgmon_tui.store.history import History
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.file_export import file_stem


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMUX", raising=False)


async def written(app: WgmonApp) -> None:
    for worker in [each for each in app.workers if each.group == "writing"]:
        await worker.wait()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_the_exchange_under_study_becomes_a_capture_and_json_beside_the_report(tmp_path: Path) -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("w")
        await written(it.app)
        capture, report, described = (tmp_path / name for name in reversed(names(tmp_path)))
        assert (capture.suffix, report.suffix, described.suffix) == (".pcapng", ".md", ".json")
        [notice] = it.notices()
        assert notice == f"Wrote {report.name}, {capture.name} and {described.name} in {tmp_path}"
    check = sample_exchanges.healthy()
    assert all(packet.data in capture.read_bytes() for packet in check.exchange)
    line = json.loads(described.read_text())
    assert [packet["hex"] for packet in line["exchange"]] == [each.data.hex() for each in check.exchange]
    assert {path.stat().st_mode & 0o777 for path in (capture, report, described)} == {0o600}


async def test_written_again_nothing_is_overwritten(tmp_path: Path) -> None:
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("w")
        await written(it.app)
        await it.press("w")
        await written(it.app)
    assert len(names(tmp_path)) == 6
    assert sum("-2." in name for name in names(tmp_path)) == 3


@pytest.mark.thorough
async def test_a_check_without_packets_is_written_without_a_capture(tmp_path: Path) -> None:
    async with opened(sample_exchanges.unresolved()) as it:
        await it.press("w")
        await written(it.app)
    assert [Path(name).suffix for name in names(tmp_path)] == [".json", ".md"]


@pytest.mark.thorough
async def test_before_the_first_check_there_is_nothing_to_write(tmp_path: Path) -> None:
    async with opened() as it:
        await it.press("w")
        assert it.notices() == ["There is no exchange to write yet"]
    assert names(tmp_path) == []


@pytest.mark.thorough
async def test_a_directory_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("w")
        await written(it.app)
        [notice] = it.notices()
    assert notice.startswith("Cannot write ")
    assert notice.endswith("No such file or directory")


async def test_the_fleet_is_written_as_it_is_filtered_and_sorted(tmp_path: Path) -> None:
    async with face() as it:
        await it.press("/", *"state:down", "enter", "w")
        await written(it.app)
        shown = list(it.table.row_index.names)
    described, table = (tmp_path / name for name in sorted(names(tmp_path), reverse=True))
    assert table.name.startswith("wgmon-fleet-")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in described.read_text().splitlines()]
    assert [row["server"] for row in rows] == [line["server"] for line in lines] == shown
    assert {row["severity"] for row in rows} == {"down"}
    assert list(rows[0]) == list(lines[0])


@given(st.text(max_size=100))
def test_a_file_name_is_safe_in_every_shell_whatever_the_server_is_called(name: str) -> None:
    stem = file_stem(name, 1_700_000_000)
    assert stem.startswith("wgmon-")
    assert stem.endswith("-20231114T221320Z")
    assert stem.isascii()
    assert not set(stem) & set("/\\ '\"$`;&|<>*?!~\n\0")


def test_a_name_that_is_safe_stays_as_it_is() -> None:
    assert file_stem("fra-1.eu", 1_700_000_000) == "wgmon-fra-1.eu-20231114T221320Z"


async def test_incidents_are_written_as_they_are_filtered_with_their_notes(
    tmp_path: Path, past: History
) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("/", *"!open", "enter", "w")
        await written(it.app)
        shown = servers(it)
    described, table = (tmp_path / name for name in sorted(names(tmp_path), reverse=True))
    assert table.name.startswith("wgmon-incidents-")
    lines = [json.loads(line) for line in described.read_text().splitlines()]
    assert [line["server"] for line in lines] == [each.split()[0] for each in shown]
    assert "provider has a power cut" in [note["text"] for line in lines for note in line["notes"]]
    with table.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [line["id"] for line in lines]


@pytest.mark.thorough
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root beside another account")
async def test_root_leaves_no_file_in_the_directory_of_another_account(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    async with opened(sample_exchanges.healthy()) as it:
        await it.press("w")
        await written(it.app)
        [notice] = it.notices()
    assert "belongs to 12345; type: sudo -u" in notice
    assert names(tmp_path) == []
