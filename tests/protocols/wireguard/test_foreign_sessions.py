"""Tests of the traces that another client on the same identity leaves at this process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.harness import (
    IDENTITY,
    ScriptedServer,
    check,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
    timestamps,
)
from tests.protocols.wireguard.sample_evidence import SERVER
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.context_evidence import ForeignSession, IdentityOnInterface, IdentityUsedElsewhere
from wgmon_tui.checks.evidence import (
    Evidence,
)
from wgmon_tui.checks.protocol import LOSS_WINDOW
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, InterfaceDumps, PeerEntry
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.foreign_sessions import (
    RECENT_S,
    ForeignSessions,
    is_own_index,
    new_index,
)
from wgmon_tui.protocols.wireguard.local_identities import LocalIdentities
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.store.timestamp_ledger import TimestampLedger

SOURCE = ("192.0.2.7", 51820)
HANDSHAKE_ONLY = replace(SERVER, tunnel=False)
US, OTHER = PrivateKey(bytes(range(32))).public, PrivateKey(bytes(32)).public


def foreign_index() -> int:
    return next(index for index in range(1, 1 << 16) if not is_own_index(index))


def data_for(index: int) -> bytes:
    return b"\x04\0\0\0" + index.to_bytes(4, "little") + bytes(8 + 32)


def then_foreign_data(initiation: bytes) -> Iterable[bytes]:
    """The answer, and data of another client's session, which the server sends to the latest endpoint."""
    return (data_for(foreign_index()), response_to(initiation))


# Indices


@given(st.integers(0, 2**32 - 1))
def test_few_foreign_indices_look_like_own_ones(index: int) -> None:
    alike = sum(is_own_index(index ^ mark) for mark in range(1 << 12))
    assert alike == 1  # of 4096


def test_own_indices_are_recognised_and_differ() -> None:
    indices = [new_index() for _ in range(200)]
    assert all(map(is_own_index, indices))
    assert len(set(indices)) > 190


# Counting


