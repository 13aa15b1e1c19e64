"""Tests of a real server's view, printed by its wg(8), against servers.toml."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest

from tests.real.namespaces import run
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import ConfiguredSide, StoredInterface, ViewUnavailable
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.server_view import inspect
from wgmon_tui.protocols.wireguard.server_view_comparison import compare

PSK = PresharedKey(b"i".ljust(32))


def side(server: WireguardGo, private_key: PrivateKey, psk: bool = False) -> ConfiguredSide:
    address, port = server.endpoint(4)
    interface = server.device.name
    watched = Server(
        "real",
        Endpoint(str(address), port),
        server.public_key,
        "tests",
        inspect=("wg", "show", interface, "dump"),
        inspect_config=("wg", "showconf", interface),
    )
    view = inspect(watched, Path("/"))
    assert isinstance(view.running, InterfaceDump)
    us = next((each for each in view.running.peers if each.public_key == private_key.public), None)
    addresses = tuple(ip_interface(network) for network in us.allowed_ips) if us else ()
    return ConfiguredSide(watched, private_key.public, addresses, psk)


def compared(ours: ConfiguredSide) -> tuple[Finding, ...]:
    return compare(ours, inspect(ours.server, Path("/")), time.time())


def differing(ours: ConfiguredSide) -> list[str]:
    return [each.subject for each in compared(ours) if each.result is ComparisonResult.DIFFERS]


@pytest.mark.parametrize("psk", [None, PSK])
def test_a_server_that_knows_us_agrees_and_so_does_its_own_configuration(
    wireguard_go: WireguardGo, psk: PresharedKey | None
) -> None:
    ours = side(wireguard_go, wireguard_go.new_peer(psk), psk=psk is not None)
    found = compared(ours)
    assert [each.subject for each in found if each.result is not ComparisonResult.OK] == ["handshake"]
    assert len([each for each in found if each.subject == "allowed ips"]) == 2


def test_what_differs_is_told(wireguard_go: WireguardGo) -> None:
    ours = side(wireguard_go, wireguard_go.new_peer(PSK))
    assert differing(ours) == ["preshared key"]
    moved = replace(ours.server, public_key=PrivateKey.generate().public, endpoint=Endpoint("192.0.2.1", 1))
    assert differing(replace(ours, server=moved)) == ["server key", "listen port", "preshared key"]


def test_a_stranger_is_told_the_command_that_lets_it_in_and_the_command_works(
    wireguard_go: WireguardGo,
) -> None:
    stranger = PrivateKey.generate()
    ours = replace(side(wireguard_go, stranger), addresses=(ip_interface("10.7.200.1/32"),))
    [finding] = [each for each in compared(ours) if each.result is ComparisonResult.DIFFERS]
    run(*finding.fix.removeprefix("on the server: ").split())
    assert differing(ours) == []


def test_a_peer_removed_from_what_runs_is_found_in_the_file(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    ours = side(wireguard_go, wireguard_go.new_peer())
    file = tmp_path / "wg0.conf"
    file.write_text(run("wg", "showconf", wireguard_go.device.name))
    run("wg", "set", wireguard_go.device.name, "peer", str(ours.public_key), "remove")
    ours = replace(ours, server=replace(ours.server, inspect_config=("cat", str(file))))
    assert differing(ours) == ["our peer", "file: peers"]


def test_no_key_of_the_server_is_in_its_view(wireguard_go: WireguardGo) -> None:
    ours = side(wireguard_go, wireguard_go.new_peer(PSK))
    private_key = run("wg", "show", wireguard_go.device.name, "private-key").strip()
    view = inspect(ours.server, Path("/"))
    assert isinstance(view.running, InterfaceDump)
    assert isinstance(view.stored, StoredInterface)
    assert view.running.has_private_key
    assert view.stored.has_private_key
    assert private_key not in repr(view)
    assert PSK.to_text() not in repr(view)


def test_wg_itself_says_why_it_gives_no_view(wireguard_go: WireguardGo) -> None:
    ours = side(wireguard_go, PrivateKey.generate())
    view = inspect(replace(ours.server, inspect=("wg", "show", "nowhere0", "dump")), Path("/"))
    assert isinstance(view.running, ViewUnavailable)
    # Its reason differs where the kernel has a WireGuard of its own.
    assert view.running.reason.startswith(
        'inspect: "wg" ended with exit code 1: Unable to access interface: '
    )


def test_all_interfaces_at_once_are_refused_with_what_to_type(wireguard_go: WireguardGo) -> None:
    ours = side(wireguard_go, PrivateKey.generate())
    view = inspect(replace(ours.server, inspect=("wg", "show", "all", "dump")), Path("/"))
    assert isinstance(view.running, ViewUnavailable)
    assert "instead of `all`" in view.running.reason
