"""The parameters that the server itself shows, against those of servers.toml."""

from __future__ import annotations

from dataclasses import replace

from tests.protocols.amneziawg.profiles import VERSION_2
from tests.protocols.wireguard.test_server_view_comparison import (
    CONFIGURED,
    RUNNING,
    SERVER,
    differing,
    findings,
    the,
)
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.protocols.amneziawg.settings import AmneziaWgSettings

THERE = {
    "s1": "64",
    "s2": "32",
    "s3": "24",
    "s4": "16",
    "h1": "1000-2000",
    "h2": "3000-4000",
    "h3": "5000-6000",
    "h4": "7000-8000",
}


OURS = replace(
    CONFIGURED, server=replace(SERVER, protocol=AMNEZIAWG, protocol_settings=AmneziaWgSettings.of(VERSION_2))
)


def test_the_same_parameters_on_both_sides_are_ok() -> None:
    found = findings(OURS, replace(RUNNING, parameters=THERE))
    assert the("parameters", found).result.word == "ok"
    assert differing(found) == []


def test_a_parameter_that_differs_is_named_with_both_values_and_the_line_to_change() -> None:
    found = findings(OURS, replace(RUNNING, parameters={**THERE, "s2": "33"}))
    finding = the("s2", found)
    assert finding.sentence.startswith("33 on the server, 32 in servers.toml")
    assert finding.fix == 'in servers.toml, server "fra1": s2 = 33 — in [server.amneziawg]'
    assert differing(found) == ["s2"]


def test_what_to_type_names_the_program_of_amneziawg() -> None:
    found = findings(OURS, replace(RUNNING, parameters=THERE, peers=()))
    assert the("our peer", found).fix.startswith("on the server: awg set ")


def test_a_server_of_plain_wireguard_differs_in_every_parameter_that_is_set() -> None:
    assert differing(findings(OURS, RUNNING)) == ["s1", "s2", "s3", "s4", "h1", "h2", "h3", "h4"]


def test_parameters_of_a_server_that_is_plain_here_differ() -> None:
    assert "s1" in differing(findings(CONFIGURED, replace(RUNNING, parameters=THERE)))
