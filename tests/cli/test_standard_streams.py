"""Output that cannot be written, as from a shell: one line and a documented exit code."""

from __future__ import annotations

import dataclasses
import re
from operator import attrgetter
from pathlib import Path

import pytest

from tests.cli.programs import NO_FILE_GROWS, shell, site_in
from tests.daemon.harness import quick_server, running, write_config
from tests.harm.command_scenarios import SCENARIOS, Scenario, make_site, record_history
from tests.output.sample_rounds import healthy, server, silent
from tests.parameters import default_run
from wgmon_tui.cli.dashboard import exit_code
from wgmon_tui.cli.parser import commands_of, make_parser
from wgmon_tui.monitor.fleet_state import FleetState

_SERVERS_DOWN = (2, 3)
"""The code of `probe` where nothing listens: 3 if the machine is so busy that a check counts as unknown."""

_FULL = "wgmon-tui: cannot write to standard output: No space left on device\n"
_CLOSED = "wgmon-tui: cannot write to standard output: it is closed\n"


@pytest.mark.parametrize(("redirection", "said"), [(">/dev/full", _FULL), (">&-", _CLOSED)])
@pytest.mark.parametrize(
    "words",
    default_run(
        [("export", "targets")],
        [("probe", "--quick"), (), ("--version",), ("export", "targets"), ("doctor",)],
    ),
)
def test_output_that_cannot_be_written_is_one_line_and_exit_code_74(
    tmp_path: Path, redirection: str, said: str, words: tuple[str, ...]
) -> None:
    ran = shell(site_in(tmp_path), redirection, *words)
    assert (ran.code, ran.err) == (74, said)


@pytest.mark.parametrize(
    "command", default_run(("alert log",), (name for name, _ in commands_of(make_parser())))
)
def test_the_help_of_every_command_states_the_exit_codes_and_reaches_its_output(
    tmp_path: Path, command: str
) -> None:
    site = site_in(tmp_path)
    ran = shell(site, "", *command.split(), "--help")
    assert ran.code == 0
    assert "74 standard output cannot be written" in " ".join(ran.out.split())
    assert shell(site, ">/dev/full", *command.split(), "--help").code == 74


def test_a_log_of_both_streams_keeps_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    site.state.mkdir()
    lines = shell(site, "2>&1 | cat", "list").out.splitlines()
    assert lines[0].startswith("STATE"), lines
    assert any("no check of" in line for line in lines[1:])


def test_a_reader_that_has_exited_is_no_error(tmp_path: Path) -> None:
    ran = shell(site_in(tmp_path), "| true", "probe", "--quick", "--count", "3")
    assert (ran.code, ran.err) == (141, "")


@pytest.mark.thorough
@pytest.mark.parametrize("redirection", default_run(["2>&-"], ["2>&-", "2>/dev/full", "<&-"]))
def test_the_exit_code_does_not_depend_on_the_other_streams(tmp_path: Path, redirection: str) -> None:
    ran = shell(site_in(tmp_path), redirection, "probe", "--quick")
    assert (ran.code in _SERVERS_DOWN, ran.err) == (True, "")
    assert "lon3" in ran.out


@pytest.mark.thorough
def test_an_error_message_that_cannot_be_written_keeps_its_exit_code(tmp_path: Path) -> None:
    assert shell(site_in(tmp_path), "2>/dev/full", "probe", "nobody").code == 64


def test_the_plain_table_has_the_exit_code_of_probe(tmp_path: Path) -> None:
    ran = shell(site_in(tmp_path), "| cat")
    assert (ran.code in _SERVERS_DOWN, ran.err) == (True, "")
    assert "lon3" in ran.out


def test_a_failure_after_a_settled_state_counts_in_the_exit_code_of_the_plain_table() -> None:
    fleet_state = FleetState([dataclasses.replace(server("fra1"), fail_after=2)])
    fleet_state.record("fra1", healthy(), now=100.0)
    assert exit_code(fleet_state) == 0
    fleet_state.record("fra1", silent(), now=110.0)
    assert exit_code(fleet_state) == 2


