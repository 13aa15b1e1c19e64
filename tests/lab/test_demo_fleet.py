from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from ipaddress import ip_interface

import pytest

from tests.lab.client import Client
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PrivateKey
from wgmon_tui.config.models import SecretForm
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS, DemoFleet, DemoVantage
from wgmon_tui.lab.models import LabMode
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.settings import AmneziaWgSettings
from wgmon_tui.protocols.wireguard.framing import PLAIN, Framing
from wgmon_tui.protocols.wireguard.session import Session

FAULTS = set(LabMode) - {LabMode.HEALTHY}


@pytest.fixture
async def demo() -> AsyncIterator[DemoFleet]:
    running = DemoFleet()
    await running.start()
    yield running
    await running.stop()


def client_of(demo: DemoFleet, name: str) -> Client:
    server = next(server for server in demo.fleet.servers if server.name == name)
    psk = demo.preshared_keys.get(name, NO_PRESHARED_KEY)
    private_key = demo.private_keys[server.identity]
    framing: Framing = PLAIN
    if isinstance(server.protocol_settings, AmneziaWgSettings):
        framing = AmneziaFraming(server.protocol_settings, private_key.public, None, lambda: 0.0)
    return Client(server.endpoint, private_key, server.public_key, psk, framing)


def test_one_server_speaks_amneziawg() -> None:
    assert [character.name for character in DEMO_SERVERS if character.amneziawg] == ["gru1-relay"]


def test_every_way_to_be_broken_has_a_server_that_shows_it() -> None:
    shown = {character.behaviour.mode for character in DEMO_SERVERS}
    shown |= {step.mode for character in DEMO_SERVERS for step in character.behaviour.script}
    assert shown >= FAULTS


async def test_most_servers_are_healthy_at_the_start(demo: DemoFleet) -> None:
    modes = Counter(server.mode for server in demo.servers.values())
    assert modes[LabMode.HEALTHY] > len(demo.servers) / 2


async def test_some_servers_fail_and_recover_while_one_watches() -> None:
    scripts = [character.behaviour.script for character in DEMO_SERVERS if character.behaviour.script]
    assert len(scripts) >= 3
    for script in scripts:
        assert script[0].mode is LabMode.HEALTHY
        assert any(step.mode in FAULTS for step in script)


@pytest.mark.parametrize("name", [c.name for c in DEMO_SERVERS if c.behaviour.mode is LabMode.HEALTHY])
async def test_a_healthy_server_of_the_demo_completes_a_handshake(demo: DemoFleet, name: str) -> None:
    with client_of(demo, name) as client:
        assert isinstance(await client.handshake(), Session)


async def test_the_fleet_holds_together(demo: DemoFleet) -> None:
    fleet = demo.fleet
    assert [server.name for server in fleet.servers] == [character.name for character in DEMO_SERVERS]
    assert len({server.endpoint for server in fleet.servers}) == len(DEMO_SERVERS)
    assert all(fleet.identity(server.identity) for server in fleet.servers)
    assert {server.name for server in fleet.servers if server.preshared_key} == set(demo.preshared_keys)


async def test_the_secrets_in_the_fleet_are_those_that_the_demo_tells(demo: DemoFleet) -> None:
    for identity in demo.fleet.identities:
        assert identity.private_key.form is SecretForm.INLINE
        assert isinstance(identity.private_key.value, str)
        assert PrivateKey.from_text(identity.private_key.value) == demo.private_keys[identity.name]


async def test_the_server_that_lost_our_peer_still_knows_an_old_identity_and_may_be_asked_as_it(
    demo: DemoFleet,
) -> None:
    [lost] = [server for server in demo.fleet.servers if server.try_identities]
    assert demo.servers[lost.name].mode is LabMode.UNKNOWN_PEER
    [old] = [identity for identity in demo.fleet.identities if identity.name != lost.identity]
    with client_of(demo, lost.name) as client:
        client.send(client.attempt().packet)
        assert await client.is_unanswered()
    with Client(lost.endpoint, demo.private_keys[old.name], lost.public_key) as client:
        assert isinstance(await client.handshake(), Session)


async def test_the_key_that_is_to_come_is_the_one_that_the_rotated_server_holds(demo: DemoFleet) -> None:
    rotated = next(server for server in demo.fleet.servers if server.known_keys)
    with Client(rotated.endpoint, demo.private_keys[rotated.identity], rotated.known_keys[0]) as client:
        assert isinstance(await client.handshake(), Session)


async def test_two_runs_share_no_key(demo: DemoFleet) -> None:
    other = DemoFleet()
    await other.stop()
    assert not set(demo.private_keys.values()) & set(other.private_keys.values())
    assert not set(demo.preshared_keys.values()) & set(other.preshared_keys.values())
    keys = {server.public_key for server in (*demo.fleet.servers, *other.fleet.servers)}
    assert len(keys) == 2 * len(DEMO_SERVERS)


async def test_a_guest_is_let_in_except_where_its_key_is_unknown() -> None:
    key = PrivateKey.generate()
    demo = DemoFleet(
        vantages=(DemoVantage(key.public, (ip_interface("10.8.0.251/32"),), unknown_to=("ams3-gw",)),)
    )
    await demo.start()
    try:
        known, unknown = (demo.fleet.server(name) for name in ("tor1-edge", "ams3-gw"))
        assert known
        assert unknown
        with Client(known.endpoint, key, known.public_key) as client:
            assert isinstance(await client.handshake(), Session)
        with Client(unknown.endpoint, key, unknown.public_key) as client:
            client.send(client.attempt().packet)
            assert await client.is_unanswered()
    finally:
        await demo.stop()
