"""The path to a server, hop by hop, found with real initiations whose hop limit increases.

A router that discards an expired packet reports it (RFC 1812 §5.3.1, RFC 4443 §3.3). Whatever drops
WireGuard's packets drops these too, which a trace with other packets does not see. An initiation that arrives
is a real handshake: it replaces the server's session with this identity, so it takes the turn of a check.

A silent hop may forward and not report. So only the last hop that reported is certain.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median

from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.handshake import Attempt, RejectedError
from wgmon_tui.protocols.wireguard.wire import receiver_index, sender_index

MOST_HOPS = 30
ROUNDS = 3
"""Initiations per hop limit."""

_SPACING_S = 0.05
"""Servers silently drop an initiation within 20 ms of the one before it."""

_GROUP = 4
"""Hop limits of the first round that are tried at once: few initiations more than needed arrive."""

_GROUP_WAIT_S = 0.4
_MOST_SILENT = 8
"""Hop limits in a row without any answer, after which the first round ends."""

_LAST_WAIT_S = 1.0
_EXPIRED = {(4, 11, 0), (6, 3, 0)}
"""IP version, type and code of the report on a packet whose hop limit expired."""


class HopAnswer(Enum):
    """What came back for a hop limit."""

    NOTHING = "no answer"
    EXPIRED = "expired here"
    REFUSED = "refused"
    SERVER = "the server"


@dataclass(frozen=True, slots=True)
class Hop:
    """The answers to the initiations of one hop limit. `rtt` is their median in seconds.

    `addresses` are the senders of the answers, several if the path alternates. `refusal` is the ICMP error of
    a hop that refused to forward the packet.
    """

    hop_limit: int
    answer: HopAnswer
    addresses: tuple[str, ...]
    sent: int
    answered: int
    rtt: float | None
    refusal: QueuedError | None = None


@dataclass(frozen=True, slots=True)
class PathTrace:
    """The hops, nearest first. The last one is the server if it was reached."""

    hops: tuple[Hop, ...]

    @property
    def is_reached(self) -> bool:
        """Whether the server itself answered."""
        return any(hop.answer is HopAnswer.SERVER for hop in self.hops)

    @property
    def last_answering(self) -> Hop | None:
        """The farthest hop from which anything came back."""
        return next((hop for hop in reversed(self.hops) if hop.answered), None)


@dataclass(slots=True)
class _Sent:
    hop_limit: int
    attempt: Attempt
    sent_ns: int
    rtt: float | None = None
    answer: HopAnswer = HopAnswer.NOTHING
    sender: str = ""
    refusal: QueuedError | None = None


@dataclass(slots=True)
class PathTracer:
    """Traces one path. `open_socket` gets callbacks for packets and errors."""

    destination: SocketAddress
    open_socket: Callable[[Callable[[Datagram], None], Callable[[QueuedError], None]], DatagramSocket]
    make_attempt: Callable[[], Attempt]
    on_progress: Callable[[PathTrace], None] = lambda _: None
    _sent: dict[int, _Sent] = field(default_factory=dict)
    _arrival: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> PathTrace:
        """Trace the path. Raises OSError if this machine refuses to send."""
        opened = self.open_socket(self._on_datagram, self._on_error)
        loop = asyncio.get_running_loop()
        opened.attach(loop)
        try:
            farthest = await self._find_farthest(opened)
            for _ in range(ROUNDS - 1):
                await self._send_all(opened, range(1, farthest + 1))
                await self._await_answers(_LAST_WAIT_S)
            return self._result()
        finally:
            opened.close(loop)

    async def _find_farthest(self, opened: DatagramSocket) -> int:
        """Send the first round. Returns the hop limit of the server, or of the last hop that answered."""
        for first in range(1, MOST_HOPS + 1, _GROUP):
            await self._send_all(opened, range(first, first + _GROUP))
            await self._await_answers(_GROUP_WAIT_S)
            if end := self._first_end():
                return end
            if first + _GROUP - 1 - self._last_answering() >= _MOST_SILENT:
                break
        await self._await_answers(_LAST_WAIT_S)
        return self._first_end() or min(MOST_HOPS, self._last_answering() + 1)

    async def _send_all(self, opened: DatagramSocket, hop_limits: Sequence[int]) -> None:
        for hop_limit in hop_limits:
            attempt = self.make_attempt()
            opened.set_hop_limit(hop_limit)
            sent_ns = opened.send(attempt.packet, self.destination)
            self._sent[attempt.sender] = _Sent(hop_limit, attempt, sent_ns)
            await asyncio.sleep(_SPACING_S)

    async def _await_answers(self, timeout_s: float) -> None:
        """Wait until everything is answered, or for `timeout_s` without a further answer."""
        while any(each.rtt is None for each in self._sent.values()):
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), timeout_s)
            except TimeoutError:
                return

    # Events

    def _on_datagram(self, datagram: Datagram) -> None:
        sent = self._sent.get(receiver_index(datagram.data) or 0)
        if sent is None:
            return
        try:
            sent.attempt.complete(datagram.data)
        except RejectedError:
            try:
                sent.attempt.open_cookie(datagram.data)
            except RejectedError:
                return  # not from the server
        self._answer(sent, HopAnswer.SERVER, datagram.source[0], datagram.received_ns)

    def _on_error(self, error: QueuedError) -> None:
        sent = self._sent.get(sender_index(error.quoted) or 0)
        if sent is None or not error.offender:
            return
        is_expired = (error.version, error.type, error.code) in _EXPIRED
        sent.refusal = None if is_expired else error
        self._answer(
            sent, HopAnswer.EXPIRED if is_expired else HopAnswer.REFUSED, error.offender, time.time_ns()
        )

    def _answer(self, sent: _Sent, answer: HopAnswer, sender: str, received_ns: int) -> None:
        if sent.rtt is None or answer is HopAnswer.SERVER:
            sent.rtt = max(0.0, (received_ns - sent.sent_ns) / 1e9)
            sent.answer, sent.sender = answer, sender
        self._arrival.set()
        self.on_progress(self._result())

    # Results

    def _first_end(self) -> int | None:
        """The lowest hop limit that reached the server, or a hop that refuses."""
        ends = (HopAnswer.SERVER, HopAnswer.REFUSED)
        return min((each.hop_limit for each in self._sent.values() if each.answer in ends), default=None)

    def _last_answering(self) -> int:
        return max((each.hop_limit for each in self._sent.values() if each.rtt is not None), default=0)

    def _result(self) -> PathTrace:
        end = self._first_end() or max(self._last_answering() + 1, 1)
        return PathTrace(tuple(self._hop(each) for each in range(1, min(end, MOST_HOPS) + 1)))

    def _hop(self, hop_limit: int) -> Hop:
        sent = [each for each in self._sent.values() if each.hop_limit == hop_limit]
        answered = [each for each in sent if each.rtt is not None]
        kinds = {each.answer for each in answered}
        answer = next(
            (each for each in (HopAnswer.SERVER, HopAnswer.REFUSED, HopAnswer.EXPIRED) if each in kinds),
            HopAnswer.NOTHING,
        )
        return Hop(
            hop_limit,
            answer,
            tuple(dict.fromkeys(each.sender for each in answered)),
            len(sent),
            len(answered),
            median(each.rtt for each in answered if each.rtt is not None) if answered else None,
            next((each.refusal for each in answered if each.refusal), None),
        )
