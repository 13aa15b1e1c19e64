"""Tests of many checks in one prober: packet delivery, and state kept between checks."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.busy_machine import repeated_if_starved
from tests.protocols.wireguard.harness import (
    ANSWER_TIMEOUT_S,
    PATIENCE_S,
    SILENCE_TIMEOUT_S,
    ScriptedServer,
    check,
    closed_port,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
    silence,
    timestamps,
)
from wgmon_tui.checks.evidence import Evidence, LateAnswer, NameMoved, NameUnresolved, Silence, SocketError
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.name_history import NameHistory
from wgmon_tui.net.resolver import Lookup
from wgmon_tui.protocols.wireguard import demultiplexer, experiments
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import message_type

# Who gets which packet


async def test_an_answer_from_another_address_of_the_server_is_accepted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second_address:
        second_address.bind(("127.0.0.2", 0))

        def answers_from_there(initiation: bytes) -> Iterable[bytes]:
            second_address.sendto(response_to(initiation), server.sources[-1])
            return ()

        async with ScriptedServer(answers_from_there) as server, opened_prober() as prober:
            assert (await check(prober, make_target(server.endpoint))).handshake


async def test_all_servers_see_one_source_port_that_stays_the_same() -> None:
    async with (
        ScriptedServer(healthy) as one,
        ScriptedServer(healthy) as two,
        opened_prober() as prober,
    ):
        for server in (one, two, one):
            await check(prober, make_target(server.endpoint))
    assert len(set(one.sources + two.sources)) == 1


async def test_checks_of_many_servers_run_at_the_same_time_and_are_told_apart() -> None:
    identity = PrivateKey.generate()
    labs = [LabServer(LabSetup(PrivateKey.generate(), (LabPeer(identity.public),))) for _ in range(20)]
    labs[7].set_mode(LabMode.SILENT)
    async with opened_prober() as prober:
        for lab in labs:
            await lab.start()
        servers = [make_target(lab.endpoint, server=lab.public_key, timeout=0.5).server for lab in labs]
        targets = [Target(server, identity) for server in servers]
        results = await asyncio.gather(*(check(prober, target) for target in targets))
        for lab in labs:
            await lab.stop()
    assert [index for index, result in enumerate(results) if result.handshake is None] == [7]
    assert [result.endpoint for result in results] == [lab.endpoint for lab in labs]


async def test_checks_of_one_peer_do_not_overlap_and_keep_their_distance() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(server.endpoint)
        results = await asyncio.gather(*(check(prober, target) for _ in range(4)))
        await server.wait_for_packets(8)
    assert all(result.handshake for result in results)
    assert [message_type(packet) for packet in server.received] == [1, 4] * 4
    starts = sorted(result.started_at for result in results)
    assert all(after - before >= 0.0295 for before, after in itertools.pairwise(starts))


async def test_two_entries_with_one_server_key_are_one_peer() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        one, two = await asyncio.gather(
            check(prober, make_target(server.endpoint, name="fra1")),
            check(prober, make_target(server.endpoint, name="fra1-by-address")),
        )
    assert abs(two.started_at - one.started_at) >= 0.0295


async def test_a_server_that_demands_cookies_all_the_time_is_served_its_cookie() -> None:
    identity = PrivateKey.generate()
    setup = LabSetup(PrivateKey.generate(), (LabPeer(identity.public),))
    async with LabServer(setup, LabBehaviour(LabMode.UNDER_LOAD)) as lab, opened_prober() as prober:
        server = make_target(lab.endpoint, server=lab.public_key).server
        result = await check(prober, Target(server, identity))
    assert result.handshake is not None
    assert result.handshake.cookie


# What one check leaves for the next


async def test_a_late_answer_shows_up_in_the_next_check() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        first = await check(prober, target)
        server.send(response_to(server.initiations[0]), server.sources[0])
        second = await check(prober, target)
        third = await check(prober, target)
    assert evidence_of_kind(Silence, first)
    [late] = evidence_of_kind(LateAnswer, second)
    assert late.age > SILENCE_TIMEOUT_S / 2
    assert evidence_of_kind(LateAnswer, third) == []


async def test_a_late_answer_that_comes_during_the_next_check_shows_up_in_it() -> None:
    def answers_one_check_behind(_: bytes) -> Iterable[bytes]:
        return [response_to(server.initiations[-3])] if len(server.initiations) >= 3 else []

    async with ScriptedServer(answers_one_check_behind) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        await check(prober, target)
        second = await check(prober, target)
    assert second.handshake is None
    assert evidence_of_kind(LateAnswer, second)


async def test_a_round_trip_longer_than_several_checks_shows_up_in_a_later_one() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        for _ in range(3):
            assert evidence_of_kind(LateAnswer, await check(prober, target)) == []
        server.send(response_to(server.initiations[0]), server.sources[0])
        late = evidence_of_kind(LateAnswer, await check(prober, target))
    assert [each.age > 3 * SILENCE_TIMEOUT_S for each in late] == [True]


@repeated_if_starved(SILENCE_TIMEOUT_S / 2)
async def test_a_late_answer_counts_until_the_next_one_can_arrive() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        for _ in range(3):
            await check(prober, target)
        server.send(response_to(server.initiations[0]), server.sources[0])  # after three timeouts
        for _ in range(2):
            assert evidence_of_kind(LateAnswer, await check(prober, target))
        async with asyncio.timeout(PATIENCE_S):
            while evidence_of_kind(LateAnswer, await check(prober, target)):
                pass  # the later it came, the longer it counts


async def test_a_late_answer_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demultiplexer, "LATE_ANSWER_S", 0.0)
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        await check(prober, target)
        await check(prober, target)  # its start ends the wait
        server.send(response_to(server.initiations[0]), server.sources[0])
        assert evidence_of_kind(LateAnswer, await check(prober, target)) == []


async def test_an_answer_that_comes_while_silence_is_explained_belongs_to_that_check() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)

        async def answer_late() -> None:
            await server.wait_for_packets(3)  # two of the check, one of an experiment
            server.send(response_to(server.initiations[0]), server.sources[0])

        address = ip_address(target.server.endpoint.host)
        result, _ = await asyncio.gather(prober.check(target, address, explain=True), answer_late())
    [late] = evidence_of_kind(LateAnswer, result)
    assert late.age > SILENCE_TIMEOUT_S
    assert result.handshake is None


@repeated_if_starved(SILENCE_TIMEOUT_S / 2)
async def test_silence_that_nothing_explains_is_awaited_beyond_the_experiments() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)

        async def answer_late() -> None:
            await server.wait_for_packets(4)  # the second of the experiment
            await asyncio.sleep(SILENCE_TIMEOUT_S)
            server.send(response_to(server.initiations[0]), server.sources[0])

        address = ip_address(target.server.endpoint.host)
        result, _ = await asyncio.gather(prober.check(target, address, explain=True), answer_late())
    assert evidence_of_kind(LateAnswer, result)


async def test_a_late_answer_that_does_not_authenticate_is_none() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        await check(prober, target)
        forged = bytearray(response_to(server.initiations[0]))
        forged[50] ^= 1
        server.send(bytes(forged), server.sources[0])
        second = await check(prober, target)
    assert evidence_of_kind(LateAnswer, second) == []


async def test_late_answers_without_end_are_bounded_in_memory() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S)
        await check(prober, target)
        answer = response_to(server.initiations[0])
        for _ in range(100):
            server.send(answer, server.sources[0])
        second = await check(prober, target)
    assert 1 <= len(evidence_of_kind(LateAnswer, second)) <= 8


async def test_a_check_that_is_given_up_leaves_nothing_behind() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(server.endpoint)
        given_up = asyncio.create_task(check(prober, target))
        await server.wait_for_packets(1)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        server.script = healthy
        assert (await check(prober, target)).handshake
        assert prober._demultiplexer._by_index == {}
        assert prober._demultiplexer._by_source == {}


# Where a check cannot begin


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_family_that_this_machine_lacks_is_a_local_error(host: str) -> None:
    without_sockets = Prober(
        timestamps=timestamps
    )  # as `open` leaves it for a family that the kernel refuses
    result = await check(without_sockets, make_target(Endpoint(host, 51820)))
    assert [each.name for each in evidence_of_kind(SocketError, result)] == ["EAFNOSUPPORT"]
    assert (result.sent, result.handshake) == (0, None)


async def test_a_name_without_an_address_is_one_check_without_an_address() -> None:
    async with opened_prober() as prober:
        [result] = await prober.check_all(make_target(Endpoint("nonexistent.invalid", 51820)))
    [unresolved] = evidence_of_kind(NameUnresolved, result)
    assert unresolved.host == "nonexistent.invalid"
    assert unresolved.error
    assert (result.address, result.sent) == (None, 0)


async def test_every_address_of_a_name_is_checked() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        endpoint = Endpoint("localhost", server.endpoint.port)
        results = await prober.check_all(make_target(endpoint))
        addresses = await prober.resolve(endpoint, ANSWER_TIMEOUT_S)
    assert tuple(result.address for result in results) == addresses
    assert [result.address for result in results if result.handshake] == [ip_address("127.0.0.1")]


def answer_for_localhost(prober: Prober, address: str) -> None:
    prober._resolver._cache["localhost"] = Lookup((ip_address(address),), time.monotonic())


@repeated_if_starved(SILENCE_TIMEOUT_S / 2)
async def test_a_failed_check_resolves_the_name_again_and_checks_where_it_moved() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("localhost", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        answer_for_localhost(prober, "127.0.0.9")
        results = await prober.check_all(target)
    assert ip_address("127.0.0.9") not in [result.address for result in results]
    [good] = [result for result in results if result.handshake]
    [moved] = evidence_of_kind(NameMoved, good)
    assert moved.removed == (ip_address("127.0.0.9"),)
    assert good.address in moved.new


async def test_a_failed_check_counts_if_the_name_has_no_other_address() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        target = make_target(Endpoint("localhost", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        results = await prober.check_all(target)
    assert ip_address("127.0.0.1") in [result.address for result in results]
    assert not any(evidence_of_kind(NameMoved, result) for result in results)


async def test_every_server_of_a_name_learns_that_it_moved() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("localhost", server.endpoint.port))
        targets = [replace(target, server=replace(target.server, name=name)) for name in ("a", "b")]
        for each in targets:
            prober._server_addresses._names[each.server.name] = NameHistory("localhost")
            prober._server_addresses._names[each.server.name].add([ip_address("127.0.0.9")], time.monotonic())
        rounds = [await prober.check_all(each) for each in targets]
    assert [len(evidence_of_kind(NameMoved, checks[0])) for checks in rounds] == [1, 1]


def answer_in_turn(prober: Prober, monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Let a name have one address at each lookup. The last answer stays."""
    left = list(answers)

    async def resolve(endpoint: Endpoint, timeout_s: float, newer_than: float = 0.0) -> tuple[Address, ...]:
        return (ip_address(left.pop(0) if len(left) > 1 else left[0]),)

    monkeypatch.setattr(prober._resolver, "resolve", resolve)