@pytest.mark.thorough
def test_a_paused_server_neither_counts_nor_delays_the_plain_table(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    file = site.config / "servers.toml"
    file.write_text(file.read_text().replace("endpoint", "paused = true\nendpoint"))
    ran = shell(site, "")
    assert (ran.code, ran.out.count("paused")) == (0, 5)


@pytest.mark.thorough
def test_an_export_to_a_dash_goes_to_standard_output(tmp_path: Path) -> None:
    state = record_history(tmp_path / "recorded")
    site = site_in(tmp_path)
    state.rename(site.state)
    for kind in ("checks", "targets"):
        ran = shell(site, f"; ls {site.home}", "export", kind, "--output", "-")
        assert '"fra1"' in ran.out, ran.err
        assert "\n-\n" not in ran.out


def test_a_configuration_is_read_from_standard_input(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    ran = shell(site, f"< {site.home}/fra1.conf", "probe", "--quick", "--conf", "-")
    assert (ran.code in _SERVERS_DOWN, "127.0.0.1:9" in ran.out) == (True, True), ran.err


@pytest.mark.parametrize(
    "words",
    default_run(
        [("keygen", "here")],
        [
            ("keygen", "here"),
            ("import", "{home}/fra1.conf"),
            ("export", "targets", "--output", "{home}/config/out.json"),
        ],
    ),
)
def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_74_and_leaves_none(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    site = make_site(tmp_path / "site", next(each for each in SCENARIOS if each.command == words[0]))
    before = sorted(site.config.iterdir())
    ran = shell(
        site,
        "",
        *(word.format(home=site.home) for word in words),
        prepare=NO_FILE_GROWS,
    )
    assert ran.code == 74, ran.err
    assert len(ran.err.splitlines()) == 1
    assert "File too large" in ran.err
    assert [each for each in sorted(site.config.iterdir()) if each.suffix != ".lock"] == before


_MAKE_THEIR_DIRECTORY = {"demo", "add", "import", "keygen", "agent"}
_NEED_NO_DIRECTORY = {"config", "completion"}
_READ_ONLY_THE_STATE = {"alert log", "export"}
_WORK_BEFORE_THERE_IS_A_STATE = {"dashboard", "run", "probe", "trace", "doctor", "subscriptions"}


_SCENARIOS = {
    each.command: each for each in SCENARIOS if each.command not in _MAKE_THEIR_DIRECTORY | _NEED_NO_DIRECTORY
}


@pytest.mark.parametrize(
    "scenario",
    default_run(("run",), _SCENARIOS.values(), attrgetter("command")),
    ids=attrgetter("command"),
)
def test_a_directory_that_does_not_exist_is_one_line_and_exit_code_64(
    tmp_path: Path, scenario: Scenario
) -> None:
    site = site_in(tmp_path)
    option = "--state" if scenario.command in _READ_ONLY_THE_STATE else "--config"
    nowhere = tmp_path / "nowhere"
    words = (word.format(home=site.home) for word in scenario.words)
    ran = shell(site, f"{option} {nowhere}", *words)
    assert (ran.code, ran.err, ran.out) == (64, f"wgmon-tui: there is no directory {nowhere}\n", "")


@pytest.mark.parametrize(
    "scenario",
    default_run(
        ("list", "alert test"),
        (each for each in _SCENARIOS.values() if each.command not in _WORK_BEFORE_THERE_IS_A_STATE),
        attrgetter("command"),
    ),
    ids=attrgetter("command"),
)
def test_a_mistyped_state_directory_is_refused_and_not_created(tmp_path: Path, scenario: Scenario) -> None:
    site = site_in(tmp_path)
    nowhere = tmp_path / "nowhere"
    words = (word.format(home=site.home) for word in scenario.words)
    ran = shell(site, f"--state {nowhere}", *words)
    assert (ran.code, ran.err, ran.out) == (64, f"wgmon-tui: there is no directory {nowhere}\n", "")
    assert not nowhere.exists()


@pytest.mark.thorough
def test_beside_a_writer_the_plain_table_says_who_checks_and_how_old_it_is(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    write_config(site.config, quick_server("ams1"))
    with running(site.config, site.state) as program:
        program.line_with("ams1: down")
        ran = shell(site, "| cat")
    assert re.match(r"wgmon-tui: viewer · written by .* \(pid \d+\); oldest result \d+ s ago\n$", ran.err)
    assert ran.code == 2
    assert re.search(r"ams1 +port-closed +lost", ran.out)


@pytest.mark.thorough
def test_beside_a_writer_without_servers_it_says_what_to_type(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    (site.config / "servers.toml").write_text("")
    with running(site.config, site.state):
        ran = shell(site, "| cat")
    assert ran.out.startswith("No servers. To add one, type: wgmon-tui --config ")
    assert ran.out.endswith(" add NAME ENDPOINT PUBLIC_KEY\n")
    assert ran.code == 3
