"""Tests of the evidence about the uplink when one or two servers are watched."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.monitor.sample_rounds import rounds
from tests.monitor.test_engine import Desk, at_work, watched
from tests.protocols.wireguard.harness import ScriptedServer, closed_port, healthy, silence
from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.evidence import (
    Evidence,
    GatewaySilent,
    NameUnresolved,
    OnlyServerWatched,
    Silence,
    WitnessProbed,
)
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor import uplink_evidence
from wgmon_tui.monitor.uplink_evidence import UplinkEvidence
from wgmon_tui.net import witness_probe
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import Resolver
from wgmon_tui.net.witness_probe import does_answer

pytestmark = pytest.mark.repeated_if_starved(0.05)
"""Half the shortest timeout of these checks."""

WITNESS = Endpoint("192.0.2.53", 53)
RECEIVED = (Packet(0.01, Direction.RECEIVED, bytes((2, 0, 0, 0)) + bytes(88)),)
SILENT = Check("fra1", "here", Endpoint("192.0.2.7", 51820), None, 100.0, None, evidence=(Silence(5.0),))


class Witness:
    """A witness that answers or not, and counts the probes."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.probes = 0

    async def does_answer(self, _: Endpoint, __: Resolver) -> bool:
        self.probes += 1
        await asyncio.sleep(0)
        return self.answers


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Witness:
    made = Witness(answers=False)
    monkeypatch.setattr(uplink_evidence, "does_answer", made.does_answer)
    return made


def uplink(*, servers: int = 1, witness: Endpoint | None = None) -> UplinkEvidence:
    made = UplinkEvidence(lambda: servers)
    made.witness = witness
    return made


async def added(to: UplinkEvidence, check: Check = SILENT, name: str = "fra1") -> tuple[Evidence, ...]:
    (examined,) = await to.examine(name, (check,))
    return examined.evidence[len(check.evidence) :]


@pytest.mark.parametrize("answers", [True, False])
async def test_the_witness_is_probed_when_a_server_falls_silent(witness: Witness, answers: bool) -> None:
    witness.answers = answers
    assert await added(uplink(witness=WITNESS)) == (WitnessProbed("192.0.2.53:53", answers),)


async def test_the_witness_is_probed_too_when_the_name_does_not_resolve(witness: Witness) -> None:
    unresolved = replace(SILENT, evidence=(NameUnresolved("fra1.example.net", "no answer"),))
    assert await added(uplink(witness=WITNESS), unresolved)
    assert witness.probes == 1


@pytest.mark.parametrize(
    "check",
    [
        replace(SILENT, handshake=Handshake(0.01), evidence=()),
        replace(SILENT, evidence=(*SILENT.evidence, GatewaySilent(ip_address("10.98.0.1"), "eth0"))),
    ],
    ids=["answered", "explained"],
)
async def test_the_witness_is_left_alone_otherwise(witness: Witness, check: Check) -> None:
    assert await added(uplink(witness=WITNESS), check) == ()
    assert witness.probes == 0


async def test_servers_that_fall_silent_together_share_one_probe(witness: Witness) -> None:
    shared = uplink(witness=WITNESS)
    await asyncio.gather(*(added(shared, name=name) for name in ("fra1", "nyc1")))
    assert witness.probes == 1


@pytest.mark.parametrize(("servers", "found"), [(1, (OnlyServerWatched(),)), (3, ())])
async def test_without_a_witness_few_servers_are_evidence(servers: int, found: tuple[Evidence, ...]) -> None:
    assert await added(uplink(servers=servers)) == found


async def test_another_server_that_answers_since_shows_that_the_uplink_works(witness: Witness) -> None:
    two = uplink(servers=2, witness=WITNESS)
    assert await added(two)
    answered = replace(SILENT, started_at=103.0, handshake=Handshake(0.01), evidence=(), exchange=RECEIVED)
    assert await added(two, answered, "nyc1") == ()
    assert await added(two, replace(SILENT, started_at=110.0)) == ()


