"""Tests of the echoes in the last session, which ask whether the server still uses that session."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.net.coarse_timers import CoarseTimers
from wgmon_tui.protocols.wireguard import last_sessions
from wgmon_tui.protocols.wireguard.ended_sessions import EndedSessions
from wgmon_tui.protocols.wireguard.foreign_sessions import ForeignSessions, is_own_index
from wgmon_tui.protocols.wireguard.last_sessions import LastSessions
from wgmon_tui.protocols.wireguard.session import Session

KEY = ("fra1", "192.0.2.7")
SOURCE = ("192.0.2.7", 51820)
US = PrivateKey(bytes(range(32))).public
ECHO = bytes(range(48))
FOREIGN = next(index for index in range(1, 1 << 16) if not is_own_index(index))


class Peer:
    """Both ends of a session: decrypts what was sent, and can answer in it."""

    def __init__(self) -> None:
        self.ours = Session(send_key=bytes(32), receive_key=bytes([1] * 32), local_index=5, remote_index=6)
        self._theirs = Session(send_key=bytes([1] * 32), receive_key=bytes(32), local_index=6, remote_index=5)
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, packet: bytes) -> None:
        self.received.put_nowait(self._theirs.open(packet))

    def answer(self) -> bytes:
        return self._theirs.seal(ECHO)


@dataclass
class Prober:
    """What the prober keeps of sessions."""

    ended: EndedSessions = field(default_factory=EndedSessions)
    foreign: ForeignSessions = field(default_factory=ForeignSessions)

    def __post_init__(self) -> None:
        self.foreign.watch(SOURCE, US)
        self.kept = LastSessions(self.ended, self.foreign, CoarseTimers())

    def end_check(self, peer: Peer) -> None:
        self.ended.keep(peer.ours, set())
        self.kept.keep(KEY, SOURCE, peer.ours, ECHO, peer.send)

    def receive_foreign(self) -> None:
        self.foreign.record(SOURCE, b"\x04\0\0\0" + FOREIGN.to_bytes(4, "little") + bytes(40), FOREIGN)

    @property
    def found(self) -> ForeignSession | None:
        return self.foreign.find(SOURCE, US)


async def test_the_next_check_asks_once_with_two_echoes() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.kept.ask(KEY)
    prober.kept.ask(KEY)
    assert [peer.received.get_nowait() for _ in range(2)] == [ECHO, ECHO]
    assert peer.received.empty()


async def test_a_server_of_which_nothing_was_kept_is_not_asked() -> None:
    Prober().kept.ask(KEY)


async def test_an_answer_in_a_foreign_session_alone_is_proof() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.kept.ask(KEY)
    prober.receive_foreign()
    prober.kept.conclude(KEY)
    assert prober.found == ForeignSession(2, proven=1)


async def test_forged_packets_beside_an_answer_in_our_session_prove_nothing() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.kept.ask(KEY)
    prober.receive_foreign()
    prober.ended.has_other_client(5, peer.answer())
    prober.kept.conclude(KEY)
    assert prober.found == ForeignSession(1, proven=0)


async def test_packets_from_before_the_question_prove_nothing() -> None:
    peer, prober = Peer(), Prober()
    prober.receive_foreign()
    prober.end_check(peer)
    prober.kept.ask(KEY)
    prober.kept.conclude(KEY)
    assert prober.found == ForeignSession(1, proven=0)


async def test_an_answer_from_before_the_question_is_no_answer() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.ended.has_other_client(5, peer.answer())
    prober.kept.ask(KEY)
    prober.receive_foreign()
    prober.kept.conclude(KEY)
    assert prober.found == ForeignSession(2, proven=1)


async def test_silence_proves_nothing() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.kept.ask(KEY)
    prober.kept.conclude(KEY)
    assert prober.found is None


@pytest.mark.usefixtures("at_once")
async def test_without_a_next_check_it_asks_concludes_and_acknowledges_the_answer() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    assert [await peer.received.get() for _ in range(2)] == [ECHO, ECHO]
    prober.receive_foreign()
    assert await peer.received.get() == b""
    assert prober.found == ForeignSession(2, proven=1)


@pytest.mark.usefixtures("at_once")
async def test_a_closed_prober_asks_nothing() -> None:
    peer, prober = Peer(), Prober()
    prober.end_check(peer)
    prober.kept.forget_all()
    await _all_timers_ran()
    assert peer.received.empty()


@pytest.mark.usefixtures("at_once")
async def test_a_later_session_replaces_the_question_about_the_earlier_one() -> None:
    earlier, later, prober = Peer(), Peer(), Prober()
    prober.end_check(earlier)
    prober.end_check(later)
    assert await later.received.get() == ECHO
    assert earlier.received.empty()


async def test_a_machine_that_refuses_to_send_ends_no_check() -> None:
    def refuse(_: bytes) -> None:
        raise OSError("no route")

    prober = Prober()
    prober.kept.keep(KEY, SOURCE, Peer().ours, ECHO, refuse)
    prober.kept.ask(KEY)


async def _all_timers_ran() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_sessions, "ASK_AFTER_S", 0.0)
    monkeypatch.setattr(last_sessions, "_CLOSE_AFTER_S", 0.0)
