"""Import of servers from running interfaces, with a separate identity and never with the interface's key."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest

from wgmon_tui.config.imports.interface_import import import_interfaces
from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, PeerEntry
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_file import read, update
from wgmon_tui.net.addresses import Endpoint


def key(number: int) -> PublicKey:
    return PrivateKey(bytes([number]) * 32).public


HUB = PeerEntry(key(2), False, frozenset(), Endpoint("192.0.2.9", 51820))
SITE = PeerEntry(key(3), True, frozenset(), Endpoint("2001:db8::1", 51821))
PHONE = PeerEntry(key(4), False, frozenset())


def running(*peers: PeerEntry) -> InterfaceDump:
    return InterfaceDump(True, key(1), 51820, peers)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    keygen("bastion", tmp_path, [ip_interface("10.8.0.250/24")])
    return tmp_path


def test_every_peer_with_an_endpoint_becomes_a_server_checked_with_our_identity(config: Path) -> None:
    report = import_interfaces({"wg0": running(HUB, SITE, PHONE), "wg1": running(PHONE)}, config)
    fleet = read(config).fleet
    assert [(each.name, each.endpoint, each.public_key, each.identity) for each in fleet.servers] == [
        ("wg0-192.0.2.9", HUB.endpoint, HUB.public_key, "bastion"),
        ("wg0-2001:db8::1", SITE.endpoint, SITE.public_key, "bastion"),
    ]
    assert report.added == fleet.servers
    assert "wg0: peers without an endpoint, skipped: 1" in report.lines


def test_the_one_server_of_an_interface_bears_its_name(config: Path) -> None:
    import_interfaces({"wg0": running(HUB, PHONE)}, config)
    assert [each.name for each in read(config).fleet.servers] == ["wg0"]


def test_it_says_how_the_servers_let_our_identity_in(config: Path) -> None:
    last = import_interfaces({"wg0": running(HUB)}, config).lines[-1]
    assert "wg set wg0 peer" in last
    assert last.endswith("allowed-ips 10.8.0.250/32")


def test_a_preshared_key_is_not_taken_over_and_that_is_said(config: Path) -> None:
    report = import_interfaces({"wg0": running(SITE)}, config)
    assert report.added[0].preshared_key is None
    assert any("preshared_key_file" in line for line in report.lines)


def test_a_server_that_is_there_already_by_its_key_is_left_as_it_is(config: Path) -> None:
    import_interfaces({"wg0": running(HUB)}, config)

    name = Endpoint("vpn.example.net", 51820)
    update(config, lambda fleet: replace(fleet, servers=(replace(fleet.servers[0], endpoint=name),)))
    before = read(config).fleet
    report = import_interfaces({"wg0": running(HUB), "wg9": running(HUB)}, config)
    assert read(config).fleet == before
    assert report.added == ()
    assert [line for line in report.lines if "already exists" in line] == list(report.lines)


def test_an_identity_with_the_key_of_an_interface_is_refused(config: Path) -> None:
    borrowed = PrivateKey(b"\x01" * 32)
    keygen("borrowed", config, private_key=borrowed)
    with pytest.raises(ConfigurationError, match="cut that interface off"):
        import_interfaces({"wg0": running(HUB)}, config, "borrowed")
    assert read(config).fleet.servers == ()


def test_without_an_identity_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="wgmon-tui keygen NAME"):
        import_interfaces({"wg0": running(HUB)}, tmp_path)


def test_of_several_identities_one_is_named_or_the_default(config: Path) -> None:
    keygen("other", config)
    with pytest.raises(ConfigurationError, match=r"several identities \(bastion, other\)"):
        import_interfaces({"wg0": running(HUB)}, config)
    with pytest.raises(ConfigurationError, match='no identity "third"'):
        import_interfaces({"wg0": running(HUB)}, config, "third")
    assert import_interfaces({"wg0": running(HUB)}, config, "other").added[0].identity == "other"
    update(config, lambda fleet: replace(fleet, defaults={"identity": "bastion"}))
    assert import_interfaces({"wg0": running(SITE)}, config).added[0].identity == "bastion"


def test_many_peers_are_counted_in_place_of_a_line_for_each(config: Path) -> None:
    peers = [replace(SITE, public_key=key(number)) for number in range(2, 32)]
    report = import_interfaces({"wg0": running(*peers)}, config)
    assert report.lines[:2] == (
        "30 servers added, 0 already there",
        "preshared keys not imported, as they belong to the interface's own key: 30",
    )
    assert len(report.lines) == 5