async def test_each_check_of_a_day_says_that_the_name_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("fra1.test", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        answer_in_turn(prober, monkeypatch, "127.0.0.9", "127.0.0.1")
        [first], [second] = [await prober.check_all(target) for _ in range(2)]
        prober._server_addresses._moves["fra1"] = replace(
            prober._server_addresses._moves["fra1"], at=time.time() - 86_401.0
        )
        [late] = await prober.check_all(target)
    assert evidence_of_kind(NameMoved, first) == evidence_of_kind(NameMoved, second) != []
    assert evidence_of_kind(NameMoved, late) == []


async def test_a_name_that_moved_while_nobody_checked_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer(healthy) as server:
        target = make_target(Endpoint("fra1.test", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        async with opened_prober() as earlier:
            answer_in_turn(earlier, monkeypatch, "127.0.0.1")
            before = await earlier.check_all(target)
        async with opened_prober() as prober:
            prober.restore(target.server, [replace(before[0], address=ip_address("127.0.0.9"))])
            answer_in_turn(prober, monkeypatch, "127.0.0.1")
            [after] = await prober.check_all(target)
        async with opened_prober() as later:
            later.restore(target.server, [after])
            answer_in_turn(later, monkeypatch, "127.0.0.1")
            [still] = await later.check_all(target)
    [moved] = evidence_of_kind(NameMoved, after)
    assert (moved.removed, moved.new) == ((ip_address("127.0.0.9"),), (ip_address("127.0.0.1"),))
    assert evidence_of_kind(NameMoved, still) == [moved]


async def test_an_address_that_a_name_lost_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    explained: list[str] = []

    async def explain(target: Target, *_: object) -> tuple[Evidence, ...]:
        explained.append(target.server.name)
        return ()

    monkeypatch.setattr(experiments, "explain_silence", explain)
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("fra1.test", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        answer_in_turn(prober, monkeypatch, "127.0.0.9", "127.0.0.1")
        [result] = await prober.check_all(target, explain=True)
    assert result.handshake
    assert explained == []


async def test_a_dead_address_of_a_name_that_rotates_stays_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead, alive = "127.0.0.9", "127.0.0.1"
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        target = make_target(Endpoint("fra1.test", server.endpoint.port), timeout=SILENCE_TIMEOUT_S)
        answer_in_turn(prober, monkeypatch, *(dead, alive) * 8)
        rounds = [await prober.check_all(target) for _ in range(3)]
    assert [{str(each.address) for each in checks} for checks in rounds] == [{dead, alive}] * 3
    assert not any(evidence_of_kind(NameMoved, each) for checks in rounds for each in checks)


async def test_closing_gives_the_ports_back() -> None:
    async with opened_prober() as prober:
        ports = prober.ports
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", ports[0]))
    with closed_port() as endpoint:
        assert evidence_of_kind(SocketError, await check(prober, make_target(endpoint)))
