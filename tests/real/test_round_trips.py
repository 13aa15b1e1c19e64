"""Tests of long round trips and of replies from elsewhere, through a relay in front of wireguard-go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.real.relay import Relay
from tests.real.relay_settings import AnswerFrom, OneWay, RelaySettings, both_ways
from tests.real.server import prober_at
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import AnsweredFromElsewhere, LateAnswer
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.targets import Target

pytestmark = pytest.mark.repeated_if_starved

INNER = ip_address("10.7.0.1")


@contextmanager
def relayed(
    server: WireguardGo, settings: RelaySettings, timeout_s: float = 5.0
) -> Iterator[tuple[Target, Relay]]:
    """A relay in front of the server, and the target that names the relay."""
    private_key = server.new_peer()
    own = ip_interface(f"10.7.0.{server._peers}/24")
    relay = Relay(server.path, server.endpoint(4), settings)
    address, port = relay.endpoint
    entered = Server("real", Endpoint(str(address), port), server.public_key, "tests", tunnel_ping=(INNER,))
    try:
        yield Target(replace(entered, timeout=timeout_s), private_key, tunnel_addresses=(own,)), relay
    finally:
        relay.close()


async def checked(server: WireguardGo, target: Target, *, explain: bool = False) -> tuple[Check, Diagnosis]:
    async with prober_at(server) as prober:
        address = ip_address(target.server.endpoint.host)
        result = await prober.check(target, address, explain=explain)
    return result, diagnose(result, target.server)


@pytest.mark.parametrize(
    ("rtt", "timeout_s"),
    [
        (0.65, 1.0),
        *(
            pytest.param(*each, marks=pytest.mark.thorough)
            for each in [(0.65, 2.0), (1.2, 2.0), (2.0, 3.0), (3.0, 5.0), (3.0, 10.0), (4.0, 5.0)]
        ),
    ],
)
async def test_a_long_round_trip_is_slow_and_loses_nothing(
    wireguard_go: WireguardGo, rtt: float, timeout_s: float
) -> None:
    with relayed(wireguard_go, both_ways(delay_s=rtt / 2), timeout_s) as (target, _):
        result, diagnosis = await checked(wireguard_go, target)
    assert diagnosis.verdict is Verdict.SLOW
    assert result.handshake is not None
    assert result.handshake.rtt >= 0.98 * rtt
    assert result.tunnel is not None
    assert result.tunnel.received == result.tunnel.sent == 3


async def test_a_round_trip_beyond_the_timeout_is_slow_and_no_unknown_key(wireguard_go: WireguardGo) -> None:
    with relayed(wireguard_go, both_ways(delay_s=0.9), 1.0) as (target, _):
        result, diagnosis = await checked(wireguard_go, target, explain=True)
    assert all_of_kind(LateAnswer, result.evidence)
    assert diagnosis.verdict is Verdict.SLOW
    assert "later than the timeout of 1.00 s" in diagnosis.summary


@pytest.mark.parametrize("elsewhere", [AnswerFrom.OTHER_ADDRESS, AnswerFrom.OTHER_PORT])
async def test_answers_from_elsewhere_are_not_healthy(
    wireguard_go: WireguardGo, elsewhere: AnswerFrom
) -> None:
    with relayed(wireguard_go, RelaySettings(answer_from=elsewhere)) as (target, _):
        result, diagnosis = await checked(wireguard_go, target)
    assert len(all_of_kind(AnsweredFromElsewhere, result.evidence)) == 1
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert diagnosis.summary.startswith("Answers come from")


@pytest.mark.thorough
async def test_a_lost_initiation_stands_in_the_evidence(wireguard_go: WireguardGo) -> None:
    first_lost = RelaySettings(to_server=OneWay(lose_first=1))
    with relayed(wireguard_go, first_lost, 1.0) as (target, _):
        _, diagnosis = await checked(wireguard_go, target)
    assert diagnosis.verdict is Verdict.HEALTHY
    assert "1 initiation got no answer" in diagnosis.evidence[0]
