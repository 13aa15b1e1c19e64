from __future__ import annotations

import dataclasses

from tests.output.sample_rounds import healthy, server, silent, unresolved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.output.advice_lines import advice_lines
from wgmon_tui.output.common_causes import CommonCauses
from wgmon_tui.output.styled_text import TextFormat

PLAIN = TextFormat()


def failed(name: str, *causes: Cause) -> Round:
    return dataclasses.replace(
        silent(server(name)), diagnoses=(Diagnosis(Verdict.SILENT, "No answer.", (), causes),)
    )


def taken(*outcomes: Round) -> list[str]:
    common = CommonCauses()
    for each in outcomes:
        common.add(each)
    return common.take(PLAIN).split("\n")


def test_causes_of_several_servers_are_said_once() -> None:
    lines = taken(silent(server("fra1")), silent(server("lon3")), silent(server("ams2")))
    assert lines[0] == "Causes for fra1, lon3 and ams2 (silent):"
    causes = silent().diagnosis.causes
    steps = [line for cause in causes for line in advice_lines(cause.fix)]
    assert len(lines) == 1 + len(causes) + len(steps)
    assert lines[1] == f"    1. likely 1 of 5: {causes[0].cause}: {causes[0].why}"
    assert lines[2:4] == ["       → on the server:", "         wg show wg0 peers"]


def test_many_servers_are_counted() -> None:
    lines = taken(*(silent(server(f"s{number}")) for number in range(9)))
    assert lines[0] == "Causes for s0, s1, s2 and 6 more (silent):"


def test_a_next_step_that_differs_names_its_server() -> None:
    lines = taken(*(failed(name, Cause("another key", "it has one", f"type {name}")) for name in ("a", "b")))
    assert lines[1:] == ["    1. likely: another key: it has one", "       → a: type a", "       → b: type b"]


def test_a_reason_that_differs_names_its_server() -> None:
    lines = taken(*(failed(name, Cause("another key", f"{name} has one", "look")) for name in ("a", "b")))
    assert lines[1:] == [
        "    1. likely: another key",
        *("       a: a has one", "       → a: look"),
        *("       b: b has one", "       → b: look"),
    ]


def test_of_many_different_next_steps_the_first_are_shown() -> None:
    names = [f"s{number}" for number in range(100)]
    lines = taken(*(failed(name, Cause("another key", "it has one", f"type {name}")) for name in names))
    assert lines[2:] == [
        *(f"       → {name}: type {name}" for name in names[:3]),
        "       → 97 more: here:",
        "         wgmon-tui probe NAME",
    ]


def test_other_causes_are_another_list() -> None:
    lines = taken(silent(server("fra1")), unresolved(server("lon3")), healthy(server("ams2")))
    assert [line for line in lines if line.startswith("Causes")] == [
        "Causes for fra1 (silent):",
        "Causes for lon3 (dns-failure):",
    ]


def test_what_was_said_is_not_said_again() -> None:
    common = CommonCauses()
    common.add(silent(server("fra1")))
    assert common.take(PLAIN)
    common.add(silent(server("lon3")))
    assert common.take(PLAIN) == ""
