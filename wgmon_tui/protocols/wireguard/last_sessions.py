"""The last session with each server, and the question whether the server still uses it.

A server sends all data for a key in that key's newest session. If another client of the key has opened one,
the answer to an echo in our last session comes in the other's: for an index that this process did not choose.
Anybody can forge such a packet. But nobody else can take away the answer in our session: if it is missing
although two echoes asked for it, the packet is a proof.

The echoes leave when another client has had time to notice that its session is lost, or at the start of the
next check. They do not leave later: a path that drops the first packet of each flow must drop an initiation.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from wgmon_tui.net.coarse_timers import CoarseTimer, CoarseTimers
from wgmon_tui.net.udp_socket import SocketAddress
from wgmon_tui.protocols.wireguard.ended_sessions import EndedSessions
from wgmon_tui.protocols.wireguard.foreign_sessions import ForeignSessions
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.records import dataclass

ASK_AFTER_S = 20.0
"""More than the 15 s after which a client replaces a silent session: KEEPALIVE_TIMEOUT + REKEY_TIMEOUT."""

_CLOSE_AFTER_S = 5.0
"""Time for the answer; then a keepalive acknowledges it, or the server retries handshakes for two minutes."""

_ECHOES = 2
"""One lost packet proves nothing."""

PeerKey = tuple[str, str]
"""A server's name and address."""


@dataclass(slots=True)
class _LastSession:
    source: SocketAddress
    session: Session
    echo: bytes
    send: Callable[[bytes], object]
    timer: CoarseTimer
    asked_at: float | None = None


class LastSessions:
    """The last session per server and address. Call it inside the event loop of the checks."""

    def __init__(self, ended: EndedSessions, foreign: ForeignSessions, timers: CoarseTimers) -> None:
        self._ended = ended
        self._timers = timers
        self._foreign = foreign
        self._kept: dict[PeerKey, _LastSession] = {}

    def keep(
        self,
        key: PeerKey,
        source: SocketAddress,
        session: Session,
        echo: bytes,
        send: Callable[[bytes], object],
    ) -> None:
        """Keep the session of a check that has just ended. `echo` is an inner packet that was answered."""
        self.conclude(key)
        self._forget(key)
        timer = self._timers.start(ASK_AFTER_S, partial(self.ask, key))
        self._kept[key] = _LastSession(source, session, echo, send, timer)

    def ask(self, key: PeerKey) -> None:
        """Send the echoes, unless they were sent already."""
        last = self._kept.get(key)
        if last is None or last.asked_at is not None:
            return
        self._timers.cancel(last.timer)
        last.asked_at = self._foreign.now()
        self._ended.listen(last.session.local_index)
        for _ in range(_ECHOES):
            _send(last, last.echo)
        last.timer = self._timers.start(_CLOSE_AFTER_S, partial(self._close, key))

    def conclude(self, key: PeerKey) -> None:
        """Record whether another client has replaced the session. The answer has had a round trip's time."""
        last = self._kept.get(key)
        if last is None or last.asked_at is None:
            return
        self._forget(key)
        is_ours = self._ended.was_heard(last.session.local_index)
        if not is_ours and self._foreign.has_arrived_since(last.source, last.asked_at):
            self._foreign.record_proof(last.source)

    def forget_all(self) -> None:
        """Ask nothing more."""
        for key in tuple(self._kept):
            self._forget(key)

    def _close(self, key: PeerKey) -> None:
        last = self._kept[key]
        self.conclude(key)
        _send(last, b"")

    def _forget(self, key: PeerKey) -> None:
        if last := self._kept.pop(key, None):
            self._timers.cancel(last.timer)


def _send(last: _LastSession, content: bytes) -> None:
    with suppress(OSError):  # the next check finds out why
        last.send(last.session.seal(content))