# In the engine


async def test_with_a_silent_witness_a_single_silent_server_is_a_local_fault(witness: Witness) -> None:
    async with ScriptedServer(healthy) as server:
        entry = replace(watched(server, "fra1", interval=3600.0), timeout=0.1)
        async with at_work(Desk().watch(entry)) as desk:
            desk.engine.set_witness(WITNESS)
            await rounds(desk, ["fra1"])
            server.script = silence
            await rounds(desk, ["fra1"] * 3)
            state = desk.server_state("fra1")
            assert state.status_word == "local-fault"
            assert state.severity is Severity.UNKNOWN
            assert state.last
            assert state.last.diagnosis.summary.startswith(
                "Neither the server nor the witness 192.0.2.53:53 answers"
            )
            witness.answers = True
            await asyncio.sleep(uplink_evidence._SHARED_FOR_S + 0.05)
            await rounds(desk, ["fra1"])
            assert desk.server_state("fra1").status_word == "silent"
            last = desk.server_state("fra1").last
            assert last
            assert "uplink" not in " ".join(cause.cause for cause in last.diagnosis.causes)


async def test_a_single_server_without_a_witness_lists_this_machines_own_uplink() -> None:
    async with ScriptedServer(silence) as server:
        entry = replace(watched(server, "fra1", interval=3600.0), timeout=0.1)
        async with at_work(Desk().watch(entry)) as desk:
            await rounds(desk, ["fra1"])
            last = desk.server_state("fra1").last
            assert last
            uplinks = [each for each in last.diagnosis.causes if "own uplink" in each.cause]
            assert len(uplinks) == 1
            assert "witness =" in uplinks[0].fix


# The probe itself


@contextmanager
def name_server(kind: socket.SocketKind = socket.SOCK_DGRAM) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.bind(("127.0.0.1", 0))
        yield opened


def endpoint_of(opened: socket.socket) -> Endpoint:
    return Endpoint("127.0.0.1", opened.getsockname()[1])


@pytest.fixture
def as_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask every port as a name server: the real port needs root."""
    monkeypatch.setattr(witness_probe, "_does_port_answer", witness_probe._does_name_server_answer)
    monkeypatch.setattr(witness_probe, "_PATIENCE_S", 0.2)


@pytest.mark.usefixtures("as_dns")
async def test_any_answer_to_the_dns_query_counts() -> None:
    with name_server() as server:
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        probe = asyncio.create_task(does_answer(endpoint_of(server), Resolver()))
        query, source = await loop.sock_recvfrom(server, 512)
        await loop.sock_sendto(server, query[:2] + b"\x81\x05" + query[4:], source)
        assert await probe


@pytest.mark.usefixtures("as_dns")
async def test_silence_and_bytes_that_do_not_answer_the_query_do_not_count() -> None:
    with name_server() as server:
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        probe = asyncio.create_task(does_answer(endpoint_of(server), Resolver()))
        query, source = await loop.sock_recvfrom(server, 512)
        await loop.sock_sendto(server, bytes(each ^ 0xFF for each in query[:2]) + query[2:], source)
        assert not await probe


@pytest.mark.usefixtures("as_dns")
async def test_a_port_unreachable_of_the_witness_is_an_answer() -> None:
    with closed_port() as closed:
        assert await does_answer(closed, Resolver())


async def test_an_open_and_a_closed_tcp_port_answer() -> None:
    with name_server(socket.SOCK_STREAM) as server:
        assert await does_answer(endpoint_of(server), Resolver())  # it does not listen: refused
        server.listen()
        assert await does_answer(endpoint_of(server), Resolver())


async def test_a_name_that_does_not_resolve_does_not_answer() -> None:
    assert not await does_answer(Endpoint("nonexistent.invalid", 53), Resolver())
