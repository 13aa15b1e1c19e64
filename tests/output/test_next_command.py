"""The command of the likeliest cause: what is typed, where, and what is only an explanation."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import wgmon_tui
import wgmon_tui.protocols.wireguard as wireguard
from tests.tui import sample_exchanges
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.output.next_command import NextCommand, command_of, parse_advice

KEY = "jXO7IRWZf6Rhm4rPWkYmCz9Z7+tSRYxvCc0oI0nQRx8="


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (
            f"on the server: wg show wg0 peers — must list {KEY}",
            NextCommand("wg show wg0 peers", "on the server", f"must list {KEY}", placeholders=("wg0",)),
        ),
        ("mtr -u -P 51820 fra1", NextCommand("mtr -u -P 51820 fra1")),
        (
            "on the server: nft list ruleset | grep 51820; tcpdump -ni any udp port 51820",
            NextCommand("nft list ruleset | grep 51820; tcpdump -ni any udp port 51820", "on the server"),
        ),
        (
            "ip route; restart the gateway; nft list ruleset",
            NextCommand("ip route", look_for="restart the gateway; nft list ruleset"),
        ),
        (
            "mtr -u -P 51820 fra1; on the server: tc -s qdisc; top",
            NextCommand("mtr -u -P 51820 fra1", look_for="on the server: tc -s qdisc; top"),
        ),
        ("on fd00::1: ss -ltn sport = :53", NextCommand("ss -ltn sport = :53", "on fd00::1")),
        (
            'in servers.toml, server "a: b": tunnel_ping = ["INNER-ADDRESS"] — or tunnel = false',
            NextCommand(
                'tunnel_ping = ["INNER-ADDRESS"]',
                'in servers.toml, server "a: b"',
                "or tunnel = false",
                is_setting=True,
                placeholders=("INNER-ADDRESS",),
            ),
        ),
        (
            'here: wgmon-tui keygen NAME — then give server "fra1" an identity of its own',
            NextCommand(
                "wgmon-tui keygen NAME",
                "here",
                'then give server "fra1" an identity of its own',
                placeholders=("NAME",),
            ),
        ),
        ("dig fra1 A fra1 AAAA", NextCommand("dig fra1 A fra1 AAAA")),
    ],
)
def test_advice_is_taken_apart(advice: str, expected: NextCommand) -> None:
    assert parse_advice(advice) == expected


@pytest.mark.parametrize(
    "advice", ["", "restart the tunnel", "on the server: add 10.0.0.1 to the AllowedIPs"]
)
def test_prose_is_no_command(advice: str) -> None:
    assert parse_advice(advice) is None


def test_the_interface_that_the_inspect_command_names_replaces_wg0() -> None:
    command = parse_advice("on the server: wg show wg0; systemctl status wg-quick@wg0", "wg-eu")
    assert command == NextCommand("wg show wg-eu; systemctl status wg-quick@wg-eu", "on the server")


def test_control_characters_do_not_reach_the_line() -> None:
    command = parse_advice("mtr -u -P 51820 fra1\x1b]52;c;\x07\nreboot")
    assert command is not None
    assert command.line.isprintable()


SILENT = ServerState(
    sample_exchanges.server("fra1"), last=sample_exchanges.round_of(sample_exchanges.silent("fra1"))
)
HEALTHY = ServerState(
    sample_exchanges.server("fra1"),
    last=sample_exchanges.round_of(sample_exchanges.proven(sample_exchanges.healthy("fra1"))),
)


def test_a_server_that_is_down_has_the_command_of_its_likeliest_cause() -> None:
    assert SILENT.diagnosis is not None
    command = command_of(SILENT.server, SILENT.diagnosis)
    assert command is not None
    assert f"{command.place}: {command.line}" in SILENT.diagnosis.causes[0].fix


def test_a_healthy_server_has_nothing_to_type() -> None:
    assert command_of(HEALTHY.server, HEALTHY.diagnosis) is None


def test_a_server_without_a_diagnosis_has_nothing_to_type() -> None:
    assert command_of(SILENT.server, None) is None


_ADVICE_AT = {"Cause": 2, "Finding": 3}
"""The place of the advice among the arguments."""


def _advice_in_the_sources(files: Iterable[Path] | None = None) -> list[str]:
    """The advice of every `Cause(...)` and `Finding(...)`, with X for what is filled in."""
    texts = (path.read_text() for path in files or Path(wireguard.__file__).parent.glob("*.py"))
    nodes = (
        node
        for text in texts
        if any(f"{name}(" in text for name in _ADVICE_AT)  # to parse all files takes a second
        for node in ast.walk(ast.parse(text))
    )
    calls = (
        (node, _ADVICE_AT.get(getattr(node.func, "id", ""))) for node in nodes if isinstance(node, ast.Call)
    )
    found = (_text(call.args[at]) for call, at in calls if at is not None and len(call.args) > at)
    return [each for each in found if each]


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _filled_in(ast.unparse(part))
            for part in node.values
        )
    return ""


def _filled_in(expression: str) -> str:
    known = {"{setting}": 'endpoint = "X"', "{command}": "wg set X"}
    return "nft list ruleset" if "PLATFORM" in expression else known.get(expression, "X")


_PROSE = ("add its IPvX tunnel address",)
"""Advice that nobody can type as it is."""


def test_the_advice_of_every_cause_contains_a_line_to_type() -> None:
    every = _advice_in_the_sources()
    assert len(every) > 25
    without = [each for each in every if parse_advice(each) is None]
    assert all(any(prose in each for prose in _PROSE) for each in without), without


def test_no_advice_filters_packets_by_bytes_that_ipv6_or_a_framing_moves() -> None:
    # pcap-filter(7): an expression such as udp[8] looks only at IPv4 packets. AmneziaWG moves the type.
    every = _advice_in_the_sources(Path(wgmon_tui.__file__).parent.rglob("*.py"))
    assert any("tcpdump" in each for each in every)
    assert not [each for each in every if "udp[" in each]


_LIKE_A_COMMAND = re.compile(r"(?:(?:on|in|here)\b[^:]*: )?[a-z./]\S* (?:[a-z-]+ )?[-/'\"]")
"""A word that could be a program, and an option, path or quotation after it."""


def test_the_advice_of_no_protocol_is_a_command_that_is_not_recognised() -> None:
    every = _advice_in_the_sources(Path(wgmon_tui.__file__).parent.rglob("*.py"))
    assert len(every) > 200
    missed = [each for each in every if _LIKE_A_COMMAND.match(each) and parse_advice(each) is None]
    assert missed == []


def test_the_advice_of_no_cause_hides_a_command_behind_what_to_look_for() -> None:
    found = [parse_advice(each) for each in _advice_in_the_sources()]
    hidden = [
        each.look_for
        for each in found
        if each and any(parse_advice(part) for part in each.look_for.replace(" — ", "; ").split("; "))
    ]
    assert hidden == []
