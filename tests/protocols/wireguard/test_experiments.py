"""Tests of the experiments: what is proof, what is not, and when none run."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.busy_machine import repeated_if_starved
from tests.protocols.wireguard.harness import (
    IDENTITY,
    PSK,
    SERVER,
    ScriptedServer,
    closed_port,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
    silence,
    timestamps,
)
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    KnownKeyAnswered,
    PacketRejected,
    PresharedKeyFound,
    Silence,
    StampsAhead,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.udp_socket import QueuedError
from wgmon_tui.protocols.wireguard.handshake import Responder
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import OtherSecrets, Target

BRIEF_S = 0.1
"""The timeout of checks and experiments: most of them expect silence."""

NEXT_KEY = PrivateKey.generate()
LAPTOP = PrivateKey.generate()
BOTH = OtherSecrets({"bastion": IDENTITY, "laptop": LAPTOP})


def silent_target(
    endpoint: Endpoint,
    *,
    known_keys: tuple[PublicKey, ...] = (),
    try_identities: bool = False,
    psk: PresharedKey = NO_PRESHARED_KEY,
    other_secrets: OtherSecrets = BOTH,
) -> Target:
    target = make_target(endpoint, timeout=BRIEF_S, psk=psk)
    server = replace(target.server, known_keys=known_keys, try_identities=try_identities)
    return replace(target, server=server, other_secrets=other_secrets)


async def explained(prober: Prober, target: Target) -> Check:
    return await prober.check(target, ip_address(target.server.endpoint.host), explain=True)


def proofs(result: Check) -> list[Evidence]:
    return [each for each in result.evidence if not isinstance(each, Silence | PacketRejected)]


# The server's key


async def test_a_server_that_answers_another_known_key_has_rotated() -> None:
    rotated = LabSetup(SERVER, (LabPeer(IDENTITY.public),), rotated_to=NEXT_KEY)
    known = (PrivateKey.generate().public, NEXT_KEY.public)
    async with LabServer(rotated, LabBehaviour(LabMode.ROTATED_KEY)) as lab, opened_prober() as prober:
        result = await explained(prober, silent_target(lab.endpoint, known_keys=known))
    assert proofs(result) == [KnownKeyAnswered(NEXT_KEY.public)]
    assert result.handshake is None


async def test_what_an_experiment_sends_is_no_part_of_the_check() -> None:
    rotated = LabSetup(SERVER, (LabPeer(IDENTITY.public),), rotated_to=NEXT_KEY)
    async with LabServer(rotated, LabBehaviour(LabMode.ROTATED_KEY)) as lab, opened_prober() as prober:
        result = await explained(prober, silent_target(lab.endpoint, known_keys=(NEXT_KEY.public,)))
    assert (result.sent, len(result.exchange)) == (2, 2)


# Our key


async def test_a_server_that_answers_another_identity_does_not_know_ours() -> None:
    knows_the_laptop = LabSetup(SERVER, (LabPeer(LAPTOP.public),))
    async with LabServer(knows_the_laptop) as lab, opened_prober() as prober:
        result = await explained(prober, silent_target(lab.endpoint, try_identities=True))
    assert proofs(result) == [IdentityAnswered("laptop")]


async def test_another_identity_is_not_used_unless_the_file_allows_it() -> None:
    knows_the_laptop = LabSetup(SERVER, (LabPeer(LAPTOP.public),))
    async with LabServer(knows_the_laptop) as lab, opened_prober() as prober:
        result = await explained(prober, silent_target(lab.endpoint))
    assert proofs(result) == []


async def test_a_server_that_comes_back_while_another_identity_asks_proves_nothing() -> None:
    responder = Responder(SERVER)
    back: list[bool] = []

    def comes_back(initiation: bytes) -> Iterable[bytes]:
        if responder.open(initiation).static == LAPTOP.public:
            back.append(True)
        return [response_to(initiation)] if back else []

    async with ScriptedServer(comes_back) as server, opened_prober() as prober:
        result = await explained(prober, silent_target(server.endpoint, try_identities=True))
    assert back
    assert proofs(result) == []


# The preshared key


async def preshared(held: PresharedKey, ours: PresharedKey, other_secrets: OtherSecrets) -> Check:
    async with ScriptedServer(lambda it: [response_to(it, held)]) as server, opened_prober() as prober:
        result = await explained(
            prober, silent_target(server.endpoint, psk=ours, other_secrets=other_secrets)
        )
    assert {each.reason for each in evidence_of_kind(PacketRejected, result)} == {Reason.BAD_EMPTY}
    return result


OTHER_PSK = PresharedKey(bytes(31) + b"\1")
OF_NYC1 = OtherSecrets(preshared_keys={"ams1": PresharedKey(bytes(31) + b"\2"), "nyc1": OTHER_PSK})


async def test_a_server_without_a_preshared_key_is_found_out() -> None:
    result = await preshared(NO_PRESHARED_KEY, PSK, OF_NYC1)
    assert proofs(result) == [PresharedKeyFound(None)]


async def test_a_preshared_key_of_another_server_is_found_out() -> None:
    result = await preshared(OTHER_PSK, NO_PRESHARED_KEY, OF_NYC1)
    assert proofs(result) == [PresharedKeyFound("nyc1")]


async def test_it_is_found_among_hundreds() -> None:
    many = {f"server-{number}": PresharedKey(os.urandom(32)) for number in range(300)}
    result = await preshared(OTHER_PSK, PSK, OtherSecrets(preshared_keys={**many, "nyc1": OTHER_PSK}))
    assert proofs(result) == [PresharedKeyFound("nyc1")]


async def test_a_preshared_key_that_nobody_of_ours_has_stays_unknown() -> None:
    assert proofs(await preshared(PSK, NO_PRESHARED_KEY, OF_NYC1)) == []


# A fresh port


@repeated_if_starved(BRIEF_S / 2)
async def test_a_server_that_answers_a_fresh_port_only_is_behind_something_stuck() -> None:
    def hears_nothing_from_the_first_port(packet: bytes) -> Iterable[bytes]:
        return healthy(packet) if server.sources[-1] != server.sources[0] else ()

    async with ScriptedServer(hears_nothing_from_the_first_port) as server, opened_prober() as prober:
        result = await explained(prober, silent_target(server.endpoint))
    assert proofs(result) == [FreshPortAnswered()]


async def test_a_server_that_comes_back_meanwhile_was_only_away() -> None:
    def hears_once_a_second_port_has_asked(packet: bytes) -> Iterable[bytes]:
        return healthy(packet) if len(set(server.sources)) > 1 else ()

    async with ScriptedServer(hears_once_a_second_port_has_asked) as server, opened_prober() as prober:
        result = await explained(prober, silent_target(server.endpoint))
    assert len(set(server.sources)) == 2
    assert proofs(result) == []


async def test_a_single_answer_to_a_fresh_port_is_chance() -> None:
    def hears_the_second_port_only(packet: bytes) -> Iterable[bytes]:
        ports = list(dict.fromkeys(server.sources))
        return healthy(packet) if ports.index(server.sources[-1]) == 1 else ()

    async with ScriptedServer(hears_the_second_port_only) as server, opened_prober() as prober:
        result = await explained(prober, silent_target(server.endpoint))
    assert len(set(server.sources)) == 3
    assert proofs(result) == []


async def test_without_a_socket_for_the_fresh_port_the_check_stands_as_it_is() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        with open(os.devnull) as highest:  # noqa: PTH123, ASYNC230 - only its number is wanted
            none_left = highest.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (none_left, hard))
        try:
            result = await explained(prober, silent_target(server.endpoint))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert proofs(result) == []
    assert evidence_of_kind(Silence, result)


# The clock


@pytest.mark.parametrize(("ahead_s", "found"), [(3600.0, [StampsAhead(3600.0)]), (0.5, [])])
async def test_stamps_that_run_ahead_of_our_clock_are_told(ahead_s: float, found: list[Evidence]) -> None:
    prober = Prober(timestamps=timestamps, ahead_s=lambda _: ahead_s)
    await prober.open()
    async with ScriptedServer(silence) as server:
        result = await explained(prober, silent_target(server.endpoint))
    await prober.close()
    assert proofs(result) == found


# Nobody asks


class Counted:
    """A prober that counts its initiations, including those of experiments."""

    def __init__(self) -> None:
        self.made = 0
        self.prober = Prober(timestamps=self._stamp)

    def _stamp(self, key: PublicKey) -> bytes:
        self.made += 1
        return timestamps(key)

    async def initiations_for(self, target: Target, *, explain: bool = True) -> int:
        await self.prober.open()
        address = ip_address(target.server.endpoint.host)
        await self.prober.check(target, address, explain=explain)
        await self.prober.close()
        return self.made


async def test_silence_is_explained_only_where_that_is_wanted() -> None:
    async with ScriptedServer(silence) as server:
        target = silent_target(server.endpoint, known_keys=(NEXT_KEY.public,))
        assert await Counted().initiations_for(target, explain=False) == 2
        assert await Counted().initiations_for(target) > 2


async def test_a_server_that_answers_is_asked_nothing_more() -> None:
    async with ScriptedServer(healthy) as server:
        assert await Counted().initiations_for(silent_target(server.endpoint)) == 1


async def test_where_an_icmp_error_explains_nobody_asks() -> None:
    with closed_port() as endpoint:
        assert await Counted().initiations_for(silent_target(endpoint, known_keys=(NEXT_KEY.public,))) == 2


async def test_an_icmp_error_that_anybody_can_have_sent_explains_nothing() -> None:
    counted = Counted()

    def refuse_blindly(_: bytes) -> Iterable[bytes]:
        to = (server.endpoint.host, server.endpoint.port)
        counted.prober._demultiplexer._on_error(QueuedError(b"", to, 4, 3, 3, 0, server.endpoint.host))
        return ()

    async with ScriptedServer(refuse_blindly) as server:
        target = silent_target(server.endpoint, known_keys=(NEXT_KEY.public,))
        assert await counted.initiations_for(target) > 2


async def test_where_bytes_of_another_protocol_explain_nobody_asks() -> None:
    async with ScriptedServer(lambda _: [b"SSH-2.0-garbage\r\n"]) as server:
        target = silent_target(server.endpoint, known_keys=(NEXT_KEY.public,))
        assert await Counted().initiations_for(target) == 2


async def test_all_experiments_together_are_bounded() -> None:
    keys = tuple(PrivateKey.generate().public for _ in range(20))
    run_load_servers = OtherSecrets({f"identity-{number}": PrivateKey.generate() for number in range(20)})
    async with ScriptedServer(silence) as server:
        target = silent_target(
            server.endpoint, known_keys=keys, try_identities=True, other_secrets=run_load_servers
        )
        quick = replace(target, server=replace(target.server, timeout=0.06))
        started = time.monotonic()
        assert await Counted().initiations_for(quick) == 2 * (1 + 8 + 1 + 8)
        assert time.monotonic() - started < 20
