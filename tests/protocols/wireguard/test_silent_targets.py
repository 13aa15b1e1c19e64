"""Tests of the causes of silent inner targets: which are possible depends on what else answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.protocols.wireguard.sample_evidence import SERVER
from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import silent_targets

LAN, LAN_V6, TUNNEL = "192.168.50.2", "2001:db8:50::2", "10.8.0.77"
FORWARDING, WAY_BACK, HOST_DOWN = "does not forward packets", "find no way back", "the inner host or service"
PROBED_AS = ProbedAs(SERVER.public_key, (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")))
HOP = InnerHop(4, ip_address("10.8.0.1"), 0.01)


def silent(target: str) -> InnerEcho:
    return InnerEcho(target, 3, 0, None)


def causes_of(target: str, *evidence: Evidence) -> Sequence[str]:
    found = (silent(target), HOP, *evidence)
    return [each.cause for each in silent_targets.rank(SERVER, PROBED_AS, found, [target], ["10.8.0.1"])]


def names(causes: Sequence[str], words: str) -> bool:
    return any(words in each for each in causes)


@pytest.mark.parametrize("target", [LAN, LAN_V6])
def test_a_host_behind_the_server_needs_forwarding_and_a_way_back(target: str) -> None:
    causes = causes_of(target)
    assert all(names(causes, words) for words in (HOST_DOWN, FORWARDING, WAY_BACK))


@pytest.mark.parametrize("target", [TUNNEL, "10.8.0.1", "fd00::77"])
def test_an_address_of_the_tunnel_itself_needs_neither(target: str) -> None:
    causes = causes_of(target)
    assert names(causes, HOST_DOWN)
    assert not names(causes, FORWARDING)
    assert not names(causes, WAY_BACK)


def test_a_server_forwards_if_another_host_behind_it_answers() -> None:
    causes = causes_of(LAN, InnerEcho("192.168.51.9", 3, 3, 0.01))
    assert names(causes, WAY_BACK)
    assert not names(causes, FORWARDING)


def test_forwarding_of_the_other_ip_version_shows_nothing() -> None:
    assert names(causes_of(LAN, InnerEcho(LAN_V6, 3, 3, 0.01)), FORWARDING)


def test_what_the_server_rejects_says_nothing_of_the_host() -> None:
    rejected = InnerIcmp(ip_address("10.8.0.1"), 4, 3, 13, ip_address(LAN))
    assert causes_of(LAN, rejected) == []


def test_a_host_that_its_router_reports_as_unreachable_may_be_down() -> None:
    assert names(causes_of(LAN, InnerIcmp(ip_address("10.8.0.1"), 4, 3, 1, ip_address(LAN))), HOST_DOWN)


def test_a_host_whose_service_answers_is_not_down() -> None:
    [cause] = causes_of(LAN, InnerService("tcp", f"{LAN}:443", "open"))
    assert cause == "the host does not answer echoes, or a firewall drops them"


@pytest.mark.parametrize(
    ("service", "typed"),
    [
        (InnerService("tcp", f"{LAN}:443", None), "ss -ltnp sport = :443"),
        (InnerService("tcp", f"[{LAN_V6}]:443", None), "ss -ltnp sport = :443"),
        (InnerService("dns", f"example.net@{LAN}", None), "ss -lunp sport = :53"),
    ],
)
def test_a_silent_service_on_a_host_that_answers_is_asked_for_on_that_host(
    service: InnerService, typed: str
) -> None:
    host = LAN_V6 if LAN_V6 in service.target else LAN
    found = (InnerEcho(host, 3, 3, 0.01), HOP, service)
    [cause] = silent_targets.rank(SERVER, PROBED_AS, found, [service.target], [])
    assert cause.fix.startswith(f"on {host}: {typed};")


def test_the_command_for_a_silent_port_names_its_host_alone() -> None:
    target = f"{LAN}:443"
    found = (InnerService("tcp", target, None), HOP)
    first = silent_targets.rank(SERVER, PROBED_AS, found, [target], ["10.8.0.1"])[0]
    assert first.fix == f"on the server: ping {LAN}; ip route get {LAN}"


def test_the_own_tunnel_address_as_a_target_is_the_only_cause() -> None:
    server = replace(SERVER, tunnel_ping=(ip_address("10.8.0.250"),))
    [cause] = silent_targets.rank(server, PROBED_AS, (silent("10.8.0.250"), HOP), ["10.8.0.250"], [])
    assert cause.proven
    assert cause.cause == "10.8.0.250 is the tunnel address of this identity itself, not one of the server"
