"""Tests of servers joined with their keys, and of the problem line for servers without."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface
from typing import Any

import pytest

from wgmon_tui.checks.targets import join
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.protocols.wireguard.targets import require_wireguard

BASTION, LAPTOP = PrivateKey(bytes(range(32))), PrivateKey(bytes(range(1, 33)))
KEY = PrivateKey(bytes(range(2, 34))).public
PSK = PresharedKey(bytes(range(32)))
SOURCE = SecretSource(SecretForm.ENV, "SOMEWHERE")
TUNNEL = (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128"))
IDENTITIES = (Identity("bastion", SOURCE, TUNNEL), Identity("laptop", SOURCE))
NO_CURVE_HAS_IT = PublicKey(bytes(32))


def server(name: str, *, identity: str = "bastion", key: PublicKey = KEY, psk: bool = False) -> Server:
    return Server(name, Endpoint("192.0.2.7", 51820), key, identity, preshared_key=SOURCE if psk else None)


def keyring(problems: dict[str, str] | None = None, **preshared: PresharedKey) -> Keyring:
    return Keyring({"bastion": BASTION, "laptop": LAPTOP}, preshared, problems or {})


def test_a_server_gets_the_keys_and_tunnel_addresses_of_its_identity() -> None:
    fleet = Fleet((server("fra1", psk=True), server("nyc1", identity="laptop")), IDENTITIES)
    ready = join(fleet, keyring(fra1=PSK, nyc1=NO_PRESHARED_KEY)).ready
    fra1, nyc1 = require_wireguard(ready["fra1"]), require_wireguard(ready["nyc1"])
    assert (fra1.private_key, fra1.preshared_key, fra1.tunnel_addresses) == (BASTION, PSK, TUNNEL)
    assert (nyc1.private_key, nyc1.preshared_key, nyc1.tunnel_addresses) == (LAPTOP, NO_PRESHARED_KEY, ())


def test_a_reload_keeps_the_initiator_of_the_same_keys_alone() -> None:
    fleet = Fleet((server("fra1", psk=True), server("fra2", identity="laptop")), IDENTITIES)
    secrets = keyring(fra1=PSK, fra2=NO_PRESHARED_KEY)
    first, second = join(fleet, secrets).ready, join(fleet, secrets).ready
    rotated = join(fleet, keyring(fra1=NO_PRESHARED_KEY, fra2=NO_PRESHARED_KEY)).ready
    before, after, other, changed = (
        require_wireguard(each).initiator
        for each in (first["fra1"], second["fra1"], first["fra2"], rotated["fra1"])
    )
    assert before is after
    assert before is not other
    assert before.has_preshared_key(PSK)
    assert changed.has_preshared_key(NO_PRESHARED_KEY)


def test_a_server_whose_secret_is_not_to_be_had_keeps_its_line_and_the_others_are_ready() -> None:
    line = 'servers.toml: server "fra1": key preshared_key_env: SOMEWHERE is not set'
    fleet = Fleet((server("fra1", psk=True), server("nyc1")), IDENTITIES)
    targets = join(fleet, keyring({"fra1": line}, nyc1=NO_PRESHARED_KEY))
    assert targets.problems == {"fra1": line}
    assert list(targets.ready) == ["nyc1"]


def test_a_key_that_no_server_can_have_is_a_problem_of_that_server_alone() -> None:
    fleet = Fleet((server("fra1", key=NO_CURVE_HAS_IT), server("nyc1")), IDENTITIES)
    targets = join(fleet, keyring(fra1=NO_PRESHARED_KEY, nyc1=NO_PRESHARED_KEY))
    assert list(targets.ready) == ["nyc1"]
    assert targets.problems["fra1"].startswith('servers.toml: server "fra1": key public_key: ')
    assert "\n" not in targets.problems["fra1"]


def test_a_server_of_a_protocol_that_is_not_supported_yet_is_a_problem_that_says_so() -> None:
    fleet = Fleet((replace(server("fra1"), protocol="later"), server("nyc1")), IDENTITIES)
    targets = join(fleet, keyring(fra1=NO_PRESHARED_KEY, nyc1=NO_PRESHARED_KEY))
    assert list(targets.ready) == ["nyc1"]
    assert targets.problems == {
        "fra1": 'server "fra1": later is not supported yet; this server is not checked'
    }


@pytest.mark.parametrize(
    ("settings", "key", "target"),
    [
        ({"tunnel_ping": (ip_address("10.8.0.1"), ip_address("fd07::1"))}, "tunnel_ping", "fd07::1"),
        (
            {"tunnel_dns": (NameServer(ip_address("fd07::1"), "a.example"),)},
            "tunnel_dns",
            "a.example@fd07::1",
        ),
        ({"tunnel_tcp": (Endpoint("fd07::1", 443),)}, "tunnel_tcp", "[fd07::1]:443"),
    ],
)
def test_a_target_that_the_identity_cannot_probe_is_a_problem_that_names_the_key(
    settings: dict[str, Any], key: str, target: str
) -> None:
    only_v4 = Identity("bastion", SOURCE, TUNNEL[:1])
    targets = join(Fleet((replace(server("fra1"), **settings),), (only_v4,)), keyring(fra1=NO_PRESHARED_KEY))
    assert targets.ready == {}
    assert targets.problems["fra1"] == (
        f'servers.toml: server "fra1": key {key}: "{target}" cannot be probed, because identity "bastion" '
        f'has no IPv6 tunnel address; add one to its addresses, or remove "{target}" here'
    )


def test_without_the_tunnel_stage_no_target_is_a_problem() -> None:
    entry = replace(server("fra1", identity="laptop"), tunnel=False, tunnel_ping=(ip_address("fd07::1"),))
    assert list(join(Fleet((entry,), IDENTITIES), keyring(fra1=NO_PRESHARED_KEY)).ready) == ["fra1"]


def test_experiments_get_the_other_secrets_of_the_file_and_no_empty_ones() -> None:
    fleet = Fleet((server("fra1", psk=True), server("nyc1"), server("syd1", psk=True)), IDENTITIES)
    ring = keyring({"syd1": "not to be had"}, fra1=PSK, nyc1=NO_PRESHARED_KEY)
    other_secrets = require_wireguard(join(fleet, ring).ready["nyc1"]).other_secrets
    assert other_secrets.private_keys == {"bastion": BASTION, "laptop": LAPTOP}
    assert other_secrets.preshared_keys == {"fra1": PSK}


def test_a_target_shows_no_secret_of_its_own_or_of_others() -> None:
    fleet = Fleet((server("fra1", psk=True),), IDENTITIES)
    target = require_wireguard(join(fleet, keyring(fra1=PSK)).ready["fra1"])
    for secret in (BASTION, LAPTOP, PSK):
        for form in (secret.to_text(), secret.raw.hex(), repr(secret.raw)):
            assert form not in f"{target!r} {target.other_secrets!r}"
