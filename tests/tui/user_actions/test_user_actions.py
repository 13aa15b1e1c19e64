"""User actions in the dashboard: keys, refusals, output, and the end of a command."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.app import App
from textual.command import CommandList

from docs.settings_pages import CONFIG_EXAMPLE
from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import QuietEngine, server
from tests.tui.user_actions.harness import acting, shell
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.user_actions import UserAction
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.user_actions import background_program
from wgmon_tui.tui.user_actions.output_screen import OutputScreen

_LONGEST_S = 30.0


async def until(it: Face, reached: Callable[[], object]) -> None:
    async with asyncio.timeout(_LONGEST_S):
        while not reached():
            await it.pilot.pause(0.01)
    await settle(it.pilot)


def one_server(name: str = "fra1") -> QuietEngine:
    return QuietEngine([server(name, endpoint="fra1.example.net")])


def text(it: Face) -> str:
    return "\n".join(line.rstrip() for line in it.lines())


async def ended(it: Face) -> OutputScreen:
    """Wait until the command has ended and its end is drawn."""
    await until(it, lambda: isinstance(it.app.screen, OutputScreen))
    screen = it.app.screen
    assert isinstance(screen, OutputScreen)
    await until(it, lambda: screen.program.code is not None)
    screen.follow()
    await settle(it.pilot)
    return screen


async def test_output_in_the_background_is_shown_with_the_exit_code() -> None:
    async with face(one_server(), settings=acting(shell("echo hello $1; exit 3"))) as it:
        await it.press("o")
        await ended(it)
        assert "job fra1  exit code 3" in text(it)
        assert "hello fra1" in text(it)
        await it.press("escape")
        assert it.at_home


async def test_output_is_shown_without_control_characters() -> None:
    async with face(
        one_server(), settings=acting(shell(r"printf 'a\033[31mb\033]0;t\007\n\001\033x'"))
    ) as it:
        await it.press("o")
        await ended(it)
        assert "ab\n" in text(it)
        assert all(line.isprintable() for line in it.lines())


@pytest.mark.thorough
async def test_long_output_scrolls_and_begins_with_what_is_not_kept() -> None:
    async with face(one_server(), settings=acting(shell("seq 6000"))) as it:
        await it.press("o")
        await ended(it)
        assert "6000" in text(it)
        await it.press("g")
        assert "1000 earlier lines are not kept" in text(it)
        await it.press("j", "pagedown")
        assert "1000 earlier" not in text(it)


async def test_a_command_that_runs_is_ended_by_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.tui.user_actions.background_program._PATIENCE_S", 60.0)
    async with face(one_server(), settings=acting(shell("echo started; sleep 1000"))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, OutputScreen))
        assert "x end" in it.hints()
        await it.press("x")
        await ended(it)
        assert "signal 2" in text(it) or "exit code" in text(it)
        await it.press("x")
        assert it.notices() == ["The command has ended already"]


@pytest.mark.thorough
async def test_a_command_that_ignores_the_interrupt_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_program, "_PATIENCE_S", 0.1)
    script = "trap '' INT; echo ready; while :; do sleep 0.05; done"
    async with face(one_server(), settings=acting(shell(script))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, OutputScreen))
        screen = it.app.screen
        assert isinstance(screen, OutputScreen)
        await until(it, lambda: screen.program.output()[0])
        await it.press("x")
        await ended(it)
        assert "signal 9" in text(it)


@pytest.mark.thorough
async def test_leaving_a_command_that_runs_asks() -> None:
    async with face(one_server(), settings=acting(shell("sleep 1000"))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, OutputScreen))
        screen = it.app.screen
        assert isinstance(screen, OutputScreen)
        await it.press("escape")
        assert "The command still runs." in text(it)
        await it.press("escape")
        assert "The command still runs." not in text(it)
        assert screen.program.code is None
        await it.press("q", "y")
        assert it.at_home
        await until(it, lambda: screen.program.code is not None)


async def test_children_of_a_command_end_with_it(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/child; echo ready"
    async with face(one_server(), settings=acting(shell(script))) as it:
        await it.press("o")
        await ended(it)
        child = int((tmp_path / "child").read_text())
        await until(it, lambda: not _is_alive(child))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


async def test_a_command_gets_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/secret")
    async with face(one_server(), settings=acting(shell('echo "<$CREDENTIALS_DIRECTORY>"'))) as it:
        await it.press("o")
        await ended(it)
        assert "\n <>" in text(it)


async def test_a_program_that_is_missing_is_named() -> None:
    missing = UserAction("o", "job", ("no-such-program",), background=True)
    async with face(one_server(), settings=acting(missing)) as it:
        await it.press("o")
        await until(it, it.notices)
        assert it.notices() == ["Cannot start no-such-program: No such file or directory"]


async def test_a_value_that_looks_like_an_option_is_refused_with_a_line() -> None:
    action = UserAction("o", "ssh", ("ssh", "{name}"))
    async with face(one_server("-x"), settings=acting(action)) as it:
        await it.press("o")
        await until(it, it.notices)
        assert it.notices() == ['ssh does not run for -x: its name "-x" begins with "-", like an option']


@pytest.mark.thorough
async def test_an_address_is_known_after_the_first_check() -> None:
    action = UserAction("o", "job", ("echo", "{address}"), background=True)
    engine = one_server()
    async with face(engine, settings=acting(action)) as it:
        await it.press("o")
        await until(it, it.notices)
        assert it.notices() == ["job does not run for fra1: its address is not known yet"]
        sample_exchanges.record_checks(engine, sample_exchanges.healthy())
        await it.press("o")
        await ended(it)
        assert str(sample_exchanges.V4) in text(it)


async def test_a_question_comes_first_and_shows_the_whole_command() -> None:
    async with face(one_server(), settings=acting(shell("echo done", confirm=True))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, ConfirmDialog))
        assert "sh -c 'echo done' sh fra1" in text(it)
        await it.press("escape")
        assert it.at_home
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, ConfirmDialog))
        await it.press("y")
        await ended(it)
        assert "done" in text(it)


async def test_an_untrusted_file_and_a_read_only_dashboard_run_nothing() -> None:
    async with face(one_server(), settings=acting(shell("true"), untrusted="others can write it")) as it:
        await it.press("o")
        await until(it, it.notices)
        assert it.notices() == ["config.toml: no command is run from it: others can write it"]
        vars(it.app)["read_only"] = True
        await it.press("o")
        await until(it, lambda: it.notices()[0].startswith("Read only: "))
        assert it.at_home


@pytest.mark.thorough
async def test_a_group_heading_and_an_empty_table_say_why_nothing_runs() -> None:
    async with face(one_server(), settings=acting(shell("true"))) as it:
        await it.press("z", "g", "o")
        assert it.notices() == ["This is a group heading. Move to a server first."]
    async with face(QuietEngine(), settings=acting(shell("true"))) as it:
        await it.press("o")
        assert it.notices() == ["There are no servers"]


async def test_the_key_is_in_the_hints_the_help_and_the_palette() -> None:
    async with face(one_server(), size=(160, 60), settings=acting(shell("echo a"))) as it:
        assert " o job" in it.hints()
        assert "Job" in [command.title for command in it.app.get_system_commands(it.fleet)]
        await it.press("?")
        assert "Your commands" in text(it)
        assert "Run in the background: sh -c 'echo a' sh '{name}'" in text(it)


async def test_an_action_works_on_its_screens_only() -> None:
    action = UserAction("o", "job", ("echo", "hello"), background=True, screens=("server",))
    async with face(one_server(), settings=acting(action)) as it:
        assert " o job" not in it.hints()
        await it.press("o")
        assert it.notices() == ["This command of yours is for other screens"]
        await it.press("enter", "o")
        await ended(it)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("e", 'config.toml: action "job": key "e" is assigned to edit on the fleet screen'),
        ("t", 'config.toml: action "job": key "t" is assigned to theme on the fleet screen'),
        ("hyper+x", 'config.toml: action "job": unknown key "hyper+x"; expected one character'),
    ],
)
async def test_a_key_that_is_in_use_or_unknown_is_refused_at_the_start(key: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        async with face(settings=acting(shell("true", key=key))):
            pass
    assert str(caught.value).startswith(problem)


async def test_the_palette_runs_an_action_by_its_label() -> None:
    async with face(one_server(), settings=acting(shell("echo found"))) as it:
        await it.press("ctrl+p", *"job")
        await until(it, lambda: it.app.screen.query(CommandList).first().option_count == 1)
        await it.press("enter")
        await ended(it)
        assert "found" in text(it)


@pytest.mark.thorough
async def test_the_search_of_the_help_finds_an_action_by_its_label() -> None:
    async with face(one_server(), settings=acting(shell("echo a"))) as it:
        await it.press("?", "/", *"job")
        assert "job. Run in the background: sh -c" in text(it)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_the_hints_name_an_action_before_the_theme_and_the_end(size: tuple[int, int]) -> None:
    async with face(one_server(), size=size, settings=acting(shell("echo a"))) as it:
        assert " o job " in it.hints()


@pytest.mark.thorough
async def test_a_key_that_quits_warns_while_a_command_runs() -> None:
    async with face(one_server(), settings=acting(shell("sleep 60"))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, OutputScreen))
        for key, again in (("ctrl+c", "ctrl+c"), ("ctrl+q", "q")):
            it.app.dismiss_notice()
            await it.press(key)
            assert it.notices() == [
                f"The command still runs and would be killed. Press {again} again to quit."
            ]
            assert it.app.is_running
        await it.press("x")
        await ended(it)


async def test_ctrl_q_quits_when_it_is_pressed_again() -> None:
    async with face(one_server(), settings=acting(shell("sleep 60"))) as it:
        await it.press("o")
        await until(it, lambda: isinstance(it.app.screen, OutputScreen))
        await it.press("ctrl+q")
        assert not it.app._exit
        await it.press("ctrl+q")
        assert it.app._exit


async def test_two_actions_cannot_share_a_key() -> None:
    two = (shell("true"), UserAction("o", "other", ("true",)))
    with pytest.raises(ConfigurationError, match='"o" is assigned to job'):
        async with face(settings=acting(*two)):
            pass


# In the terminal


@contextmanager
def lent_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    @contextmanager
    def suspend(app: App[object]) -> Iterator[None]:
        yield

    monkeypatch.setattr(App, "suspend", suspend)
    monkeypatch.setattr(os, "isatty", lambda _: False)
    yield


async def test_a_command_in_the_terminal_that_fails_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    action = shell(f'echo "$1" > {tmp_path}/ran; exit 4', background=False)
    with lent_terminal(monkeypatch):
        async with face(one_server(), settings=acting(action)) as it:
            await it.press("o")
            await until(it, it.notices)
            assert it.notices() == ["job: exit code 4"]
            assert (tmp_path / "ran").read_text() == "fra1\n"


async def test_without_a_terminal_to_give_the_way_out_is_named() -> None:
    async with face(one_server(), settings=acting(shell("true", background=False))) as it:
        await it.press("o")
        await until(it, it.notices)
        assert it.notices() == [
            "This terminal cannot be given to a command. Set background = true in config.toml."
        ]


def documented_actions() -> tuple[UserAction, ...]:
    """The examples of the page, as one config.toml."""
    page = Path("docs/configuration.md").read_text()
    example = next(part for part in page.split("```toml\n")[1:] if part.startswith("[[action]]"))
    return parse_config(example.partition("```")[0]).face.user_actions


async def test_the_documented_ssh_works_as_it_is_pasted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    ssh.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with lent_terminal(monkeypatch):
        async with face(one_server(), settings=acting(*documented_actions())) as it:
            await it.press("o")
            arguments = tmp_path / "arguments"
            await until(it, lambda: arguments.exists() and arguments.read_text())
            assert arguments.read_text() == "fra1.example.net\n"
            await until(
                it, lambda: all(each.is_finished for each in it.app.workers if each.group == "user action")
            )
            assert it.notices() == []


async def test_the_generated_example_starts_the_dashboard_and_has_the_same_ssh(tmp_path: Path) -> None:
    example = parse_config(CONFIG_EXAMPLE, tmp_path).face
    async with face(one_server(), settings=example) as it:
        assert example.user_actions[0] == documented_actions()[0]
        assert it.at_home
