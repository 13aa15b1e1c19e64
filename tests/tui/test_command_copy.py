"""Tests of `$`: the next command is copied alone, or a line says why there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui import sample_exchanges
from tests.tui.app_harness import face
from tests.tui.incident_screen_harness import opened as opened_incident
from tests.tui.lists.test_incidents_screen import failing, open_timeline
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, record, server
from tests.tui.sample_incidents import RememberedIncident, begun, remembered
from tests.tui.server_screen_harness import opened
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.tui.incident.screen import IncidentScreen

_PSK = "wg show wg0 preshared-keys"


@pytest.fixture(autouse=True)
def _outside_tmux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


def advised(fix: str, verdict: Verdict = Verdict.SILENT) -> QuietEngine:
    """A server whose diagnosis has this advice."""
    engine = QuietEngine([server("fra1")])
    check = sample_exchanges.silent("fra1")
    diagnosis = Diagnosis(verdict, verdict.meaning, causes=(Cause("a cause", "why", fix),))
    engine.fleet_state.record("fra1", Round((check,), (diagnosis,)), NOW)
    return engine


async def test_the_command_is_copied_alone_and_the_notice_says_where_to_type_it() -> None:
    async with face(failing()) as it:
        await it.press("$")
        assert it.app.clipboard == _PSK
        assert it.notices() == [f"Copied the command to type on the server: {_PSK}. Replace wg0."]


async def test_a_command_for_this_machine_says_so() -> None:
    async with face(advised("mtr -u -P 51820 fra1.example.net")) as it:
        await it.press("$")
        assert it.app.clipboard == "mtr -u -P 51820 fra1.example.net"
        assert it.notices() == ["Copied the command to type here: mtr -u -P 51820 fra1.example.net"]


async def test_advice_that_is_no_command_is_shown_and_not_copied() -> None:
    async with face(advised("wait an hour, then look again")) as it:
        await it.press("$")
        assert it.app.clipboard == ""
        assert it.notices() == ["No command to type for fra1. Next: wait an hour, then look again"]


async def test_a_copied_line_has_no_control_characters() -> None:
    async with face(advised("on the server: wg show wg0\x1b[2J\nrm -rf /")) as it:
        await it.press("$")
        assert it.app.clipboard.isprintable()


@pytest.mark.thorough
async def test_a_server_without_a_next_command_says_why() -> None:
    told = {}
    async with face(bad_night()) as it:
        for name in ("ams1", "lab", "new1", "cpt1"):
            it.fleet.filter_by(f"name:{name}")
            await it.press("g", "$")
            told[name] = it.notices()
    assert told == {
        "ams1": ["ams1 is up, so there is no command to type"],
        "lab": ["lab is paused, so there is no command to type"],
        "new1": ["new1 waits for its first check: no command yet"],
        "cpt1": ["No cause is known for cpt1, so there is no command to type"],
    }


def recovering() -> QuietEngine:
    """A server that is down, with one good check after the failed ones."""
    engine = failing()
    sample_exchanges.record_checks(engine, sample_exchanges.psk_mismatch())
    engine.fleet_state.replace(
        [replace(each.server, recover_after=3) for each in engine.fleet_state.states.values()]
    )
    record(engine.fleet_state, "fra1", Verdict.HEALTHY, 0.01)
    assert engine.fleet_state.states["fra1"].severity is Severity.DOWN
    return engine


async def test_a_good_check_of_a_server_that_is_still_down_is_not_called_up() -> None:
    async with face(recovering()) as it:
        await it.press("$")
        assert it.notices() == ["The check of fra1 was good, so there is no command to type"]


@pytest.mark.thorough
async def test_an_open_incident_with_a_good_last_check_is_not_called_up(tmp_path: Path) -> None:
    engine = recovering()
    async with face(engine, history=RememberedIncident(tmp_path, begun()).history()) as it:
        await open_timeline(it)
        await it.press("$")
        assert it.notices() == ["The last check of fra1 was good. Open the incident to copy its command."]


async def test_the_tmux_option_follows_one_full_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    async with face(failing()) as it:
        await it.press("$")
        assert it.notices()[0].endswith("Replace wg0. If pasting fails, tmux needs:")


async def test_a_group_heading_has_no_command() -> None:
    async with face(bad_night()) as it:
        await it.press("z", "g", "$")
        assert it.notices() == ["This is a group heading. Move to a server first."]


@pytest.mark.thorough
async def test_the_server_screen_copies_the_command_of_its_head_on_every_tab() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        for _ in range(4):
            it.app.copy_to_clipboard("")
            await it.press("$")
            assert it.app.clipboard == _PSK
            await it.press("tab")


async def test_the_incident_screen_copies_the_command_of_that_time(tmp_path: Path) -> None:
    async with opened_incident(remembered(tmp_path), tmp_path) as it:
        await it.press("$")
        assert it.app.clipboard == _PSK


@pytest.mark.thorough
async def test_an_incident_without_causes_says_so(tmp_path: Path) -> None:
    async with opened_incident(remembered(tmp_path)) as it:
        screen = it.app.screen
        assert isinstance(screen, IncidentScreen)
        assert screen._details
        screen._rounds.clear()
        screen._chosen = None
        screen._details = replace(screen._details, deliveries=None)
        await it.press("$")
        assert it.notices() == ["No cause is stored for this incident, so there is no command to type"]
