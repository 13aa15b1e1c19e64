"""An AmneziaWG check in the hex view, the JSON and a pcapng file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.protocols.amneziawg.check_harness import as_amneziawg, lab_server, probing, target_of
from tests.protocols.amneziawg.profiles import PROTECTION_KEY, VERSION_1_5, VERSION_2
from tests.protocols.wireguard.harness import check
from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.packets import fields_of, find_decisive_field, is_unasked, remark_on, value_of
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.output.json_lines import json_object
from wgmon_tui.output.pcapng_export import captured_packets
from wgmon_tui.protocols.amneziawg.parameters import Parameters


async def checked(parameters: Parameters, key: bytes | None) -> Round:
    server = lab_server(parameters, key)
    async with probing(server) as prober:
        target = as_amneziawg(target_of(server, parameters, key))
        result = await check(prober, target)
    return Round((result,), (find_protocol(result.protocol).diagnose(result, target.server),))


def response_of(result: Check) -> int:
    return next(number for number, each in enumerate(result.exchange) if each.direction is Direction.RECEIVED)


async def test_the_json_names_the_fields_of_each_datagram() -> None:
    outcome = await checked(replace(VERSION_2, i1=VERSION_1_5.i2), PROTECTION_KEY)
    exchange = json_object(outcome)["exchange"]
    assert isinstance(exchange, list)
    types = [each["type"] for each in exchange]
    assert types[:3] == ["junk or signature packet", "handshake initiation", "handshake response"]
    assert [each["name"] for each in exchange[1]["fields"]][:3] == ["prefix", "type", "sender"]


async def test_a_pcapng_file_names_the_fields_in_comments() -> None:
    outcome = await checked(VERSION_2, PROTECTION_KEY)
    first, second, *_ = captured_packets(outcome)
    assert first.comment.endswith(
        "handshake initiation: prefix 0-63, type 64-67, sender 68-71, ephemeral 72-103, static 104-151, "
        "timestamp 152-179, mac1 180-195, mac2 196-211"
    )
    assert second.comment.startswith("handshake response: prefix 0-31, type 32-35")


@pytest.mark.parametrize("key", [None, PROTECTION_KEY])
async def test_values_are_shown_unless_they_are_hidden(key: bytes | None) -> None:
    result = (await checked(VERSION_2, key)).check
    number = response_of(result)
    values = {
        each.name: value_of(result, number, each) for each in fields_of(result, result.exchange[number])
    }
    if key:
        assert not any(values.values())
    else:
        assert 3000 <= int(values["type"] or 0) <= 4000
        assert (values["receiver"] or "").startswith("0x")


async def test_the_accepted_response_is_remarked_on() -> None:
    result = (await checked(VERSION_2, PROTECTION_KEY)).check
    response = result.exchange[response_of(result)]
    remark = remark_on(result, response)
    assert remark
    assert remark.tone == "good"
    assert not is_unasked(result, response)
    assert find_decisive_field(result) is None
    assert remark_on(result, result.exchange[0]) is None


async def test_an_answer_in_another_framing_is_the_decisive_packet() -> None:
    server = lab_server(VERSION_2)
    async with probing(server) as prober:
        target = as_amneziawg(target_of(server, replace(VERSION_2, s2=40), timeout=0.3))
        result = await check(prober, target)
    number = response_of(result)
    remark = remark_on(result, result.exchange[number])
    assert remark
    assert remark.text == "rejected: not a message of these parameters"
    decisive = find_decisive_field(result)
    assert decisive
    assert decisive[0] == number
