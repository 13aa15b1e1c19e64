from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from tests.daemon.harness import PATIENCE_S
from tests.lab.client import Client
from tests.lab.echo_packets import echo_request_v4, echo_request_v6
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey
from wgmon_tui.lab.inner_packets import parse
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup, ModeStep
from wgmon_tui.lab.peer import FLOOD_WINDOW_S
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard.handshake import RejectedError
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.wire import MessageType, label_of, message_type

CLIENT = PrivateKey.generate()
SERVER = PrivateKey.generate()
NEXT_KEY = PrivateKey.generate()
PSK = PresharedKey(bytes(range(32)))
ALLOWED = (ip_network("10.8.0.250/32"), ip_network("fd00::250/128"))
INNER = (ip_address("10.8.0.1"), ip_address("fd00::1"))
PING = echo_request_v4("10.8.0.250", "10.8.0.1")


def configured(psk: PresharedKey = NO_PRESHARED_KEY) -> LabSetup:
    return LabSetup(SERVER, (LabPeer(CLIENT.public, ALLOWED, psk),), INNER, rotated_to=NEXT_KEY)


@asynccontextmanager
async def visit(
    behaviour: LabBehaviour, *, setup: LabSetup | None = None, psk: PresharedKey = NO_PRESHARED_KEY
) -> AsyncIterator[tuple[LabServer, Client]]:
    """A running server and a client configured for it."""
    async with LabServer(setup or configured(), behaviour) as server:
        with Client(server.endpoint, CLIENT, server.public_key, psk) as client:
            yield server, client


def in_mode(mode: LabMode) -> LabBehaviour:
    return LabBehaviour(mode, keepalive_after=0.05)


# Healthy


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_healthy_server_completes_the_handshake(host: str) -> None:
    async with LabServer(configured(), host=host) as server:
        with Client(server.endpoint, CLIENT, server.public_key) as client:
            assert isinstance(await client.handshake(), Session)


async def test_a_healthy_server_with_a_preshared_key_completes_the_handshake() -> None:
    async with visit(LabBehaviour(), setup=configured(PSK), psk=PSK) as (_, client):
        assert isinstance(await client.handshake(), Session)


async def test_pings_of_its_tunnel_addresses_come_back_through_the_session() -> None:
    async with visit(LabBehaviour()) as (_, client):
        session = await client.handshake()
        four = parse(session.open(await client.request(session.seal(PING))))
        six = parse(session.open(await client.request(session.seal(echo_request_v6("fd00::250", "fd00::1")))))
        assert four is not None
        assert six is not None
        assert (four.source, four.destination) == (IPv4Address("10.8.0.1"), IPv4Address("10.8.0.250"))
        assert (six.source, six.destination) == (IPv6Address("fd00::1"), IPv6Address("fd00::250"))


@pytest.mark.parametrize(
    ("ping", "router"),
    [
        (echo_request_v4("10.8.0.250", "10.8.0.99", ttl=1), "10.8.0.1"),
        (echo_request_v4("10.8.0.250", "10.8.0.250", ttl=1), "10.8.0.1"),
        (echo_request_v6("fd00::250", "fd00::250", ttl=1), "fd00::1"),
    ],
)
async def test_a_packet_whose_time_to_live_ends_at_it_is_told_of(ping: bytes, router: str) -> None:
    async with visit(LabBehaviour()) as (_, client):
        session = await client.handshake()
        told = parse(session.open(await client.request(session.seal(ping))))
        assert told is not None
        assert told.source == ip_address(router)
        assert told.payload[0] in (11, 3)
        assert ping in told.payload


async def test_its_own_address_is_reached_with_the_last_hop() -> None:
    async with visit(LabBehaviour()) as (_, client):
        session = await client.handshake()
        ping = echo_request_v4("10.8.0.250", "10.8.0.1", ttl=1)
        reply = parse(session.open(await client.request(session.seal(ping))))
        assert reply is not None
        assert reply.payload[0] == 0


async def test_a_server_that_does_not_forward_is_silent_about_it() -> None:
    async with visit(LabBehaviour(keepalive_after=5), setup=replace(configured(), forwards=False)) as (
        _,
        client,
    ):
        session = await client.handshake()
        client.send(session.seal(echo_request_v4("10.8.0.250", "10.8.0.250", ttl=1)))
        assert await client.is_unanswered()


async def test_a_server_without_an_address_of_that_version_is_silent_about_it() -> None:
    setup = replace(configured(), addresses=INNER[:1])
    async with visit(LabBehaviour(keepalive_after=5), setup=setup) as (_, client):
        session = await client.handshake()
        client.send(session.seal(echo_request_v6("fd00::250", "fd00::250", ttl=1)))
        assert await client.is_unanswered()


