"""Tests of initiations that a server sends unasked: what counts, what is forged, and what it costs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.protocols.wireguard.harness import (
    IDENTITY,
    SERVER,
    SILENCE_TIMEOUT_S,
    ScriptedServer,
    check,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    silence,
    timestamps,
)
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    LateAnswer,
    Silence,
    StampsAhead,
)
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.udp_socket import Datagram
from wgmon_tui.protocols.wireguard import server_initiations
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.handshake import Initiator, Responder
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.server_initiations import OPENED_AT_ONCE, RECENT_S, ServerInitiations

TARGET = make_target(Endpoint("192.0.2.7", 51820))
KEY = ("fra1", "192.0.2.7")
_numbers = itertools.count(1)


def initiation(sender: PrivateKey = SERVER, receiver: PrivateKey = IDENTITY) -> bytes:
    return Initiator(sender, receiver.public).initiate(next(_numbers), timestamps(sender.public)).packet


def datagram(data: bytes, address: str = "192.0.2.7", port: int = 51820) -> Datagram:
    return Datagram(data, (address, port), 0)


class Clock:
    """Monotonic time that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def initiations(clock: Clock) -> ServerInitiations:
    """The initiations of one server, whose first unanswered check has begun."""
    made = ServerInitiations(clock)
    made.begin_check(KEY, TARGET)
    return made


def test_the_servers_own_initiation_is_evidence(initiations: ServerInitiations, clock: Clock) -> None:
    clock.now += 2.0
    initiations.on_datagram(datagram(initiation()))
    initiations.on_datagram(datagram(initiation()))
    assert initiations.evidence(KEY, 1000.0) == ServerInitiated(2.0, 2)


def test_a_nat_may_change_the_source_port(initiations: ServerInitiations) -> None:
    initiations.on_datagram(datagram(initiation(), port=4711))
    assert initiations.evidence(KEY, 1000.0)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(initiation(sender=PrivateKey.generate()), id="another key"),
        pytest.param(initiation(receiver=PrivateKey.generate()), id="for another identity"),
        pytest.param(initiation()[:-33] + b"\0" + initiation()[-32:], id="damaged"),
    ],
)
def test_an_initiation_that_is_not_this_servers_is_no_evidence(
    initiations: ServerInitiations, forged: bytes
) -> None:
    initiations.on_datagram(datagram(forged))
    assert initiations.evidence(KEY, 1000.0) is None


def test_from_the_address_of_no_server_nothing_is_opened(initiations: ServerInitiations) -> None:
    initiations.on_datagram(datagram(initiation(), address="192.0.2.8"))
    assert initiations.evidence(KEY, 1000.0) is None


def test_an_initiation_to_the_identity_of_another_server_at_this_address_is_no_evidence(
    initiations: ServerInitiations,
) -> None:
    other = PrivateKey.generate()
    initiations.begin_check(("fra2", KEY[1]), replace(TARGET, private_key=other))
    initiations.on_datagram(datagram(initiation(receiver=other)))
    assert initiations.evidence(KEY, 1000.0) is None
    assert initiations.evidence(("fra2", KEY[1]), 1000.0)


def test_a_server_with_a_new_identity_is_asked_no_longer_for_the_old_one(
    initiations: ServerInitiations,
) -> None:
    new = PrivateKey.generate()
    initiations.begin_check(("fra2", KEY[1]), TARGET)
    initiations.begin_check(KEY, replace(TARGET, private_key=new))
    initiations.on_datagram(datagram(initiation(receiver=new)))
    initiations.on_datagram(datagram(initiation()))
    assert initiations.evidence(KEY, 1000.0) == ServerInitiated(0.0, 1)
    assert initiations.evidence(("fra2", KEY[1]), 1000.0) == ServerInitiated(0.0, 1)


def test_a_replayed_initiation_counts_once_even_if_it_was_first_seen_before_the_silence(
    initiations: ServerInitiations,
) -> None:
    packet = initiation()
    initiations.record_answer(KEY)
    initiations.on_datagram(datagram(packet))
    initiations.begin_check(KEY, TARGET)
    initiations.on_datagram(datagram(packet))
    assert initiations.evidence(KEY, 1000.0) is None


def test_what_arrived_before_the_first_unanswered_check_says_nothing(
    initiations: ServerInitiations,
) -> None:
    initiations.record_answer(KEY)
    initiations.on_datagram(datagram(initiation()))
    initiations.begin_check(KEY, TARGET)
    assert initiations.evidence(KEY, 1000.0) is None


def test_an_initiation_between_checks_counts_for_three_minutes(
    initiations: ServerInitiations, clock: Clock
) -> None:
    clock.now = 1007.0
    initiations.on_datagram(datagram(initiation()))
    initiations.begin_check(KEY, TARGET)
    assert initiations.evidence(KEY, 1010.0) == ServerInitiated(-3.0, 1)
    clock.now += RECENT_S + 1
    assert initiations.evidence(KEY, 1010.0) is None


