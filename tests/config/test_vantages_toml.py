"""`quorum` and `[[vantage]]` of config.toml."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.config.error_line import without_line
from tests.config.sample_fleets import server
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError

TWO = """
quorum = 2

[[vantage]]
name = "fra"
host = "probe@fra1.example.net"
tags = ["eu"]

[[vantage]]
name = "nyc"
command = ["nsenter", "-n", "wgmon-tui", "agent"]
"""


def test_without_any_word_of_it_this_place_alone_decides() -> None:
    config = parse_config("")
    assert config.vantages == ()
    assert config.quorum == 1


def test_a_host_is_reached_by_openssh_which_asks_nobody_and_notices_a_cut_line() -> None:
    config = parse_config(TWO)
    fra, nyc = config.vantages
    assert config.quorum == 2
    assert fra.command[0] == "ssh"
    assert fra.command[-4:] == ("--", "probe@fra1.example.net", "wgmon-tui", "agent")
    assert {"BatchMode=yes", "ServerAliveInterval=15"} <= set(fra.command)
    assert nyc.command == ("nsenter", "-n", "wgmon-tui", "agent")


def test_tags_choose_the_servers_and_without_tags_all_are_watched() -> None:
    fra, nyc = parse_config(TWO).vantages
    here, there = replace(server(), tags=("edge", "eu")), replace(server(), tags=("us",))
    assert fra.covers(here)
    assert not fra.covers(there)
    assert nyc.covers(here)
    assert nyc.covers(there)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[[vantage]]\nhost = "a"',
            'config.toml: vantage 1: key name: missing; add name = "…"',
        ),
        (
            '[[vantage]]\nname = "local"\nhost = "a"',
            'config.toml: vantage "local": key name: "local" means this machine',
        ),
        (
            '[[vantage]]\nname = "fra"',
            'config.toml: vantage "fra": key host: expected exactly one of host = ',
        ),
        (
            '[[vantage]]\nname = "fra"\nhost = "a"\ncommand = ["ssh", "a"]',
            'config.toml: vantage "fra": key host: expected exactly one of host = ',
        ),
        (
            '[[vantage]]\nname = "fra"\nhost = "-oProxyCommand=sh"',
            'config.toml: vantage "fra": key host: expected a host such as "probe@fra1.example.net", got ',
        ),
        (
            '[[vantage]]\nname = "fra"\nhost = "fra1 reboot"',
            'config.toml: vantage "fra": key host: expected a host such as ',
        ),
        (
            '[[vantage]]\nname = "fra"\ncommand = "ssh fra1"',
            'config.toml: vantage "fra": key command: expected a list of texts such as ["ssh", ',
        ),
        (
            '[[vantage]]\nname = "fra"\nhosts = "a"',
            'config.toml: vantage "fra": unknown setting "hosts"; did you mean "host"?',
        ),
        (
            '[[vantage]]\nname = "fra"\nhost = "a"\n[[vantage]]\nname = "fra"\nhost = "b"',
            'config.toml: vantage "fra": key name: this name is used twice',
        ),
        ("quorum = 2", "config.toml: key quorum: expected at most 1, got 2: "),
        ("quorum = 0", "config.toml: key quorum: expected an integer from 1 to 1000, got 0"),
    ],
)
def test_what_cannot_stand_is_refused_on_one_line(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_config(text)
    assert without_line(refused.value).startswith(line)