@pytest.mark.parametrize(
    "data",
    [
        bytes(16),
        echo_request_v4("10.8.0.250", "10.8.0.99"),
        echo_request_v4("10.8.0.7", "10.8.0.1"),
        echo_request_v4("10.8.0.7", "10.8.0.7", ttl=1),
    ],
    ids=["no IP packet", "another destination", "a source outside AllowedIPs", "the same, at its last hop"],
)
async def test_data_that_it_does_not_answer_is_acknowledged_with_one_keepalive(data: bytes) -> None:
    async with visit(LabBehaviour(keepalive_after=0.05)) as (_, client):
        session = await client.handshake()
        client.send(session.seal(data))
        keepalive = await client.request(session.seal(data))
        assert label_of(keepalive) == "keepalive"
        assert session.open(keepalive) == b""
        assert await client.is_unanswered()


async def test_an_answer_takes_the_place_of_the_keepalive() -> None:
    async with visit(LabBehaviour(keepalive_after=0.05)) as (_, client):
        session = await client.handshake()
        client.send(session.seal(bytes(16)))
        assert label_of(await client.request(session.seal(PING))) != "keepalive"
        assert await client.is_unanswered()


async def test_a_keepalive_is_not_answered() -> None:
    async with visit(LabBehaviour(keepalive_after=0.05)) as (_, client):
        session = await client.handshake()
        client.send(session.keepalive())
        assert await client.is_unanswered()


async def test_a_replayed_transport_packet_is_not_answered_again() -> None:
    async with visit(LabBehaviour(keepalive_after=0.05)) as (_, client):
        session = await client.handshake()
        ping = session.seal(PING)
        await client.request(ping)
        client.send(ping)
        assert await client.is_unanswered()


async def test_a_replayed_initiation_is_dropped() -> None:
    async with visit(LabBehaviour()) as (_, client):
        attempt = client.attempt()
        await client.request(attempt.packet)
        assert await client.is_unanswered()  # and the flood window is over
        client.send(attempt.packet)
        assert await client.is_unanswered()


async def test_an_initiation_right_after_another_is_dropped_as_a_flood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However long this machine pauses the test between the two.
    monkeypatch.setattr("wgmon_tui.lab.peer.FLOOD_WINDOW_S", 60.0)
    async with visit(LabBehaviour()) as (_, client):
        first, second = client.attempt(), client.attempt()
        client.send(first.packet)
        client.send(second.packet)
        first.complete(await client.answer())
        assert await client.is_unanswered()


async def test_an_earlier_stamp_than_the_last_is_dropped() -> None:
    async with visit(LabBehaviour()) as (_, client):
        await client.handshake()
        assert await client.is_unanswered()
        client.send(client.attempt(timestamp=tai64n.encode(0)).packet)
        assert await client.is_unanswered()


# Broken


@pytest.mark.parametrize(
    "mode", [LabMode.SILENT, LabMode.ROTATED_KEY, LabMode.UNKNOWN_PEER], ids=lambda mode: mode.value
)
async def test_silence(mode: LabMode) -> None:
    async with visit(in_mode(mode)) as (_, client):
        client.send(client.attempt().packet)
        assert await client.is_unanswered()


async def test_a_rotated_key_answers_who_already_has_the_new_one() -> None:
    async with LabServer(configured(), in_mode(LabMode.ROTATED_KEY)) as server:
        with Client(server.endpoint, CLIENT, NEXT_KEY.public) as client:
            assert isinstance(await client.handshake(), Session)


async def test_a_stranger_gets_silence() -> None:
    async with LabServer(configured()) as server:
        with Client(server.endpoint, PrivateKey.generate(), server.public_key) as client:
            client.send(client.attempt().packet)
            assert await client.is_unanswered()


async def test_a_removed_peer_gets_silence_on_the_session_that_it_still_has() -> None:
    async with visit(in_mode(LabMode.HEALTHY)) as (server, client):
        session = await client.handshake()
        server.set_mode(LabMode.UNKNOWN_PEER)
        client.send(session.seal(PING))
        assert await client.is_unanswered()


@pytest.mark.parametrize(
    ("servers", "ours", "mode"),
    [
        (PSK, NO_PRESHARED_KEY, LabMode.HEALTHY),
        (NO_PRESHARED_KEY, PSK, LabMode.HEALTHY),
        (PSK, PSK, LabMode.WRONG_PSK),
        (NO_PRESHARED_KEY, NO_PRESHARED_KEY, LabMode.WRONG_PSK),
    ],
    ids=["only the server has one", "only we have one", "both, different", "the server got a new one"],
)
async def test_with_another_preshared_key_it_answers_and_the_answer_does_not_open(
    servers: PresharedKey, ours: PresharedKey, mode: LabMode
) -> None:
    async with visit(in_mode(mode), setup=configured(servers), psk=ours) as (_, client):
        attempt = client.attempt()
        answer = await client.request(attempt.packet)
        with pytest.raises(RejectedError) as rejected:
            attempt.complete(answer)
        assert rejected.value.reason is Reason.BAD_EMPTY


async def test_dropped_data_gets_a_handshake_and_a_keepalive_but_no_echo() -> None:
    async with visit(in_mode(LabMode.DATA_DROPPED)) as (_, client):
        session = await client.handshake()
        assert label_of(await client.request(session.seal(PING))) == "keepalive"


