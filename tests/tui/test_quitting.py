"""ctrl+c and ctrl+z."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver

from tests.parameters import default_run
from tests.tui.app_harness import face
from tests.tui.editing_harness import SMALL, editing, written
from tests.tui.fleet.test_marks import failing
from tests.tui.key_presses import settle


@pytest.mark.parametrize(
    "keys",
    default_run(((), ("?",), ("/", "f")), ((), ("enter",), ("?",), ("/", "f"), ("m",), ("ctrl+p",), ("a",))),
)
async def test_ctrl_c_quits_from_every_screen(keys: tuple[str, ...]) -> None:
    async with face(failing()) as it:
        await it.press(*keys)
        await it.press("ctrl+c")
        assert it.app._exit


async def test_ctrl_c_quits_from_a_form_without_changes(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.open_form("n")
        await it.press("ctrl+c")
        assert it.app._exit


@pytest.mark.thorough
async def test_with_changes_in_a_form_ctrl_c_quits_when_it_is_pressed_twice(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.open_form("n")
        await it.write("name", "par1")
        await it.press("ctrl+c")
        assert not it.app._exit
        assert it.notices() == ["The changes in this form are not saved. Press ctrl+c again to quit."]
        await it.press("ctrl+c")
        assert it.app._exit


@pytest.mark.thorough
async def test_the_second_ctrl_c_counts_only_while_the_first_is_answered_on_the_screen(
    tmp_path: Path,
) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.open_form("n")
        await it.write("name", "par1")
        await it.press("ctrl+c")
        it.app.dismiss_notice()
        await it.press("ctrl+c")
        assert not it.app._exit


async def test_a_note_that_is_typed_is_not_lost_at_once() -> None:
    async with face(failing()) as it:
        await it.press("a", "x", "ctrl+c")
        assert not it.app._exit
        assert it.notices() == ["The note is not saved. Press ctrl+c again to quit."]


async def test_a_file_that_is_being_written_is_finished_first() -> None:
    async with face() as it:
        it.app.pending_writes += 1
        await it.press("ctrl+c")
        assert not it.app._exit
        assert it.notices() == ["A file is being written. Press ctrl+c again to quit."]


async def test_without_a_shell_below_ctrl_z_says_so() -> None:
    async with face() as it:
        await it.press("ctrl+z")
        assert it.notices() == ["There is no shell below this program that could resume it."]


async def test_ctrl_z_stops_the_whole_job_as_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[tuple[int, int]] = []
    monkeypatch.setattr("wgmon_tui.tui.quitting.os.killpg", lambda *sent: stopped.append(sent))
    monkeypatch.setattr("wgmon_tui.tui.quitting.os.getsid", lambda _: -1)
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
    async with face() as it:
        await it.press("ctrl+z")
    assert stopped == [(os.getpgrp(), signal.SIGTSTP)]


async def test_after_fg_everything_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        refreshed: list[bool] = []
        monkeypatch.setattr(it.app, "refresh", lambda *, layout=False: refreshed.append(layout))
        it.app.post_message(Driver.SignalResume())
        await settle(it.pilot)
        assert refreshed == [True]
