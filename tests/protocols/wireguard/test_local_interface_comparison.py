"""Tests of the comparison between a local interface and the prober's verdict."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, LocalPeer
from wgmon_tui.checks.prober_verdict import ProberVerdict, make_prober_verdict
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, PeerEntry
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.local_interface_comparison import (
    compare_local_peer,
    local_peers,
)

NOW = 1_700_000_000.0


def key(number: int) -> PublicKey:
    return PrivateKey(bytes([number]) * 32).public


THEIRS, US, ITS, OLD = key(1), key(2), key(3), key(4)
SERVER = Server("fra1", Endpoint("fra1.example.net", 51820), THEIRS, "bastion", known_keys=(OLD,))
CONFIGURED = ConfiguredSide(SERVER, US, (ip_interface("10.8.0.250/32"),), False)
HERE, THERE = Endpoint("192.0.2.7", 51820), Endpoint("192.0.2.99", 51820)


def found(verdict: Verdict, since: float = NOW - 1) -> ProberVerdict:
    return ProberVerdict(verdict, since, {HERE: verdict})


def peer(age: float | None, keepalive_s: int | None = 25, endpoint: Endpoint | None = HERE) -> LocalPeer:
    latest = None if age is None else int(NOW - age)
    return LocalPeer("wg0", ITS, PeerEntry(THEIRS, False, frozenset(), endpoint, latest, keepalive_s))


def said(its: LocalPeer, ours: ProberVerdict | None) -> Finding:
    return compare_local_peer(its, CONFIGURED, ours, NOW)


# Which interfaces


def test_an_interface_is_found_by_the_servers_key_or_one_of_its_known_keys() -> None:
    other = PeerEntry(key(9), False, frozenset())
    dumps = {
        "wg0": InterfaceDump(True, ITS, 0, (other, peer(1).entry)),
        "wg1": InterfaceDump(True, ITS, 0, (replace(peer(1).entry, public_key=OLD),)),
        "wg2": InterfaceDump(True, ITS, 0, (other,)),
    }
    assert [each.interface for each in local_peers(dumps, SERVER)] == ["wg0", "wg1"]


# Where they agree


def test_both_find_it_well() -> None:
    finding = said(peer(20), found(Verdict.HEALTHY))
    assert (finding.result, finding.sentence) == (
        ComparisonResult.OK,
        "its last handshake with the server was 20 s ago",
    )


def test_both_find_it_gone() -> None:
    finding = said(peer(3 * 3600), found(Verdict.SILENT))
    assert (finding.result, finding.fix) == (ComparisonResult.OK, "")
    assert finding.sentence.endswith("3 h 00 min ago: it cannot reach the server either")


def test_an_idle_interface_without_a_keepalive_says_little() -> None:
    for verdict in (Verdict.HEALTHY, Verdict.SILENT):
        finding = said(peer(3 * 3600, keepalive_s=None), found(verdict))
        assert (finding.result, finding.fix) == (ComparisonResult.UNKNOWN, "")
        assert "idle" in finding.sentence


def test_without_a_verdict_only_the_fact_is_told() -> None:
    assert said(peer(20), None).result is ComparisonResult.OK
    assert said(peer(3600), None).result is ComparisonResult.UNKNOWN
    assert said(peer(20), found(Verdict.LOCAL_FAULT)).result is ComparisonResult.OK


def test_a_clock_that_was_set_back_proves_nothing() -> None:
    finding = said(peer(-60), found(Verdict.SILENT))
    assert finding.result is ComparisonResult.UNKNOWN
    assert "60 s ahead of this machine's clock" in finding.sentence


# Only the prober is cut off


def test_silent_to_us_and_answering_the_interface_is_about_our_identity() -> None:
    finding = said(peer(20), found(Verdict.SILENT, since=NOW - 60))
    assert finding.result is ComparisonResult.DIFFERS
    assert (
        "20 s ago, but checks find it silent: it answers this machine under the key of wg0"
        in finding.sentence
    )
    assert finding.fix == f"on the server: wg set wg0 peer {US} allowed-ips 10.8.0.250/32"


def test_a_handshake_from_before_it_fell_silent_leaves_a_doubt() -> None:
    assert "unless it went down since" in said(peer(100), found(Verdict.SILENT, since=NOW - 60)).sentence


def test_a_preshared_key_that_differs_for_us_alone_is_set_for_us_alone() -> None:
    assert said(peer(20), found(Verdict.PSK_MISMATCH)).fix.endswith(f"peer {US} preshared-key FILE")


def test_a_server_that_answers_elsewhere_has_moved() -> None:
    finding = said(peer(20, endpoint=THERE), found(Verdict.SILENT))
    assert "at 192.0.2.99:51820; checks go to 192.0.2.7:51820: the server has moved" in finding.sentence
    assert finding.fix.startswith('in servers.toml, server "fra1": endpoint = "192.0.2.99:51820"')


def test_where_only_the_name_is_broken_the_address_is_at_hand() -> None:
    finding = said(peer(20), ProberVerdict(Verdict.DNS_FAILURE, NOW))
    assert "only its name does not resolve" in finding.sentence
    assert 'endpoint = "192.0.2.7:51820"' in finding.fix


# Only the interface is cut off


@pytest.mark.parametrize("age", [3 * 3600, None])
def test_well_for_us_and_long_silent_to_an_interface_with_a_keepalive_is_about_the_interface(
    age: float | None,
) -> None:
    finding = said(peer(age), found(Verdict.HEALTHY))
    assert finding.result is ComparisonResult.DIFFERS
    assert "although it has a keepalive every 25 s; checks find it healthy" in finding.sentence
    assert str(ITS) in finding.fix


def test_an_interface_that_still_sends_to_the_old_address_is_told_the_new_one() -> None:
    finding = said(peer(3 * 3600, endpoint=THERE), found(Verdict.SLOW))
    assert "it sends to 192.0.2.99:51820, but the server is at 192.0.2.7:51820" in finding.sentence
    assert finding.fix == f"here: wg set wg0 peer {THEIRS} endpoint fra1.example.net:51820"


@given(st.floats(0, 400), st.integers(1, 65535))
def test_an_interface_that_keeps_its_sessions_is_never_called_broken(age: float, keepalive_s: int) -> None:
    broken = said(peer(age, keepalive_s), found(Verdict.HEALTHY)).result is ComparisonResult.DIFFERS
    assert not broken or age > max(180, keepalive_s) + keepalive_s


# Several addresses, several keys


def test_of_several_addresses_the_one_that_the_interface_uses_is_compared() -> None:
    checks = [
        (Check("fra1", "here", SERVER.endpoint, ip_address(address), NOW, None), verdict)
        for address, verdict in (("2001:db8::7", Verdict.UNREACHABLE), ("192.0.2.7", Verdict.HEALTHY))
    ]
    worst_is_ipv6 = make_prober_verdict(Verdict.UNREACHABLE, NOW, checks)
    assert said(peer(20), worst_is_ipv6).result is ComparisonResult.OK


def test_an_identity_with_the_interfaces_own_key_is_the_first_thing_to_say() -> None:
    finding = compare_local_peer(peer(20), replace(CONFIGURED, public_key=ITS), found(Verdict.HEALTHY), NOW)
    assert finding.result is ComparisonResult.DIFFERS
    assert "each check breaks its session" in finding.sentence
    assert "wgmon-tui keygen" in finding.fix


def test_an_interface_with_an_old_key_of_the_server_is_named() -> None:
    its = peer(3600)
    finding = said(replace(its, entry=replace(its.entry, public_key=OLD)), found(Verdict.HEALTHY))
    assert str(OLD) in finding.sentence
    assert finding.fix == "wgmon-tui probe fra1 — shows which key it holds"


@given(
    st.none() | st.floats(-1000, 1e6),
    st.none() | st.integers(1, 65535),
    st.sampled_from(Verdict) | st.none(),
    st.sampled_from([HERE, THERE, None]),
)
def test_whatever_is_found_one_thing_is_said_and_where_they_differ_what_to_type(
    age: float | None, keepalive_s: int | None, verdict: Verdict | None, endpoint: Endpoint | None
) -> None:
    finding = said(peer(age, keepalive_s, endpoint), found(verdict) if verdict else None)
    assert finding.sentence
    assert bool(finding.fix) is (finding.result is ComparisonResult.DIFFERS)