async def test_under_load_a_cookie_is_demanded_until_mac2_is_right() -> None:
    async with visit(in_mode(LabMode.UNDER_LOAD)) as (_, client):
        attempt = client.attempt()
        cookie = attempt.open_cookie(await client.request(attempt.packet))
        wrong = client.attempt(cookie=bytes(16))
        assert message_type(await client.request(wrong.packet)) is MessageType.COOKIE_REPLY
        second = client.attempt(cookie)
        assert isinstance(second.complete(await client.request(second.packet)), Session)


async def test_a_cookie_is_good_for_no_other_source_port() -> None:
    async with visit(in_mode(LabMode.UNDER_LOAD)) as (server, client):
        attempt = client.attempt()
        cookie = attempt.open_cookie(await client.request(attempt.packet))
        with Client(server.endpoint, CLIENT, server.public_key) as elsewhere:
            answer = await elsewhere.request(elsewhere.attempt(cookie).packet)
            assert message_type(answer) is MessageType.COOKIE_REPLY


async def test_a_closed_port_is_refused_by_the_kernel() -> None:
    async with visit(in_mode(LabMode.CLOSED)) as (_, client):
        client.send(client.attempt().packet)
        with pytest.raises(ConnectionRefusedError):
            await client.answer()


async def test_a_closed_port_stays_reserved_and_can_open_again() -> None:
    async with visit(in_mode(LabMode.CLOSED)) as (server, client):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
            pytest.raises(OSError, match="in use"),
        ):
            other.bind((server.endpoint.host, server.endpoint.port))
        server.set_mode(LabMode.HEALTHY)
        assert isinstance(await client.handshake(), Session)


async def test_what_is_not_wireguard_answers_with_other_bytes() -> None:
    async with visit(in_mode(LabMode.NOT_WIREGUARD)) as (_, client):
        answer = await client.request(client.attempt().packet)
        assert message_type(answer) is None
        assert answer[2:4] == b"\x80\x01"  # DNS: a response, format error


async def test_a_lossy_server_drops_its_share_and_the_same_packets_for_the_same_seed() -> None:
    async def answered(seed: int) -> list[int]:
        async with visit(LabBehaviour(loss=0.5, seed=seed)) as (server, client):
            session = await client.handshake()
            server.set_mode(LabMode.LOSSY)
            for number in range(100):
                client.send(session.seal(echo_request_v4("10.8.0.250", "10.8.0.1", bytes((number,)))))
            echoes = [parse(session.open(answer)) for answer in await client.answers_until_silence(1.0)]
            return [echo.payload[-1] for echo in echoes if echo]

    once = await answered(seed=1)
    assert 25 < len(once) < 75
    assert await answered(seed=1) == once
    assert await answered(seed=2) != once


async def test_latency_delays_every_answer_and_slowness_adds_to_it() -> None:
    async with visit(LabBehaviour(latency=0.03, slow_delay=0.1)) as (server, client):
        started = time.monotonic()
        session = await client.handshake()
        assert time.monotonic() - started >= 0.03
        server.set_mode(LabMode.SLOW)
        started = time.monotonic()
        await client.request(session.seal(PING))
        assert time.monotonic() - started >= 0.13


# Changing


async def test_a_server_follows_its_script_round_and_round() -> None:
    script = (
        ModeStep(0.02, LabMode.NOT_WIREGUARD),
        ModeStep(0.02, LabMode.CLOSED),
        ModeStep(0.02, LabMode.HEALTHY),
    )
    seen: list[LabMode] = []
    async with asyncio.timeout(PATIENCE_S), LabServer(configured(), LabBehaviour(script=script)) as server:
        while len(seen) < 5:
            if not seen or server.mode is not seen[-1]:
                seen.append(server.mode)
            await asyncio.sleep(0.001)
    assert seen == [
        LabMode.NOT_WIREGUARD,
        LabMode.CLOSED,
        LabMode.HEALTHY,
        LabMode.NOT_WIREGUARD,
        LabMode.CLOSED,
    ]


async def test_sessions_outlive_a_change_of_mode() -> None:
    async with visit(LabBehaviour()) as (server, client):
        session = await client.handshake()
        server.set_mode(LabMode.CLOSED)
        server.set_mode(LabMode.HEALTHY)
        assert parse(session.open(await client.request(session.seal(PING)))) is not None


async def test_stopping_gives_the_port_back() -> None:
    async with LabServer(configured()) as server:
        pass
    async with LabServer(configured(), port=server.endpoint.port) as again:
        assert again.endpoint == server.endpoint


async def test_the_keepalive_goes_out_in_the_session_that_carried_data_last() -> None:
    async with visit(LabBehaviour(keepalive_after=0.2)) as (_, client):
        first = await client.handshake()
        client.send(first.seal(bytes(16)))
        await asyncio.sleep(2 * FLOOD_WINDOW_S)  # sooner, the second initiation would be one of a flood
        second = await client.handshake()
        assert second.open(await client.request(second.seal(bytes(16)))) == b""
