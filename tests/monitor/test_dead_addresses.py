"""Tests of a name with a dead address beside one that works."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import Evidence, OtherAddressAnswered, Silence, SocketError
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.dead_addresses import degrade_dead_addresses, name_untested_addresses
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.output.nagios import CheckedServer, nagios_line
from wgmon_tui.protocols.wireguard.diagnose import diagnose

SERVER = Server(
    "fra1", Endpoint("fra1.example.net", 51820), PublicKey(bytes(range(32))), "bastion", tunnel=False
)
IPV4, OTHER_IPV4, IPV6 = "10.99.0.2", "10.99.0.3", "fd99::2"


def check_of(address: str, *answered: str) -> Check:
    """A check of an address: answered if it is in `answered`."""
    if address in answered:
        return Check(
            "fra1", "here", SERVER.endpoint, ip_address(address), 1_700_000_000.0, Handshake(0.02), sent=1
        )
    evidence: tuple[Evidence, ...] = (
        Silence(5.0),
        *(OtherAddressAnswered(ip_address(each)) for each in answered),
    )
    return Check(
        "fra1", "here", SERVER.endpoint, ip_address(address), 1_700_000_000.0, None, evidence, sent=2
    )


def round_of(addresses: list[str], answered: list[str]) -> Round:
    checks = [check_of(each, *answered) for each in addresses]
    diagnosed = degrade_dead_addresses([(each, diagnose(each, SERVER)) for each in checks])
    return Round(tuple(check for check, _ in diagnosed), tuple(diagnosis for _, diagnosis in diagnosed))


def test_a_dead_ipv6_address_beside_a_healthy_ipv4_one_is_degraded_and_named() -> None:
    outcome = round_of([IPV6, IPV4], [IPV4])
    assert outcome.diagnosis.verdict is Verdict.ADDRESS_DEAD
    assert outcome.diagnosis.verdict.severity is Severity.DEGRADED
    assert outcome.diagnosis.summary == (
        "1 of 2 addresses is dead (fd99::2: silent); 10.99.0.2 is healthy. Clients that use IPv6 get nothing"
        ", as most systems do if they have it: WireGuard tries one address only."
    )


def test_an_address_that_this_machine_cannot_send_to_is_named_as_not_tested() -> None:
    works, without_route = (
        check_of(IPV4, IPV4),
        replace(check_of(IPV6), evidence=(SocketError(0.0, "ENETUNREACH"),), sent=0),
    )
    diagnosed = [(each, diagnose(each, SERVER)) for each in (works, without_route)]
    (_, healthy), (_, unknown) = name_untested_addresses(diagnosed)
    assert (healthy.verdict, unknown.verdict) == (Verdict.HEALTHY, Verdict.LOCAL_FAULT)
    assert healthy.summary.endswith(". Not tested: fd99::2.")
    assert unknown == diagnosed[1][1]


def test_where_nothing_can_be_tested_each_address_keeps_its_summary() -> None:
    without_route = replace(check_of(IPV6), evidence=(SocketError(0.0, "ENETUNREACH"),), sent=0)
    diagnosed = [(without_route, diagnose(without_route, SERVER))] * 2
    assert name_untested_addresses(diagnosed) == diagnosed


def test_one_dead_address_of_a_version_affects_the_clients_that_get_it_first() -> None:
    summary = round_of([IPV4, OTHER_IPV4], [OTHER_IPV4]).diagnosis.summary
    assert summary.startswith("1 of 2 addresses is dead (10.99.0.2: silent); 10.99.0.3 is healthy.")
    assert "whose resolver returns 10.99.0.2 first" in summary


def test_the_working_address_keeps_its_own_verdict() -> None:
    assert round_of([IPV6, IPV4], [IPV4]).diagnoses[1].verdict is Verdict.HEALTHY


@pytest.mark.parametrize(
    ("answered", "verdict"), [([], Verdict.SILENT), ([IPV4, IPV6], Verdict.HEALTHY)], ids=["none", "all"]
)
def test_addresses_that_agree_keep_their_verdict(answered: list[str], verdict: Verdict) -> None:
    assert round_of([IPV6, IPV4], answered).diagnosis.verdict is verdict


def test_the_causes_are_those_of_the_dead_address() -> None:
    outcome = round_of([IPV6, IPV4], [IPV4])
    assert outcome.diagnosis.causes[0].cause.startswith("the path to this address is broken")


def test_no_check_of_a_name_with_one_dead_address_counts_as_lost() -> None:
    fleet_state = FleetState([SERVER])
    fleet_state.record("fra1", round_of([IPV6, IPV4], [IPV4]), 1_700_000_001.0)
    assert fleet_state.states["fra1"].samples.loss() == 0.0
    assert fleet_state.states["fra1"].rtt == 0.02


def test_nagios_warns_without_loss() -> None:
    line = nagios_line([CheckedServer(SERVER, (round_of([IPV6, IPV4], [IPV4]),))])
    assert line.startswith("WIREGUARD WARNING - fra1 address-dead: 1 of 2 addresses is dead")
    assert "loss=0%" in line
