"""Tests of the first run: three fields, the line to type on the server, and the first check."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.config.sample_fleets import OWN_KEY, SERVER_KEY
from tests.parameters import default_run
from tests.tui.editing_harness import CONF, SMALL, Editing, written
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine, no_time_passes, record, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.servers_file import read
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.editing.first_check_screen import FirstCheckScreen
from wgmon_tui.tui.editing.first_server_form import FirstServerForm
from wgmon_tui.tui.editing.import_screen import ImportScreen
from wgmon_tui.tui.server.screen import ServerScreen

ENDPOINT = "fra1.example.net:51820"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def first_run(
    config_dir: Path,
    engine: QuietEngine | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    ascii_only: bool = False,
    clock: Clock | None = None,
    read_only: bool = False,
) -> AsyncIterator[Editing]:
    app = WgmonApp(
        engine or QuietEngine(),
        title="test",
        ascii_only=ascii_only,
        clock=clock or Clock(),
        elapsed=no_time_passes,
        config_dir=config_dir,
        read_only=read_only,
        is_first_run=True,
    )
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield Editing(app, pilot, config_dir)


async def fill_in(it: Editing, *, name: str = "fra1", endpoint: str = ENDPOINT, key: str = "") -> None:
    await it.opened(FirstServerForm)
    for text in (name, endpoint, key or str(SERVER_KEY)):
        await it.paste(text)
        await it.press("enter")


def screen_lines(it: Editing) -> list[str]:
    strips = it.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in line) for line in strips]


async def added(it: Editing) -> FirstCheckScreen:
    await fill_in(it)
    await it.opened(FirstCheckScreen)
    screen = it.app.screen
    assert isinstance(screen, FirstCheckScreen)
    return screen


async def check(it: Editing, verdict: Verdict) -> None:
    """Let the writer read the new server, and check it."""
    fleet_state = it.app.engine.fleet_state
    if not fleet_state.states:
        fleet_state.replace([server("fra1")])
    record(fleet_state, "fra1", verdict, 0.004 if verdict is Verdict.HEALTHY else None)
    screen = it.app.screen
    assert isinstance(screen, FirstCheckScreen)
    screen.follow()
    await settle(it.pilot)


def line_of(config_dir: Path) -> str:
    [key_file] = config_dir.glob("*.key")
    return f"wg set wg0 peer {PrivateKey.from_text(key_file.read_text()).public}"


async def test_the_form_opens_by_itself_on_a_first_run(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await it.opened(FirstServerForm)
        assert "This creates the identity" in it.text()
        assert "Files: /" in it.text()


async def test_the_command_that_adds_a_tunnel_address_is_whole(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        screen = await added(it)
        details = screen.query_one("#details", Static).content
        command = f"wgmon-tui --config {tmp_path}/config add fra1 {ENDPOINT} {SERVER_KEY} --tunnel-address"
        assert "".join(command.split()) in "".join(str(details).split())  # a long path is broken


@pytest.mark.thorough
async def test_the_help_of_the_form_leaves_out_keys_that_are_typed(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config", size=(80, 60)) as it:
        await it.opened(FirstServerForm)
        await it.press("f1")
        shown = {line.split()[0] for line in screen_lines(it) if line.split()}
        assert {"ctrl+s", "ctrl+p"} <= shown
        assert not {"T", "t", "L", "O", "?,"} & shown


@pytest.mark.thorough
async def test_the_next_command_is_copied_on_the_first_check(tmp_path: Path) -> None:
    config_dir = tmp_path / "config"
    async with first_run(config_dir) as it:
        await added(it)
        await it.press("$")
        assert it.app.clipboard == line_of(config_dir)


async def test_three_fields_and_enter_add_the_server_with_a_new_identity(tmp_path: Path) -> None:
    config_dir = tmp_path / "config"
    async with first_run(config_dir) as it:
        await added(it)
        fleet = read(config_dir).fleet
        assert [(each.name, str(each.endpoint)) for each in fleet.servers] == [("fra1", ENDPOINT)]
        assert fleet.servers[0].identity == fleet.identities[0].name
        [key_file] = config_dir.glob("*.key")
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert key_file.read_text().strip() not in it.text()
        assert "servers.toml" in it.text()


async def test_one_key_copies_the_line_to_type_and_nothing_else(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await added(it)
        line = line_of(tmp_path / "config")
        assert line in [each.strip() for each in screen_lines(it)]
        await it.press("y")
        assert it.app.clipboard == line
        assert it.notices()[0] == "Copied the line to type on fra1"


async def test_it_turns_green(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await added(it)
        assert "Waiting until the new server is read" in it.text()
        await check(it, Verdict.SILENT)
        assert "✖ silent:" in it.text()
        assert "Until the line is typed there, silence is normal." in it.text()
        assert "Checking until it is up" in it.text()
        await check(it, Verdict.HEALTHY)
        assert "● healthy:" in it.text()
        assert "Checking until it is up" not in it.text()


@pytest.mark.thorough
async def test_it_is_checked_again_soon_until_it_is_up(tmp_path: Path) -> None:
    engine, clock = QuietEngine(), Clock()
    async with first_run(tmp_path / "config", engine, clock=clock) as it:
        screen = await added(it)
        await check(it, Verdict.SILENT)
        for seconds in (4.0, 2.0, 1.0, 4.0):
            clock.now += seconds
            screen.follow()
        assert engine.rechecked == [["fra1"], ["fra1"]]
        await check(it, Verdict.HEALTHY)
        clock.now += 60.0
        screen.follow()
        assert engine.rechecked == [["fra1"], ["fra1"]]


@pytest.mark.thorough
async def test_it_is_checked_until_it_counts_as_up(tmp_path: Path) -> None:
    engine, clock = QuietEngine(), Clock()
    async with first_run(tmp_path / "config", engine, clock=clock) as it:
        screen = await added(it)
        engine.fleet_state.replace([replace(server("fra1"), recover_after=2)])
        for verdict, checks in ((Verdict.SILENT, 1), (Verdict.HEALTHY, 2), (Verdict.HEALTHY, 2)):
            await check(it, verdict)
            clock.now += 6.0
            screen.follow()
            assert len(engine.rechecked) == checks


@pytest.mark.thorough
async def test_the_progress_line_counts(tmp_path: Path) -> None:
    clock = Clock()
    async with first_run(tmp_path / "config", clock=clock) as it:
        await added(it)
        clock.now += 42.0
        await check(it, Verdict.SILENT)
        assert "Checking until it is up: 42 s" in it.text()


@pytest.mark.thorough
async def test_a_server_that_the_writer_does_not_read_is_told_of(tmp_path: Path) -> None:
    clock = Clock()
    async with first_run(tmp_path / "config", clock=clock) as it:
        screen = await added(it)
        clock.now += 11.0
        screen.follow()
        await settle(it.pilot)
        assert "has not read the new server" in it.text()


@pytest.mark.thorough
async def test_enter_opens_the_page_of_the_new_server(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await added(it)
        await check(it, Verdict.HEALTHY)
        await it.press("enter")
        await it.opened(ServerScreen)
        await it.press("escape")
        await it.home()


async def test_a_wrong_key_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await fill_in(it, key="not a key")
        await settle(it.pilot)
        assert isinstance(it.app.screen, FirstServerForm)
        assert "✖" in it.text()
        assert not (tmp_path / "config").exists()


@pytest.mark.thorough
async def test_a_path_in_the_first_field_leads_to_the_import_of_that_file(tmp_path: Path) -> None:
    conf = tmp_path / "wg0.conf"
    conf.write_text(CONF)
    async with first_run(tmp_path / "config") as it:
        await it.opened(FirstServerForm)
        await it.paste(str(conf))
        assert "this is a path, not a name; enter imports the file" in it.text()
        await it.press("enter")
        await it.opened(ImportScreen)
        await it.until(lambda: "par1" in it.text())
        await it.press("escape")
        await it.home()


@pytest.mark.thorough
async def test_a_pasted_file_leads_to_its_import_and_shows_no_secret(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await it.opened(FirstServerForm)
        await it.paste(CONF)
        await it.opened(ImportScreen)
        await it.until(lambda: "par1" in it.text())
        assert OWN_KEY.to_text() not in it.text()


@pytest.mark.thorough
async def test_escape_shows_the_other_ways_and_enter_comes_back(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await it.opened(FirstServerForm)
        await it.press("escape")
        await it.home()
        assert "enter add a server: name, endpoint, public key" in it.text()
        await it.press("enter")
        await it.opened(FirstServerForm)


@pytest.mark.thorough
async def test_placeholders_do_not_look_like_values(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config") as it:
        await it.opened(FirstServerForm)
        for hint in ("e.g. fra1", f"e.g. {ENDPOINT}", "44 characters that end in ="):
            assert hint in it.text()


@pytest.mark.parametrize("ascii_only", default_run([True], [False, True]))
async def test_everything_needed_is_on_a_small_screen(tmp_path: Path, ascii_only: bool) -> None:
    async with first_run(tmp_path / "config", size=(60, 20), ascii_only=ascii_only) as it:
        await it.opened(FirstServerForm)
        assert all(word in it.text() for word in ("name", "endpoint", "public key", "esc leave"))
        await added(it)
        await check(it, Verdict.SILENT)
        assert line_of(tmp_path / "config") in it.text()
        assert "Checking until it is up" in it.text()
        assert not ascii_only or "".join(screen_lines(it)).isascii()


async def test_without_the_right_to_write_the_screen_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_dir = written(tmp_path / "config", Fleet())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    async with first_run(config_dir) as it:
        assert it.at_home
        assert "this account can read" in it.text()


class OfAnother(QuietEngine):
    """What a viewer shows before the store is read."""

    @property
    def status(self) -> str:
        return "viewer · written by deploy (pid 123)"


async def test_a_viewer_says_that_the_files_are_those_of_another_process(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config", OfAnother()) as it:
        assert it.at_home
        assert "Another process checks. Add servers to the servers.toml that it reads." in it.text()
        await it.press("enter")
        assert it.at_home


async def test_a_read_only_dashboard_offers_no_form(tmp_path: Path) -> None:
    async with first_run(tmp_path / "config", read_only=True) as it:
        assert it.at_home
        assert "Read only: servers appear here" in it.text()


async def test_where_servers_are_configured_no_form_opens(tmp_path: Path) -> None:
    config_dir = written(tmp_path / "config", SMALL)
    async with first_run(config_dir, QuietEngine(SMALL.servers)) as it:
        assert it.at_home


async def test_servers_that_another_shard_checks_are_no_first_run(tmp_path: Path) -> None:
    config_dir = written(tmp_path / "config", SMALL)
    async with first_run(config_dir) as it:
        await it.until(it.notices)
        assert it.at_home
        assert it.notices() == ["servers.toml has 2 servers, but this process checks none of them"]