class Counter:
    """Foreign packets from SOURCE, which identity US checks."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sessions = ForeignSessions(lambda: self.now)
        self.sessions.watch(SOURCE, US)

    def arrive(self, index: int, source: tuple[str, int] = SOURCE) -> None:
        self.sessions.record(source, data_for(index), index)

    def count(self, elsewhere_s: float | None = None) -> int:
        found = self.sessions.find(SOURCE, US, elsewhere_s)
        return found.packets if found else 0


def test_packets_for_other_sessions_are_counted_between_checks_too() -> None:
    counter = Counter()
    counter.arrive(foreign_index())
    counter.arrive(foreign_index())
    assert counter.count() == 2


def test_a_packet_for_an_ended_session_of_this_process_is_no_trace() -> None:
    counter = Counter()
    counter.arrive(new_index())
    assert counter.count() == 0


def test_packets_from_elsewhere_are_not_kept() -> None:
    counter = Counter()
    counter.arrive(foreign_index(), ("198.51.100.9", 1))
    assert counter.count() == 0
    assert len(counter.sessions._arrivals) == 0


def test_old_traces_expire() -> None:
    counter = Counter()
    counter.arrive(foreign_index())
    counter.now += RECENT_S + 1
    assert counter.count() == 0


def test_a_packet_for_another_client_in_an_own_session_is_proof() -> None:
    counter = Counter()
    counter.arrive(foreign_index())
    counter.sessions.record_proof(SOURCE)
    assert counter.sessions.find(SOURCE, US) == ForeignSession(2, proven=1)


def test_a_flood_is_bounded() -> None:
    counter = Counter()
    for _ in range(5000):
        counter.arrive(foreign_index())
    assert counter.count() == 1000


def test_the_session_of_an_earlier_run_is_no_other_client() -> None:
    counter = Counter()
    counter.arrive(foreign_index())
    assert counter.count(elsewhere_s=30.0) == 0
    counter.now += 300
    counter.arrive(foreign_index())
    assert counter.count(elsewhere_s=330.0) == 1


def test_an_address_that_several_identities_check_proves_nothing_about_one() -> None:
    counter = Counter()
    counter.sessions.watch(SOURCE, OTHER)
    counter.arrive(foreign_index())
    assert counter.count() == 0


# The prober


async def test_a_check_reports_data_of_another_client() -> None:
    async with ScriptedServer(then_foreign_data) as server, opened_prober() as prober:
        done = await check(prober, make_target(server.endpoint))
    assert evidence_of_kind(ForeignSession, done) == [ForeignSession(1)]


async def test_a_check_without_such_data_reports_none() -> None:
    async with ScriptedServer(healthy) as server, opened_prober() as prober:
        done = await check(prober, make_target(server.endpoint))
    assert evidence_of_kind(ForeignSession, done) == []


async def test_another_process_on_the_identity_is_reported_once(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ours, TimestampLedger(tmp_path) as theirs:
        prober = Prober(timestamps=ours.next, stamped_elsewhere=ours.stamped_elsewhere)
        await prober.open()
        async with ScriptedServer(healthy) as server:
            target = make_target(server.endpoint)
            theirs.next(IDENTITY.public)  # an earlier run
            first = await prober.check(target, ip_address("127.0.0.1"))
            theirs.next(IDENTITY.public)
            second = await prober.check(target, ip_address("127.0.0.1"))
            third = await prober.check(target, ip_address("127.0.0.1"))
        await prober.close()
    found = [len(evidence_of_kind(IdentityUsedElsewhere, each)) for each in (first, second, third)]
    assert found == [0, 1, 0]


def test_the_ledger_tells_stamps_of_other_processes_from_its_own(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ours, TimestampLedger(tmp_path) as theirs:
        ours.next(US)
        ours.next(US)
        assert ours.stamped_elsewhere(US) is None
        theirs.next(US)
        ours.next(US)
        assert ours.stamped_elsewhere(US) is not None
        assert ours.stamped_elsewhere(PublicKey(bytes(32))) is None


def interface(own_key: PublicKey, peer: PublicKey) -> InterfaceDumps:
    peers = (PeerEntry(peer, has_preshared_key=False, allowed_ips=frozenset()),)
    return {"wg0": InterfaceDump(has_private_key=True, public_key=own_key, listen_port=51820, peers=peers)}


async def test_an_interface_of_this_machine_with_the_same_key_is_reported() -> None:
    dumps = interface(IDENTITY.public, make_target(SERVER.endpoint).server.public_key)
    prober = Prober(timestamps=timestamps, interface_of=LocalIdentities(lambda: dumps).interface_of)
    await prober.open()
    async with ScriptedServer(healthy) as server:
        done = await check(prober, make_target(server.endpoint))
    await prober.close()
    assert evidence_of_kind(IdentityOnInterface, done) == [IdentityOnInterface("wg0")]


async def test_an_interface_to_another_server_is_no_client_of_this_one() -> None:
    dumps = interface(US, OTHER)
    assert await LocalIdentities(lambda: dumps).interface_of(US, US) is None
    assert await LocalIdentities(lambda: dumps).interface_of(US, OTHER) == "wg0"


async def test_interfaces_are_read_once_a_minute() -> None:
    now, reads = [1000.0], list[float]()

    def read() -> InterfaceDumps:
        reads.append(now[0])
        return interface(US, OTHER)

    identities = LocalIdentities(read, lambda: now[0])
    for at in (1000.0, 1059.0, 1060.0):
        now[0] = at
        await identities.interface_of(US, OTHER)
    assert reads == [1000.0, 1060.0]


# The diagnosis


def answered(*evidence: Evidence) -> Check:
    return Check(
        "fra1", "here", SERVER.endpoint, ip_address(SOURCE[0]), 1_700_000_000.0, Handshake(0.02), evidence
    )


def test_packets_that_anybody_can_forge_leave_a_healthy_server_healthy() -> None:
    diagnosis = diagnose(answered(ForeignSession(4)), HANDSHAKE_ONLY)
    assert diagnosis.verdict is Verdict.HEALTHY
    assert diagnosis.causes == ()
    assert any(each.endswith("or somebody forged them") for each in diagnosis.evidence)


def test_an_answer_beside_another_client_is_not_clean() -> None:
    diagnosis = diagnose(answered(ForeignSession(4, proven=1)), HANDSHAKE_ONLY)
    assert diagnosis.verdict is Verdict.LOSSY
    assert diagnosis.verdict.severity is Severity.DEGRADED
    assert "another client uses this identity: each check cuts it off" in diagnosis.summary
    assert [each.hypothesis for each in diagnosis.causes] == [Hypothesis.IDENTITY_SHARED]


def test_a_slow_answer_beside_another_client_is_not_only_slow() -> None:
    check = replace(answered(ForeignSession(4, proven=1)), handshake=Handshake(3.0))
    diagnosis = diagnose(check, HANDSHAKE_ONLY)
    assert diagnosis.verdict is Verdict.LOSSY
    assert "another client uses this identity: each check cuts it off" in diagnosis.summary


def test_loss_beside_another_client_names_the_client_first() -> None:
    recent: list[float | None] = [0.02, None] * (LOSS_WINDOW // 2)
    diagnosis = diagnose(answered(IdentityUsedElsewhere(5.0)), HANDSHAKE_ONLY, recent)
    assert diagnosis.verdict is Verdict.LOSSY
    assert diagnosis.causes[0].hypothesis == Hypothesis.IDENTITY_SHARED


def test_a_turn_of_another_wgmon_on_this_machine_leaves_a_healthy_server_healthy() -> None:
    diagnosis = diagnose(answered(IdentityUsedElsewhere(5.0)), HANDSHAKE_ONLY)
    assert diagnosis.verdict is Verdict.HEALTHY
