"""Traces the path to a server with real initiations whose hop limit increases.

Whatever drops WireGuard's packets drops these too, which a trace with other packets does not see. They leave
from the port of the checks, so they take the path of the checks, and the server's endpoint for this identity
stays the same. An initiation that arrives is a real handshake. No data follows it: servers keep the session
of the last check, because an unconfirmed session replaces none (whitepaper §5.1 and §6.1).

Anybody can forge ICMP. An error counts for a hop only if it quotes a packet of this trace. If it quotes less
than the index, it counts while a single packet is unanswered, and the hop says so.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace

from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.path_trace import (
    MOST_SILENT,
    Hop,
    HopAnswer,
    PathTrace,
    TraceOptions,
    TraceRefusedError,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net.udp_socket import Datagram, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.framing import PLAIN, Framing
from wgmon_tui.protocols.wireguard.handshake import Attempt, RejectedError
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type, receiver_index
from wgmon_tui.records import dataclass

_SPACING_S = 0.05
"""Servers silently drop an initiation within 20 ms of the one before it."""

_GROUP = 4
"""Hop limits of the first round that are tried at once: few initiations more than needed arrive."""

_GROUP_WAIT_S = 0.4

_LONGEST_TURN_S = 6.0
"""After this time a trace lets a check of the server go first, at the end of a round."""

_NOTICE_S = 0.3
"""A longer wait for the turn of a check is reported."""

_INDEX_END = 8
"""Bytes of a quote that hold the sender's index."""

_COMPARED = 80
"""Quoted bytes that must be those of the packet. Behind them, routers may pad or append (RFC 4884 §4)."""

_ABOUT_THE_PATH = {(4, 3), (4, 11), (4, 12), (6, 1), (6, 3), (6, 4)}
"""IP version and type of the ICMP errors that say where a packet ended."""

_EXPIRED = {(4, 11, 0), (6, 3, 0)}
"""IP version, type and code of the report on a packet whose hop limit expired."""

_ENDS = (HopAnswer.REFUSED, HopAnswer.UNPROVEN)
_RANKS = {answer: rank for rank, answer in enumerate(HopAnswer)}


def is_expired(error: QueuedError) -> bool:
    """Whether an error reports a packet whose hop limit expired."""
    return (error.version, error.type, error.code) in _EXPIRED


@dataclass(slots=True)
class _Sent:
    hop_limit: int
    attempt: Attempt
    datagram: bytes
    sent_ns: int
    sent_at: float
    rtt: float | None = None
    answer: HopAnswer = HopAnswer.NOTHING
    sender: str = ""
    refusal: IcmpError | None = None
    is_quoted: bool = True


