"""Plugin output, parsed as the monitoring systems parse it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import check, healthy, round_of, server, silent, unresolved, with_summary
from wgmon_tui.checks.check import Handshake, Tunnel
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.nagios import (
    LONGEST_LINE,
    CheckedServer,
    PluginState,
    checkmk_line,
    checkmk_trouble,
    nagios_line,
    nagios_trouble,
    state_of,
)

# Form of the guidelines: 'label'=value[UOM];[warn];[crit];[min];[max], separated by spaces.
FIGURE = re.compile(
    r"(?:'([^'=]+)'|([^' =]+))=(-?[0-9]+(?:\.[0-9]+)?)(s|%|B|)((?:;[0-9.]*){0,4})(?: |$)", re.ASCII
)
LOCAL = re.compile(r'([0-3]) "([^"\']+)" ([^ ]+) (.+)')


def looked(*rounds: Round, slow: float = 0.5) -> CheckedServer:
    name = rounds[0].check.server
    return CheckedServer(replace(server(name), slow=slow), rounds)


def named(outcome: Round, name: str) -> Round:
    return replace(outcome, checks=tuple(replace(each, server=name) for each in outcome.checks))


def figures(line: str) -> dict[str, str]:
    """Return the performance values by label; everything after the bar must be performance data."""
    _, _, behind = line.partition(" | ")
    found = list(FIGURE.finditer(behind))
    assert "".join(each[0] for each in found) == behind
    return {each[1] or each[2]: f"{each[3]}{each[4]}{each[5]}" for each in found}


def measured(sent: int, handshake: Handshake | None, tunnel: Tunnel | None = None) -> Round:
    of = server()
    made = check(of, *(() if handshake else (Silence(5.0),)), handshake=handshake)
    return round_of(of, replace(made, sent=sent, tunnel=tunnel))


def test_a_healthy_server_is_ok_with_what_was_measured_and_the_limit_of_slow() -> None:
    line = nagios_line([looked(measured(2, Handshake(0.0123456, 1), Tunnel(4, 3, 0.0111, 1420, False)))])
    said, _, _ = line.partition(" | ")
    assert said.startswith("WIREGUARD OK - fra1 healthy: ")
    assert figures(line) == {
        "rtt": "0.012346s;0.5;;0",
        "loss": "50%;;;0;100",
        "tunnel_rtt": "0.0111s;;;0",
        "tunnel_loss": "25%;;;0;100",
        "tunnel_mtu": "1420B;;;0",
    }


def test_what_was_not_measured_is_no_figure() -> None:
    assert list(figures(nagios_line([looked(measured(3, None))]))) == ["loss"]
    assert "|" not in nagios_line([looked(unresolved())])


def test_the_first_hop_asked_in_place_of_an_inner_address_is_no_loss() -> None:
    line = nagios_line([looked(measured(1, Handshake(0.01), Tunnel(2, 1, None, None, True)))])
    assert "tunnel_loss" not in figures(line)


def test_several_looks_are_one_line_the_loss_of_all_and_the_state_of_the_last() -> None:
    line = nagios_line([looked(measured(3, None), measured(1, Handshake(0.01)))])
    assert line.startswith("WIREGUARD OK - ")
    assert figures(line)["loss"] == "75%;;;0;100"


@pytest.mark.parametrize(
    ("severities", "state"),
    [
        ([Severity.UP, Severity.UP], PluginState.OK),
        ([Severity.UP, Severity.UNKNOWN], PluginState.UNKNOWN),
        ([Severity.UNKNOWN, Severity.DEGRADED], PluginState.WARNING),
        ([Severity.DEGRADED, Severity.DOWN, Severity.UNKNOWN], PluginState.CRITICAL),
    ],
)
def test_the_worst_state_stands_for_all(severities: list[Severity], state: PluginState) -> None:
    assert state_of(severities) is state


def test_of_several_servers_the_worst_is_named_first_and_those_that_are_well_are_counted() -> None:
    slow = named(measured(1, Handshake(0.7)), "ams1")
    line = nagios_line([looked(healthy()), looked(slow), looked(named(silent(), "waw1"))])
    assert line.startswith("WIREGUARD CRITICAL - 1 down, 1 degraded, 1 up: waw1 silent: ")
    assert line.index("waw1 silent") < line.index("ams1 slow")
    found = figures(line)
    assert (found["down"], found["degraded"], found["up"]) == ("1;0;;0;3", "1;0;;0;3", "1;;;0;3")
    assert found["ams1 rtt"] == "0.7s;0.5;;0"


@pytest.mark.parametrize(
    ("protocols", "word"), [(("openvpn", "openvpn"), "OPENVPN"), (("wireguard", "openvpn"), "WGMON-TUI")]
)
def test_the_first_word_is_the_protocol_unless_there_are_several(
    protocols: tuple[str, ...], word: str
) -> None:
    checked = [looked(healthy()) for _ in protocols]
    of_protocols = [
        replace(each, server=replace(each.server, protocol=protocol))
        for each, protocol in zip(checked, protocols, strict=True)
    ]
    assert nagios_line(of_protocols).startswith(f"{word} OK - ")


def test_a_crowd_that_is_down_is_counted_and_its_line_stays_whole() -> None:
    run_load_servers = [looked(named(measured(3, None), f"server number {number}")) for number in range(2000)]
    line = nagios_line(run_load_servers)
    assert "; and 1992 more | " in line
    assert len(line.encode()) <= LONGEST_LINE
    assert list(figures(line)) == ["up", "degraded", "down", "unknown"]


@given(st.text(min_size=1))
def test_text_from_outside_adds_neither_lines_nor_figures(text: str) -> None:
    stranger = looked(with_summary(text))
    assert "|" not in nagios_line([stranger])
    for line in (nagios_line([stranger]), nagios_line([stranger, looked(healthy())]), nagios_trouble(text)):
        assert line.isprintable()
        figures(line)


# checkmk


def test_checkmk_gets_a_service_a_server() -> None:
    line = checkmk_line(looked(measured(1, Handshake(0.7), Tunnel(2, 2, 0.6, None, False))))
    match = LOCAL.fullmatch(line)
    assert match
    assert match.groups()[:3] == (
        "1",
        "WireGuard fra1",
        "rtt=0.7;0.5;;0|loss=0;;;0;100|tunnel_rtt=0.6;;;0|tunnel_loss=0;;;0;100",
    )
    assert match[4].startswith("fra1 slow: ")


@given(st.text(min_size=1))
def test_text_from_outside_stays_in_its_place_of_a_checkmk_line(text: str) -> None:
    match = LOCAL.fullmatch(checkmk_line(looked(with_summary(text))))
    assert match
    assert match[1] == "2"
    assert match[3] == "-"
    assert "\\n" not in match[4]
    trouble = LOCAL.fullmatch(checkmk_trouble(f"servers.toml: {text}"))
    assert trouble
    assert trouble.groups()[:3] == ("3", "WireGuard", "-")
