"""The last session with each server, and the question whether the server still uses it.

A server sends all data for a key in that key's newest session. If another client of the key has opened one,
the answer to an echo in our last session comes in the other's: for an index that this process did not choose.

The echo leaves when another client has had time to notice that its session is lost, or at the start of the
next check. It does not leave later: a path that drops the first packet of each flow must drop an initiation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from wgmon_tui.protocols.wireguard.session import Session

ASK_AFTER_S = 20.0
"""More than the 15 s after which a client replaces a silent session: KEEPALIVE_TIMEOUT + REKEY_TIMEOUT."""

_CLOSE_AFTER_S = 5.0
"""Time for the answer; then a keepalive acknowledges it, or the server retries handshakes for two minutes."""

PeerKey = tuple[str, str]
"""A server's name and address."""


@dataclass(slots=True)
class _LastSession:
    session: Session
    echo: bytes
    send: Callable[[bytes], object]
    timer: asyncio.TimerHandle


class LastSessions:
    """The last session per server and address. Call it inside the event loop of the checks."""

    def __init__(self) -> None:
        self._waiting: dict[PeerKey, _LastSession] = {}

    def keep(self, key: PeerKey, session: Session, echo: bytes, send: Callable[[bytes], object]) -> None:
        """Keep the session of a check that has just ended. `echo` is an inner packet that was answered."""
        self._forget(key)
        timer = asyncio.get_running_loop().call_later(ASK_AFTER_S, self.ask, key)
        self._waiting[key] = _LastSession(session, echo, send, timer)

    def ask(self, key: PeerKey) -> None:
        """Send the echo, unless it was sent already. The answer is found as a foreign session."""
        if last := self._forget(key):
            self._send(last, last.echo)
            last.timer = asyncio.get_running_loop().call_later(_CLOSE_AFTER_S, self._send, last, b"")

    def forget_all(self) -> None:
        """Ask nothing more."""
        for key in tuple(self._waiting):
            self._forget(key)

    def _forget(self, key: PeerKey) -> _LastSession | None:
        if last := self._waiting.pop(key, None):
            last.timer.cancel()
        return last

    @staticmethod
    def _send(last: _LastSession, content: bytes) -> None:
        with suppress(OSError):  # the next check finds out why
            last.send(last.session.seal(content))
