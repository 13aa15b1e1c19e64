"""Tests of the echo in the last session, which asks whether the server still uses that session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from wgmon_tui.protocols.wireguard import last_sessions
from wgmon_tui.protocols.wireguard.last_sessions import LastSessions
from wgmon_tui.protocols.wireguard.session import Session

KEY = ("fra1", "192.0.2.7")
ECHO = bytes(range(48))


class Peer:
    """The server's side of a session: decrypts what was sent."""

    def __init__(self) -> None:
        self.ours = Session(send_key=bytes(32), receive_key=bytes([1] * 32), local_index=5, remote_index=6)
        self._theirs = Session(send_key=bytes([1] * 32), receive_key=bytes(32), local_index=6, remote_index=5)
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, packet: bytes) -> None:
        self.received.put_nowait(self._theirs.open(packet))


async def test_the_next_check_asks_once() -> None:
    peer, kept = Peer(), LastSessions()
    kept.keep(KEY, peer.ours, ECHO, peer.send)
    kept.ask(KEY)
    kept.ask(KEY)
    assert peer.received.get_nowait() == ECHO
    assert peer.received.empty()


async def test_a_session_of_which_nothing_was_kept_is_not_asked() -> None:
    LastSessions().ask(KEY)


@pytest.mark.usefixtures("at_once")
async def test_without_a_next_check_it_asks_and_acknowledges_the_answer() -> None:
    peer, kept = Peer(), LastSessions()
    kept.keep(KEY, peer.ours, ECHO, peer.send)
    assert await peer.received.get() == ECHO
    assert await peer.received.get() == b""


@pytest.mark.usefixtures("at_once")
async def test_a_closed_prober_asks_nothing() -> None:
    peer, kept = Peer(), LastSessions()
    kept.keep(KEY, peer.ours, ECHO, peer.send)
    kept.forget_all()
    await _all_timers_ran()
    assert peer.received.empty()


@pytest.mark.usefixtures("at_once")
async def test_a_later_session_replaces_the_question_about_the_earlier_one() -> None:
    earlier, later, kept = Peer(), Peer(), LastSessions()
    kept.keep(KEY, earlier.ours, ECHO, earlier.send)
    kept.keep(KEY, later.ours, ECHO, later.send)
    assert await later.received.get() == ECHO
    assert earlier.received.empty()


async def test_a_machine_that_refuses_to_send_ends_no_check() -> None:
    def refuse(_: bytes) -> Callable[[], None]:
        raise OSError("no route")

    kept = LastSessions()
    kept.keep(KEY, Peer().ours, ECHO, refuse)
    kept.ask(KEY)


async def _all_timers_ran() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_sessions, "ASK_AFTER_S", 0.0)
    monkeypatch.setattr(last_sessions, "_CLOSE_AFTER_S", 0.0)
