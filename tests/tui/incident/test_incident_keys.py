"""Incident screen: what its keys open, copy, write and scroll."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import TabbedContent

from tests.tui.incident_screen_harness import dump, opened, section
from tests.tui.sample_incidents import RememberedIncident, begun, over, remembered
from tests.tui.test_file_export import names
from wgmon_tui.tui.help.explain_screen import ExplainScreen
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.server.screen import ServerScreen


async def test_enter_opens_the_server_and_esc_goes_back_step_by_step(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("enter")
        assert isinstance(it.app.screen, ServerScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, IncidentScreen)
        await it.press("escape")
        assert it.at_home


@pytest.mark.thorough
async def test_a_server_that_left_the_file_cannot_be_opened(tmp_path: Path) -> None:
    gone = replace(over(), server="gone")
    async with opened(RememberedIncident(tmp_path, gone).history(), tmp_path, gone) as it:
        assert "server" not in it.hints()
        await it.press("enter")
        assert isinstance(it.app.screen, IncidentScreen)
        assert section(it, "Notes") == ["note anna, 19:06: their new router"]


@pytest.mark.thorough
async def test_y_copies_the_report_on_that_time(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("y")
        report = it.app.clipboard
        assert report.startswith("✖ fra1 was down: psk-mismatch\n")
        assert "Verdicts\n- 2026-11-22 19:00:00 UTC, slow: The handshake takes 2.40 s.\n" in report
        assert "Packets of 2026-11-22 18:59:55 UTC" in report
        assert "- anna, 2026-11-22 19:06 UTC: their new router" in report


async def test_shift_y_copies_all_that_a_post_mortem_needs_in_markdown(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("Y")
        report = it.app.clipboard
        assert report.startswith("### ✖ fra1 was down: psk-mismatch\n")
        for part in (
            "**Verdicts**\n\n- 2026-11-22 19:00:00 UTC, slow: ",
            "**Packets of 2026-11-22 18:59:55 UTC**\n\n```\nsent      +0.000 ms  handshake initiation",
            "**Packets of the last good exchange, 2026-11-22 18:59:00 UTC**\n\n```\nsent",
            "**Notified**\n\n- 2026-11-22 19:02:01 UTC, pager: delivered 2026-11-22 19:02:01 UTC: ",
            "chat: failed, given up 2026-11-22 19:02:01 UTC \\(HTTP 400: no such channel\\): ",
            "**Notes**\n\n- anna, 2026-11-22 19:06 UTC: their new router",
        ):
            assert part in report


@pytest.mark.thorough
async def test_shift_c_copies_the_packet_under_the_cursor(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("tab", "C")
        assert bytes.fromhex(it.app.clipboard)[:1] == b"\x02"


async def test_w_writes_the_exchange_of_that_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("w")
        for worker in [each for each in it.app.workers if each.group == "writing"]:
            await worker.wait()
    assert [Path(each).suffix for each in names(tmp_path / "out")] == [".json", ".md", ".pcapng"]


@pytest.mark.thorough
async def test_x_explains_the_headline(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("x")
        assert isinstance(it.app.screen, ExplainScreen)
        assert "psk-mismatch" in "".join(it.lines())


@pytest.mark.thorough
async def test_the_movement_keys_scroll_the_tab_that_is_open(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path, size=(80, 24)) as it:
        await it.press("G")
        assert any("their new router" in line for line in it.lines())
        await it.press("g", "tab")
        assert it.app.screen.query_one(TabbedContent).active == "packets"
        before = dump(it).stop
        await it.press("l")
        assert dump(it).stop != before
        await it.press("shift+tab")
        assert it.app.screen.query_one(TabbedContent).active == "overview"


async def test_n_adds_a_note(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("n", *"ok", "enter")
        assert it.engine.noted == [(over().id, "ok")]
        assert it.notices() == ["Note added: fra1"]


@pytest.mark.thorough
async def test_only_the_open_incident_of_a_server_can_be_acknowledged(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        assert "acknowledge" not in it.hints()
        it.engine.fleet_state.states["fra1"].incident = replace(begun(), id=over().id)
        it.app.screen.refresh_bindings()
        await it.press("a", "enter")
        assert it.notices() == ["Acknowledged: fra1"]


@pytest.mark.thorough
async def test_help_lists_the_keys_of_this_screen(tmp_path: Path) -> None:
    async with opened(remembered(tmp_path), tmp_path) as it:
        await it.press("?")
        assert any("Show the exchange before this one" in line for line in it.lines())