class PathTracer:
    """One trace. The prober feeds it packets; `run` returns when the trace ends."""

    def __init__(
        self,
        start: PathTrace,
        options: TraceOptions,
        destination: SocketAddress,
        *,
        send: Callable[[bytes, int], int],
        make_attempt: Callable[[bytes | None], Attempt],
        turn: Callable[[], AbstractAsyncContextManager[bool]],
        on_progress: Callable[[PathTrace], None],
        framing: Framing = PLAIN,
    ) -> None:
        """`start` names the address. `send` sends a packet with a hop limit, and returns the time in ns.

        `make_attempt` gets a cookie, and returns an attempt whose index is registered for this tracer. `turn`
        is that of a check; it gives False if another process keeps it.
        """
        self.source = (destination[0].partition("%")[0], destination[1])
        self._trace = replace(start, rounds=options.rounds)
        self._options = options
        self._send = send
        self.framing = framing
        self._make_attempt = make_attempt
        self._turn = turn
        self._on_progress = on_progress
        self._sent: dict[int, _Sent] = {}
        self._arrival = asyncio.Event()
        self._held_turn = AsyncExitStack()
        self._turn_until = 0.0
        self._cookie: bytes | None = None
        self._one_at_a_time = False

    @property
    def indices(self) -> tuple[int, ...]:
        """The indices of all attempts."""
        return tuple(self._sent)

    async def run(self) -> PathTrace:
        """Trace the path. Raises TraceRefusedError, and OSError if this machine refuses to send."""
        async with self._held_turn:
            await self._find_farthest()
            farthest = self._server_hop() or self._trace.tried
            for number in range(2, self._options.rounds + 1):
                await self._take_turn()
                self._trace = replace(self._trace, round=number)
                await self._try_hops(range(1, farthest + 1), self._options.timeout)
        self._trace = replace(self._trace, is_finished=True)
        self._report()
        return self._trace

    async def _find_farthest(self) -> None:
        """The first round: try hop limits until the server answers, or nothing answers any more."""
        await self._take_turn()
        self._trace = replace(self._trace, round=1)
        most = self._options.max_hops
        for first in range(1, most + 1, _GROUP):
            last = min(first + _GROUP - 1, most)
            wait_s = min(_GROUP_WAIT_S, self._options.timeout)
            await self._try_hops(range(first, last + 1), wait_s)
            if self._server_hop() or last - self._farthest_router() >= MOST_SILENT:
                break
            if (end := self._refusing_hop()) and last - end >= _GROUP:
                break
        await self._await_answers(self._options.timeout)

    async def _take_turn(self) -> None:
        """Take a turn between checks, unless this trace has one that is not too long yet."""
        if time.monotonic() < self._turn_until:
            return
        await self._held_turn.aclose()
        waiting = asyncio.get_running_loop().call_later(_NOTICE_S, self._report_wait)
        try:
            is_held = await self._held_turn.enter_async_context(self._turn())
        finally:
            waiting.cancel()
        self._trace = replace(self._trace, is_waiting=False)
        if not is_held:
            raise TraceRefusedError("another wgmon-tui on this machine checks this server; try again")
        self._turn_until = time.monotonic() + _LONGEST_TURN_S

    async def _try_hops(self, hop_limits: Sequence[int], wait_s: float) -> None:
        for hop_limit in hop_limits:
            await self._send_one(hop_limit, wait_s)
        await self._await_answers(wait_s)
        self._report()

    async def _send_one(self, hop_limit: int, wait_s: float) -> None:
        attempt = self._make_attempt(self._cookie)
        datagram = self.framing.frame(MessageType.INITIATION, attempt.packet)
        sent = _Sent(hop_limit, attempt, datagram, time.time_ns(), time.monotonic())
        self._sent[attempt.sender] = sent
        self._trace = replace(self._trace, tried=max(hop_limit, self._trace.tried))
        sent.sent_ns = self._send(datagram, hop_limit)
        await asyncio.sleep(_SPACING_S)
        if self._one_at_a_time:
            await self._await_answers(wait_s)

    async def _await_answers(self, timeout_s: float) -> None:
        """Wait until everything is answered, or for `timeout_s` without a further answer."""
        while any(each.rtt is None for each in self._sent.values()):
            self._arrival.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrival.wait()
            except TimeoutError:
                return

    # Events

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a datagram for one of the attempts, or one without index from the server's address."""
        sent = self._sent.get(receiver_index(datagram.data) or 0)
        if sent is None:
            return
        try:
            if message_type(datagram.data) is MessageType.COOKIE_REPLY:
                self._cookie = sent.attempt.open_cookie(datagram.data)
                answer = HopAnswer.UNPROVEN
            else:
                sent.attempt.complete(datagram.data)
                answer = HopAnswer.SERVER
        except RejectedError as rejected:
            if rejected.reason is not Reason.BAD_EMPTY:
                return
            answer = HopAnswer.UNPROVEN
        self._answer(sent, answer, datagram.source[0], datagram.received_ns)

    def on_icmp(self, error: QueuedError) -> None:
        """Handle an ICMP error about a packet of this trace, or one that quotes too little to tell."""
        sent = self._find_quoted(error)
        if sent is None or not error.offender or (error.version, error.type) not in _ABOUT_THE_PATH:
            return
        if sent.rtt is not None and (sent.is_quoted or len(error.quoted) < _INDEX_END):
            return  # each packet ends in one place: a second report is a copy, or forged
        sent.is_quoted = len(error.quoted) >= _INDEX_END
        answer = HopAnswer.EXPIRED if is_expired(error) else HopAnswer.REFUSED
        sent.refusal = None if answer is HopAnswer.EXPIRED else self._refusal(error, sent)
        self._answer(sent, answer, error.offender, error.received_ns or time.time_ns())

    def _find_quoted(self, error: QueuedError) -> _Sent | None:
        if len(error.quoted) >= _INDEX_END:
            quote = error.quoted[:_COMPARED]
            return next((each for each in self._sent.values() if each.datagram.startswith(quote)), None)
        self._one_at_a_time = True
        since = time.monotonic() - self._options.timeout
        waiting = [each for each in self._sent.values() if each.rtt is None and each.sent_at > since]
        return waiting[0] if len(waiting) == 1 else None

    def _refusal(self, error: QueuedError, sent: _Sent) -> IcmpError:
        is_target = error.offender == self.source[0]
        at = time.monotonic() - sent.sent_at
        return IcmpError(
            at, error.version, error.type, error.code, error.offender, is_target, quotes_packet=sent.is_quoted
        )

    def _answer(self, sent: _Sent, answer: HopAnswer, sender: str, received_ns: int) -> None:
        if sent.rtt is not None and _RANKS[answer] <= _RANKS[sent.answer]:
            return
        elapsed = time.monotonic() - sent.sent_at
        rtt = (received_ns - sent.sent_ns) / 1e9
        sent.rtt = rtt if 0 <= rtt <= elapsed else elapsed
        sent.answer, sent.sender = answer, sender
        self._arrival.set()
        self._report()

    # Results

    def _report(self) -> None:
        self._trace = replace(self._trace, hops=tuple(map(self._hop, range(1, self._last_row() + 1))))
        self._on_progress(self._trace)

    def _report_wait(self) -> None:
        self._trace = replace(self._trace, is_waiting=True)
        self._report()

    def _last_row(self) -> int:
        """The hop limit of the server, else of the end of the path, else one hop beyond the last answer."""
        beyond = min(self._farthest_router() + 1, self._trace.tried)
        return self._server_hop() or self._refusing_hop() or beyond

    def _server_hop(self) -> int | None:
        """The lowest hop limit with which a packet reached the server."""
        return min(
            (each.hop_limit for each in self._sent.values() if each.answer is HopAnswer.SERVER), default=None
        )

    def _farthest_router(self) -> int:
        return max(
            (each.hop_limit for each in self._sent.values() if each.answer is HopAnswer.EXPIRED), default=0
        )

    def _refusing_hop(self) -> int | None:
        """The lowest hop limit whose packets were refused, if no router farther away reported any."""
        routers = self._farthest_router()
        ends = [each.hop_limit for each in self._sent.values() if each.answer in _ENDS]
        return min((hop_limit for hop_limit in ends if hop_limit > routers), default=None)

    def _hop(self, hop_limit: int) -> Hop:
        sent = [each for each in self._sent.values() if each.hop_limit == hop_limit]
        answered = [each for each in sent if each.rtt is not None]
        senders = Counter(each.sender for each in answered)
        return Hop(
            hop_limit,
            max((each.answer for each in answered), key=_RANKS.__getitem__, default=HopAnswer.NOTHING),
            tuple(sender for sender, _ in senders.most_common()),
            len(sent),
            tuple(each.rtt for each in answered if each.rtt is not None),
            next((each.refusal for each in answered if each.refusal), None),
            any(each.is_quoted for each in answered) or not answered,
        )
