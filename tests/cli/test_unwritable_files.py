"""Every command on a full disk, on a read-only disk, and without permission to write."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

from tests.cli.programs import Ran, shell
from tests.daemon.harness import quick_server, running, write_config
from tests.harm.command_scenarios import SCENARIOS, Scenario, Site, make_site, record_history
from tests.parameters import default_rows
from tests.real.prerequisites import require
from wgmon_tui.cli.main import main

_WRITING = {"add", "export", "import", "keygen", "pause", "remove", "resume"}
"""Commands that are for nothing if they cannot write."""

_DISK = "mount -t tmpfs -o size=2M,mode=755 tmpfs {disk} && cp -a {made}/. {disk}"
_NAMESPACE = ("unshare", "--mount")
_NO_OVERRIDE = ("setpriv", "--bounding-set=-dac_override")
"""Root without the right to write what the mode of a file forbids."""

_PLACES = {
    "full": (
        _NAMESPACE,
        f"{_DISK}; head -c 4M /dev/zero >{{disk}}/ballast 2>&-",
        ("No space left", "is full"),
    ),
    "read-only": (
        _NAMESPACE,
        f"{_DISK}; mount -o remount,ro {{disk}}",
        ("Read-only file system", "read-only"),
    ),
    "forbidden": (
        _NO_OVERRIDE,
        "cp -a {made}/. {disk}; chmod -R a-w {disk}",
        ("Permission denied", "read-only"),
    ),
}
"""What runs the shell, how the shell prepares the files, and how messages say what is wrong there."""

_SCENARIOS = {each.command: each for each in SCENARIOS if not (each.has_terminal or each.is_endless)}
_DEFAULT = [("full", "pause"), ("full", "list")]
_THOROUGH = [each for each in product(_PLACES, _SCENARIOS) if each not in _DEFAULT]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_history(tmp_path_factory.mktemp("recorded"))


def run_at(place: str, directory: Path, scenario: Scenario, history: Path) -> Ran:
    """Run a command with its files, and a history, at a place of `_PLACES`."""
    require("unshare", "setpriv", root=True)
    made, disk = make_site(directory / "made", scenario), directory / "disk"
    disk.mkdir()
    shutil.copytree(history, made.state, dirs_exist_ok=True)
    inside, prepare, _ = _PLACES[place]
    prepare = prepare.format(made=shlex.quote(str(made.home)), disk=shlex.quote(str(disk)))
    words = (word.format(home=disk) for word in scenario.words)
    return shell(Site(disk), "", *words, prepare=prepare, inside=inside)


@pytest.mark.parametrize(("place", "command"), default_rows((0, 1), [*_DEFAULT, *_THOROUGH]))
def test_a_command_that_cannot_write_what_it_is_for_is_one_line_and_exit_code_74(
    tmp_path: Path, history: Path, place: str, command: str
) -> None:
    scenario = _SCENARIOS[command]
    ran = run_at(place, tmp_path, scenario, history)
    if command in _WRITING:
        assert ran.code == 74, ran.err
        assert len(ran.err.splitlines()) == 1
        assert any(words in ran.err for words in _PLACES[place][2]), ran.err
    else:
        assert ran.code in scenario.codes, ran.err
        assert "history.db" not in ran.err


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_pause_that_a_running_writer_cannot_store_holds_but_exits_with_74(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    require("prlimit")
    config, state = tmp_path / "config", tmp_path / "state"
    write_config(config, quick_server("fra1"))
    options = ("--config", str(config), "--state", str(state))
    with running(config, state) as program:
        if command == "resume":
            assert main([*options, "pause", "fra1"]) == 0
        subprocess.run(["prlimit", f"--pid={program.process.pid}", "--fsize=0:"], check=True)
        assert main([*options, command, "fra1"]) == 74
    said = capsys.readouterr()
    assert f'{command.capitalize().removesuffix("e")}ed "fra1"' in said.out
    assert said.err.startswith(f"wgmon-tui: done, but not saved yet: history: {state}/history.db: ")
