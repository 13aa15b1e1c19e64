"""From a failed server to its cause in one key, its packets in two, a report in three; and explanations."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.lists.test_incidents_screen import failing, open_timeline
from tests.tui.sample_fleet import NOW
from tests.tui.server_screen_harness import NAMES, opened
from tests.tui.test_file_export import names, written
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VERDICT_HELP
from wgmon_tui.store.history import History
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.help.explain_screen import ExplainScreen
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.terminal.osc52 import LARGEST_COPY


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


def report_in(directory: Path) -> str:
    return next(directory.glob("*.md")).read_text()


@pytest.mark.thorough
async def test_cause_proof_and_report_are_one_key_each() -> None:
    async with face(failing()) as it:
        await it.press("enter")
        text = " ".join(" ".join(it.lines()).split())
        assert "next wg show wg0 preshared-keys on the server: must match" in text
        assert it.app.screen.query_one(HexView).display
        await it.press("y")
        assert it.app.clipboard.startswith("✖ fra1 is down: psk-mismatch\n")


async def test_y_on_the_fleet_copies_the_report_and_shift_y_its_markdown() -> None:
    async with face(failing()) as it:
        await it.press("y")
        assert it.app.clipboard.startswith("✖ fra1 is down: psk-mismatch\n")
        assert it.notices() == ["Copied the report on fra1"]
        await it.press("Y")
        assert it.app.clipboard.startswith("### ✖ fra1 is down: psk-mismatch\n")
        assert it.notices() == ["Copied the report on fra1 in Markdown"]


async def test_y_copies_the_reports_on_all_the_marked() -> None:
    async with face(failing()) as it:
        sample_exchanges.record_checks(it.engine, sample_exchanges.silent("lon3"))
        await it.press("+", "y")
        assert it.notices() == ["Copied the report on 3 servers"]
        assert [name for name in NAMES if f" {name} is " in it.app.clipboard] == [*NAMES]


async def test_what_no_clipboard_takes_is_not_copied_and_says_what_to_do() -> None:
    async with face(failing()) as it:
        it.app.copy_with_notice("x" * (LARGEST_COPY + 1), "the report on 900 servers")
        await settle(it.pilot)
        assert it.app.clipboard == ""
        assert it.notices()[0].endswith(
            "too long for the terminal's clipboard. Press w to write it to a file."
        )


async def test_a_muted_server_and_who_fails_with_it_stand_in_the_report() -> None:
    async with face(failing()) as it:
        sample_exchanges.record_checks(it.engine, sample_exchanges.silent("fra1"))
        sample_exchanges.record_checks(it.engine, sample_exchanges.silent("lon3"))
        it.engine.fleet_state.mute("fra1", NOW + 3600, "anna")
        await it.press("y")
        assert "alerts    muted by anna until 20:30\n" in it.app.clipboard


@pytest.mark.thorough
async def test_y_on_the_incidents_copies_the_open_one_as_it_is_now(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("y")
        await it.read()
        assert it.app.clipboard.startswith("✖ fra1 is down: psk-mismatch\n")
        assert "Packets of " in it.app.clipboard


@pytest.mark.thorough
async def test_y_on_an_incident_of_the_past_copies_what_is_remembered_with_its_notes(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("G", "Y")
        await it.read()
        assert it.app.clipboard.startswith("### ✖ fra1 was down")
        assert "provider has a power cut" in it.app.clipboard


async def test_w_writes_the_report_beside_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await it.press("w")
        await written(it.app)
    assert sorted(Path(name).suffix for name in names(tmp_path)) == [".json", ".md", ".pcapng"]
    assert report_in(tmp_path).startswith("### ✖ fra1 is down: psk-mismatch\n")


@pytest.mark.thorough
async def test_an_exchange_under_study_is_written_as_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await it.press("pagedown")
        await it.see(sample_exchanges.healthy(at=NOW + 10))
        await it.press("w")
        await written(it.app)
    assert report_in(tmp_path).startswith("### ✖ fra1 was down: psk-mismatch\n")


# Explaining


def told(it: Face) -> str:
    """The text of the dialog, without the screen below it."""
    shown = it.app.screen.query_one("ProseView Static", Static).content
    return " ".join(str(shown).split())


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_explained(verdict: Verdict) -> None:
    telling = VERDICT_HELP[verdict]
    assert telling.explanation.endswith(".")
    assert telling.first_step.endswith(".")


async def test_x_explains_the_verdict_under_the_cursor_and_every_column_that_is_shown() -> None:
    async with face(failing(), size=(140, 70)) as it:
        await it.press("x")
        assert isinstance(it.app.screen, ExplainScreen)
        text = told(it)
        telling = VERDICT_HELP[Verdict.PSK_MISMATCH]
        for words in (Verdict.PSK_MISMATCH.meaning, telling.explanation, telling.first_step):
            assert words in text
        for key in it.table.shown_columns:
            assert COLUMNS[key].meaning in text
        await it.press("x")
        assert it.at_home


async def test_x_tells_what_else_is_true_of_a_server() -> None:
    async with face(failing(), size=(140, 70)) as it:
        it.engine.fleet_state.mute("fra1", NOW + 3600, "anna")
        it.engine.fleet_state.set_maintenance("fra1", "kernel week")
        it.engine.fleet_state.acknowledge("fra1", NOW, "ben")
        await it.press("x")
        text = told(it)
        assert "Muted by anna until 20:30: no alerts are sent." in text
        assert 'In maintenance "kernel week": incidents are recorded, no alerts are sent.' in text
        assert "Its incident is acknowledged by ben, 19:30." in text


async def test_x_tells_when_a_pause_ends() -> None:
    async with face(failing(), size=(140, 70)) as it:
        it.engine.fleet_state.pause("fra1", True, NOW, "anna", NOW + 3600)
        await it.press("x")
        assert "Paused by anna until 20:30: no checks run." in told(it)


@pytest.mark.thorough
async def test_x_says_that_a_server_waits_for_its_first_check_and_that_nobody_looks_at_a_paused_one() -> None:
    async with face(size=(120, 60)) as it:
        await it.press("/", *"new1", "enter", "x")
        assert "Waiting for the first check." in told(it)
        await it.press("escape", "p", "x")
        assert "Paused: no checks run" in told(it)


async def test_the_explanation_scrolls_where_it_is_longer_than_the_window_and_keeps_its_keys() -> None:
    async with face(failing(), size=(60, 20)) as it:
        await it.press("x")
        top = it.lines()
        assert "esc  close" in "\n".join(top)
        await it.press("G")
        bottom = it.lines()
        assert bottom != top
        await it.press("k", "pageup", "pagedown", "j", "g")
        assert it.lines() == top
        await it.press("q")
        assert it.at_home


async def test_x_explains_on_the_server_and_on_the_incidents(past: History) -> None:
    async with face(failing(), history=past, size=(120, 50)) as it:
        await it.press("enter")
        await it.press("x")
        assert VERDICT_HELP[Verdict.PSK_MISMATCH].explanation in told(it)
        await it.press("escape", "escape")
        await open_timeline(it)
        await it.press("x")
        assert VERDICT_HELP[Verdict.PSK_MISMATCH].explanation in told(it)


async def test_m_and_shift_m_on_the_server_mute_and_unmute_it() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await it.press("m", "enter")
        assert "muted until 20:30" in it.words("head")
        await it.press("M")
        assert "muted" not in it.words("head")
        assert it.notices() == ["Unmuted fra1"]
