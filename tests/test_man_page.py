"""The manual page: readable by man, groff and mandoc, and with every command and option."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from docs.make import HERE
from docs.man_page import man_page
from tests.real.prerequisites import require
from tests.test_sdist import ROOT, run
from wgmon_tui.cli.command_parser import actions_of, commands_of
from wgmon_tui.cli.parser import make_parser

_PAGE = HERE / "man" / "wgmon-tui.1"
_NO_DATE = "missing date"
"""The page is the same in every build, so it has none."""


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("man", ["--warnings", "--local-file"]),
        ("groff", ["-man", "-ww", "-Tutf8"]),
        ("mandoc", ["-Tlint", "-Wwarning"]),
    ],
)
def test_programs_that_read_manuals_have_nothing_to_say(program: str, options: list[str]) -> None:
    require(program)
    done = subprocess.run([program, *options, _PAGE], capture_output=True, text=True, check=False)
    told = done.stderr + (done.stdout if program == "mandoc" else "")
    assert [line for line in told.splitlines() if _NO_DATE not in line] == []


def test_every_command_and_option_is_in_the_page() -> None:
    page = man_page().replace("\\-", "-")
    for name, parser in commands_of(make_parser()):
        assert f'.SS "wgmon-tui {name} ' in page
        for action in actions_of(parser):
            assert all(f"\\fB{option}\\fR" in page for option in action.option_strings)


def test_the_page_names_no_directory_of_this_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/else")
    monkeypatch.setenv("COLUMNS", "40")
    assert man_page() == _PAGE.read_text()


def test_no_line_of_the_page_begins_with_a_dot_by_accident() -> None:
    requests = {".SH", ".SS", ".TH", ".TP", ".PP", ".RS", ".RE", ".nf", ".fi", ".nh", ".ad", ".BR", '.\\"'}
    assert {line.split()[0] for line in man_page().splitlines() if line.startswith(".")} <= requests


@pytest.mark.thorough  # builds the wheel
def test_the_wheel_installs_manual_and_completions_where_they_are_looked_for(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling, from the dev extra")
    run(["hatchling", "build", "-t", "wheel", "-d", tmp_path], ROOT)
    [wheel] = tmp_path.glob("*.whl")
    names = {name.partition(".data/data/")[2] or name for name in zipfile.ZipFile(wheel).namelist()}
    assert names >= {
        "share/man/man1/wgmon-tui.1",
        "share/bash-completion/completions/wgmon-tui",
        "share/bash-completion/completions/wgmon",
        "share/zsh/site-functions/_wgmon-tui",
        "share/fish/vendor_completions.d/wgmon-tui.fish",
        "share/fish/vendor_completions.d/wgmon.fish",
        "wgmon_tui/cli/completions/commands.json",
        "wgmon_tui/cli/completions/wgmon-tui.bash",
    }