def test_forged_initiations_cost_a_limited_number_of_openings(
    initiations: ServerInitiations, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    class Counting(Responder):
        def open(self, packet: bytes):  # type: ignore[no-untyped-def]
            opened.append(packet)
            return super().open(packet)

    monkeypatch.setattr(server_initiations, "_responder", Counting)
    forged = initiation(sender=PrivateKey.generate())
    for _ in range(100):
        initiations.on_datagram(datagram(forged[:-40] + bytes(40)))
    assert opened == []
    for _ in range(100):
        initiations.on_datagram(datagram(forged))
    assert len(opened) == OPENED_AT_ONCE
    clock.now += 5.0
    initiations.on_datagram(datagram(initiation()))
    assert initiations.evidence(KEY, 1000.0)


def test_a_flood_for_many_identities_costs_no_more_than_one_look_at_each_mac(
    initiations: ServerInitiations, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    class Counting(Responder):
        def has_valid_mac1(self, packet: bytes) -> bool:
            looks.append(packet)
            return super().has_valid_mac1(packet)

    for number in range(20):
        other = replace(TARGET, private_key=PrivateKey.generate())
        initiations.begin_check((f"ams{number}", KEY[1]), other)
    monkeypatch.setattr(server_initiations, "_responder", Counting)
    forged = initiation(sender=PrivateKey.generate())
    for _ in range(1000):
        initiations.on_datagram(datagram(forged))
    assert len(looks) <= (OPENED_AT_ONCE + 1) * 21


def test_another_key_of_the_server_forgets_the_timestamps_of_the_old_one(
    initiations: ServerInitiations,
) -> None:
    initiations.on_datagram(datagram(initiation()))
    other = PrivateKey.generate()
    early = Initiator(other, IDENTITY.public).initiate(1, tai64n.encode(10**18)).packet
    initiations.begin_check(KEY, replace(TARGET, server=replace(TARGET.server, public_key=other.public)))
    initiations.on_datagram(datagram(early))
    found = initiations.evidence(KEY, 1000.0)
    assert found is not None
    assert found.count == 2


# In a prober


async def silent_check(prober: Prober, server: ScriptedServer) -> Check:
    return await check(prober, make_target(server.endpoint, timeout=SILENCE_TIMEOUT_S))


async def test_an_initiation_during_a_silent_check_is_evidence_and_gets_no_answer() -> None:
    def initiates(_: bytes) -> tuple[bytes, ...]:
        return (initiation(),)

    async with ScriptedServer(initiates) as server, opened_prober() as prober:
        found = await silent_check(prober, server)
        assert evidence_of_kind(ServerInitiated, found)[0].count == len(server.received)
    assert server.received == server.initiations


async def test_an_initiation_after_a_silent_check_is_kept_for_the_next_one() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        assert not evidence_of_kind(ServerInitiated, await silent_check(prober, server))
        server.send(initiation(), server.sources[-1])
        found = await silent_check(prober, server)
    assert [each.count for each in evidence_of_kind(ServerInitiated, found)] == [1]


async def test_an_answered_check_ends_the_evidence() -> None:
    async with ScriptedServer(silence) as server, opened_prober() as prober:
        await silent_check(prober, server)
        server.send(initiation(), server.sources[-1])
        server.script = healthy
        assert (await check(prober, make_target(server.endpoint))).handshake
        server.script = silence
        assert not evidence_of_kind(ServerInitiated, await silent_check(prober, server))


# Its meaning

INITIATED = ServerInitiated(1.0, 3)
DISPROVED = ("does not know", "key is not the one", "down or hung")


def diagnosed(*evidence: Evidence) -> tuple[Verdict, str, list[str]]:
    unanswered = replace(
        Check("fra1", "here", TARGET.server.endpoint, None, 0.0, None), evidence=(Silence(5.0), *evidence)
    )
    found = diagnose(unanswered, TARGET.server)
    return found.verdict, found.summary, [cause.cause for cause in found.causes]


def test_a_silent_server_that_initiates_is_alive_and_knows_this_key() -> None:
    verdict, summary, causes = diagnosed(INITIATED)
    assert verdict is Verdict.SILENT
    assert "This machine's packets do not arrive there" in summary
    assert causes[0] == "this machine's packets do not arrive at the server"


@pytest.mark.parametrize("beside", [(), (StampsAhead(60.0),), (CookieDemanded(0.1),), (LateAnswer(7.0),)])
def test_causes_that_its_initiation_disproves_are_not_listed(beside: tuple[Evidence, ...]) -> None:
    _, _, causes = diagnosed(INITIATED, *beside)
    assert not [cause for cause in causes for wrong in DISPROVED if wrong in cause]


@pytest.mark.parametrize("beside", [CookieDemanded(0.1), LateAnswer(7.0)])
def test_after_an_authentic_answer_packets_do_arrive_there(beside: Evidence) -> None:
    _, summary, causes = diagnosed(INITIATED, beside)
    assert "do not arrive" not in " ".join((summary, *causes))
