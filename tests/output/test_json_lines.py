from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import (
    check,
    exchange,
    healthy,
    round_of,
    server,
    silent,
    unresolved,
    with_summary,
)
from tests.protocols.wireguard.harness import (
    IDENTITY,
    PSK,
    ScriptedServer,
    make_target,
    opened_prober,
    response_to,
)
from tests.protocols.wireguard.harness import check as check_now
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.evidence import FlowCut, Silence, Soak
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.output.json_lines import json_line
from wgmon_tui.protocols.wireguard.wire import fields_of

CONTRACT = [
    "server",
    "vantage",
    "endpoint",
    "address",
    "verdict",
    "severity",
    "summary",
    "rtt_ms",
    "handshake",
    "tunnel",
    "port_monitor",
    "causes",
    "evidence",
    "exchange",
    "started_at",
    "addresses",
    "soak",
    "stages",
    "failed_stage",
    "fetches",
]


def read(line: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(line)
    return parsed


@pytest.mark.parametrize("outcome", [healthy(), silent(), unresolved()], ids=["up", "silent", "no address"])
def test_the_keys_are_those_that_others_script_against(outcome: Any) -> None:
    assert list(read(json_line(outcome))) == CONTRACT


def test_a_healthy_server() -> None:
    line = read(json_line(healthy()))
    assert line["server"] == "fra1"
    assert line["vantage"] == "here"
    assert line["endpoint"] == "fra1.example.net:51820"
    assert line["address"] == "192.0.2.7"
    assert (line["verdict"], line["severity"]) == ("healthy", "up")
    assert line["rtt_ms"] == 12.346
    assert line["handshake"] == {"rtt_ms": 12.346, "cookie": False, "retransmits": 1}
    assert line["causes"] == []
    assert line["started_at"] == "2023-11-14T22:13:20.250+00:00"


def test_the_stages_of_each_address_have_their_outcome_time_and_detail() -> None:
    stages = (
        Stage("resolve", StageOutcome.PASSED, 0.002, "looked up 12 s ago"),
        Stage("handshake", StageOutcome.FAILED),
    )
    outcome = silent()
    line = read(json_line(replace(outcome, checks=(replace(outcome.check, stages=stages),))))

    assert line["stages"] == [
        {"stage": "resolve", "outcome": "passed", "ms": 2.0, "detail": "looked up 12 s ago"},
        {"stage": "handshake", "outcome": "failed", "ms": None, "detail": None},
    ]
    assert line["failed_stage"] == "handshake"
    [address] = line["addresses"]
    assert (address["stages"], address["failed_stage"]) == (line["stages"], "handshake")


def test_a_check_without_stages_has_an_empty_list() -> None:
    line = read(json_line(healthy()))

    assert (line["stages"], line["failed_stage"]) == ([], None)


def test_absent_facts_are_null() -> None:
    line = read(json_line(unresolved()))
    absent = [key for key, value in line.items() if value is None]
    assert absent == ["address", "rtt_ms", "handshake", "tunnel", "port_monitor", "soak"]
    assert line["exchange"] == []


def test_a_soak_and_the_cut_that_it_found_are_numbers() -> None:
    outcome = healthy()
    found = (Soak(45, 25, 32_000, 12.3456), FlowCut(50, 31_000, 5.0004, 20))
    soaked = replace(outcome, checks=(replace(outcome.check, evidence=found),))
    assert read(json_line(soaked))["soak"] == {
        "sent": 45,
        "received": 25,
        "bytes": 32_000,
        "seconds": 12.346,
        "cut": {"packets": 50, "bytes": 31_000, "seconds": 5.0, "unanswered": 20},
    }


def test_causes_say_what_why_and_what_to_type() -> None:
    line = read(json_line(silent()))
    assert len(line["causes"]) >= 5
    for cause in line["causes"]:
        assert list(cause) == ["cause", "why", "fix", "hypothesis", "proven"]
        assert all((cause["cause"], cause["why"], cause["fix"], cause["hypothesis"]))
        assert cause["proven"] is False
    assert line["evidence"] == ["no authentic answer within 5.00 s"]


def test_every_packet_is_there_byte_for_byte_with_every_field_of_it() -> None:
    packets = exchange()
    of = server()
    outcome = round_of(of, check(of, handshake=Handshake(0.012), packets=packets))
    shown = read(json_line(outcome))["exchange"]
    assert [(each["dir"], each["type"], each["t"]) for each in shown] == [
        ("sent", "handshake initiation", 0.0),
        ("received", "handshake response", 0.012346),
        ("sent", "keepalive", 0.0125),
    ]
    for each, packet in zip(shown, packets, strict=True):
        assert bytes.fromhex(each["hex"]) == packet.data
        assert each["len"] == len(packet.data)
        assert [(field["name"], field["offset"], field["length"]) for field in each["fields"]] == [
            (field.name, field.offset, field.length) for field in fields_of(packet.data)
        ]
        assert sum(field["length"] for field in each["fields"]) == each["len"]


def test_every_address_has_its_own_verdict_and_the_worst_leads() -> None:
    of = server()
    lost = check(of, Silence(5.0), address="2001:db8::7")
    fine = check(of, handshake=Handshake(0.02))
    line = read(json_line(round_of(of, lost, fine)))
    assert (line["address"], line["verdict"]) == ("2001:db8::7", "silent")
    assert [(each["address"], each["verdict"]) for each in line["addresses"]] == [
        ("2001:db8::7", "silent"),
        ("192.0.2.7", "healthy"),
    ]


@given(st.text())
def test_a_line_is_one_line_of_ascii_whatever_a_stranger_says(text: str) -> None:
    line = json_line(with_summary(text))
    assert line.isascii()
    assert line.isprintable()
    assert read(line)["summary"] == text


async def test_no_secret_is_in_a_line() -> None:
    async with ScriptedServer(lambda it: [response_to(it, PSK)]) as listening, opened_prober() as prober:
        target = make_target(listening.endpoint, psk=PSK)
        result = await check_now(prober, target)
    assert result.handshake
    line = json_line(round_of(target.server, result))
    for secret in (IDENTITY.raw, PSK.raw):
        assert secret.hex() not in line
        assert base64.b64encode(secret).decode() not in line
