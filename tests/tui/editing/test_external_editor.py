"""External editor: a valid edit replaces servers.toml, an invalid one is shown with its error.

The editor is a script of the test. Only the terminal is missing.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.app import App

from tests.alive_pipe import AlivePipe
from tests.daemon.harness import until
from tests.tui.editing_harness import SMALL, Editing, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.editing.external_editor import command_at_line, editor_command
from wgmon_tui.tui.editing.rejected_file import RejectedFileScreen
from wgmon_tui.tui.editing.terminal_program import run_in_terminal


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return written(tmp_path / "config", SMALL)


@pytest.fixture(autouse=True)
def _no_terminal_to_lend(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def suspend(app: App[object]) -> Iterator[None]:
        yield

    monkeypatch.setattr(App, "suspend", suspend)


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *runs: str) -> None:
    """An editor that runs the next of these shell commands at each start; $1 is the file."""
    program = tmp_path / "editor.sh"
    cases = "\n".join(f"{number}) {command};;" for number, command in enumerate(runs))
    program.write_text(
        f"#!/bin/sh\nrun=$(cat {tmp_path}/run 2>/dev/null || echo 0)\necho $((run + 1)) > {tmp_path}/run\n"
        f"case $run in\n{cases}\nesac\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(program))


def left_behind(config_dir: Path) -> set[str]:
    return {path.name for path in config_dir.iterdir()} - {"servers.toml", "servers.toml.lock", "bastion.key"}


async def edit(it: Editing) -> None:
    await it.press("E")
    await it.until(lambda: it.notices() or isinstance(it.app.screen, RejectedFileScreen))
    await settle(it.pilot)


async def test_an_edit_that_can_stand_is_saved_with_its_comments(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "printf 'interval = \"30s\" # slow\\n' >> $1")
    async with editing(config_dir) as it:
        await edit(it)
        assert it.notices() == ["Saved servers.toml"]
        assert it.fleet.servers[1].interval == 30.0
        assert (config_dir / "servers.toml").read_text().endswith('interval = "30s" # slow\n')
        assert (config_dir / "servers.toml").stat().st_mode & 0o777 == 0o600
        assert left_behind(config_dir) == set()


@pytest.mark.thorough
async def test_an_edit_without_a_change_says_so(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "true")
    async with editing(config_dir) as it:
        await edit(it)
        assert it.notices() == ["servers.toml is unchanged"]


async def test_an_error_is_shown_in_place_and_the_edit_goes_on_where_it_was(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "echo 'interval = \"soon\"' >> $1", "sed -i s/soon/20s/ $1")
    async with editing(config_dir) as it:
        await edit(it)
        assert 'server "fra1": key interval: expected a duration such as "10s", got "soon"' in it.text()
        assert '▸ 18 interval = "soon"' in it.text()
        assert it.fleet == SMALL
        await it.press("g", "j", "k", "pagedown", "pageup", "G", "e")
        await it.until(it.notices)
        assert it.notices() == ["Saved servers.toml"]
        assert it.fleet.servers[1].interval == 20.0
        assert left_behind(config_dir) == set()


async def test_every_error_is_shown_below_its_line(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "printf 'interval = \"soon\"\\nintervall = 1\\n' >> $1")
    async with editing(config_dir) as it:
        await edit(it)
        text = it.text()
        assert "(and 1 more error)" in text
        assert '▸ 18 interval = "soon" ✖ server "fra1": key interval: expected a duration' in text
        assert '▸ 19 intervall = 1 ✖ server "fra1": unknown setting "intervall"; did you mean' in text


@pytest.mark.thorough
async def test_the_last_good_one_may_be_kept_and_the_edit_stays_beside_it(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "echo '[[' >> $1")
    async with editing(config_dir) as it:
        await edit(it)
        await it.press("escape")
        await it.until(it.notices)
        assert it.notices() == ["servers.toml is unchanged", "Your text is in servers.toml.rejected"]
        assert it.fleet == SMALL
        rejected = config_dir / "servers.toml.rejected"
        assert rejected.read_text().endswith("\n[[\n")
        assert rejected.stat().st_mode & 0o777 == 0o600


async def test_no_key_of_the_file_is_shown_beside_an_error(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "A" * 43 + "="
    editor(tmp_path, monkeypatch, f"echo 'preshared_key = \"{secret}\"' >> $1; echo 'x = 1' >> $1")
    async with editing(config_dir) as it:
        await edit(it)
        assert 'preshared_key = "(hidden)"' in it.text()
        assert secret not in it.text()


@pytest.mark.thorough
async def test_what_another_program_wrote_meanwhile_is_not_overwritten(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config_dir / "servers.toml"
    editor(tmp_path, monkeypatch, f"echo 'note = \"mine\"' >> $1; echo 'note = \"theirs\"' >> {file}")
    async with editing(config_dir) as it:
        await edit(it)
        assert "servers.toml: another program changed it meanwhile" in it.text()
        await it.press("escape")
        await it.until(it.notices)
        assert it.fleet.servers[1].note == "theirs"
        assert "mine" in (config_dir / "servers.toml.rejected").read_text()


async def test_an_editor_that_fails_changes_nothing(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "echo 'x = 1' >> $1; exit 3")
    async with editing(config_dir) as it:
        await edit(it)
        assert it.notices()[0].endswith("editor.sh exited with code 3; servers.toml is unchanged")
        assert it.fleet == SMALL


async def test_an_editor_that_is_not_there_is_told_on_one_line(
    config_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor -w")
    async with editing(config_dir) as it:
        await edit(it)
        assert it.notices() == [
            "cannot start the editor no-such-editor: No such file or directory; set $EDITOR and restart"
        ]


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"VISUAL": "code -w", "EDITOR": "vi"}, ["code", "-w"]),
        ({"VISUAL": " ", "EDITOR": "vi"}, ["vi"]),
    ],
)
def test_visual_goes_before_editor(environment: dict[str, str], command: list[str]) -> None:
    assert editor_command(environment) == command


def test_an_editor_with_an_open_quote_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="EDITOR: expected a command; a quote is not closed"):
        editor_command({"EDITOR": "vi '"})


def test_the_line_goes_to_editors_that_are_known_to_take_one() -> None:
    path = Path("servers.toml")
    assert command_at_line(["/usr/bin/vim"], path, 3) == ["/usr/bin/vim", "+3", "servers.toml"]
    assert command_at_line(["/usr/bin/vim"], path, None) == ["/usr/bin/vim", "servers.toml"]
    assert command_at_line(["code", "-w"], path, 3) == ["code", "-w", "servers.toml"]


async def test_a_cancelled_editor_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pipe = AlivePipe(tmp_path)
    running = asyncio.create_task(
        run_in_terminal(("sh", "-c", "exec 3>alive; touch started; sleep 60 & sleep 60"))
    )
    await until((tmp_path / "started").exists)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await asyncio.to_thread(pipe.is_everybody_gone)
    pipe.close()


IN_A_TERMINAL = """
import asyncio
from wgmon_tui.tui.editing.terminal_program import run_in_terminal
print(asyncio.run(run_in_terminal(("sh", "-c", "read line; echo got $line; exit 7"))), input())
"""


def test_an_editor_gets_the_terminal_and_wgmon_tui_gets_it_back() -> None:
    # Forked by a process without threads, as pytest has some.
    program = f"import pty; pty.spawn([{sys.executable!r}, '-c', {IN_A_TERMINAL!r}])"
    shown = subprocess.run(
        [sys.executable, "-c", program], input=b"a line\nmine\n", capture_output=True, timeout=30
    )
    assert b"got a line" in shown.stdout
    assert b"7 mine" in shown.stdout


@pytest.mark.parametrize("name", [".", "servers.toml"])
async def test_no_editor_runs_on_a_file_that_others_can_change(
    config_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    editor(tmp_path, monkeypatch, f"touch {tmp_path}/ran")
    (config_dir / name).chmod(0o777)
    async with editing(config_dir) as it:
        await edit(it)
        assert it.notices()[0].endswith(f"type: chmod go-w {config_dir / name}")
    assert not (tmp_path / "ran").exists()
