"""Answers to requests for rounds: what another version or a damaged line may contain."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

import pytest

from tests.store.golden.rounds import ROUNDS
from tests.toy_protocol import Echo, EchoProber, EchoSettings
from wgmon_tui.checks.address_prober import AddressCheck
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol import ProbeServices, ProtocolProber
from wgmon_tui.checks.registry import register, unregister
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.config.models import Server
from wgmon_tui.control.round_request import (
    RoundWithKeys,
    answer_round_with_keys,
    read_round,
    read_round_with_keys,
    run_with_keys,
)
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint

DONE = RoundWithKeys(ROUNDS[1], {"4": 40000}, ("a one-time key",))


def test_a_round_with_keys_comes_back_from_its_answer() -> None:
    assert read_round_with_keys(answer_round_with_keys(DONE)) == DONE


@pytest.mark.parametrize("encoded", [None, 7, "not base64", "ü", "AAAA"])
def test_a_round_that_cannot_be_decoded_is_none(encoded: object) -> None:
    assert read_round({"round": encoded}) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"round": None},
        {"ports": None},
        {"ports": {"4": "x"}},
        {"ports": {"4": None}},
        {"ephemerals": [7]},
        {"ephemerals": ["two\nlines"]},
    ],
)
def test_an_answer_with_a_damaged_part_is_none(damage: Mapping[str, object]) -> None:
    assert read_round_with_keys({**answer_round_with_keys(DONE), **damage}) is None


class NotingEcho(Echo):
    """Notes the word of a server as if it were a secret."""

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        note = services.note_secret

        class Noting(EchoProber):
            async def check_address(self, asked: AddressCheck[ServerTarget]) -> Check:
                assert note
                note(asked.server.protocol_settings.word)
                return self.make_check(asked.server, asked.address)

        return Noting()


async def test_the_prober_of_any_protocol_is_asked_for_its_secrets() -> None:
    register(NotingEcho())
    try:
        endpoint = Endpoint("127.0.0.1", 9)
        server = Server("a", endpoint, protocol="echo", protocol_settings=EchoSettings("moon"))

        def run(prober: FleetProber) -> Awaitable[Round]:
            return run_check_round(prober, server, ServerTarget(server), CheckDepth())

        done = await run_with_keys(run, server, ProbeServices(lambda _: b""))
    finally:
        unregister("echo")
    assert done.secrets == ("moon",)
    assert "moon" not in repr(done)
    assert done.ports == {}
