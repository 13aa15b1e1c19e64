"""The handshake stage of a check: a state machine of events and timers.

    start ──► initiation sent ──► response to the latest initiation ──► keepalive sent ──► done
                 │  ▲  ▲  ▲            ▲
                 │  │  │  └────────────┴── response to an earlier initiation: the handshake is proven,
                 │  │  │                   wait for the latest response; if it is lost, start afresh
                 │  │  └── authentic cookie reply: retry at once, with mac2
                 │  └───── half of the timeout over, or refused once by this machine: retry
                 └───────► deadline, or refused twice by this machine ──► done, no handshake

A server keeps only the session of the newest initiation that it received. So data waits for the response to
the latest one, as in a real client. If none comes, the stage ends with a handshake and without a session.

A packet that does not authenticate, and an ICMP error, is recorded and changes nothing. Anybody can forge
them, so neither ends a check: a closed port is known when the deadline has passed. A cookie reply needs only
the server's public key and a look at the initiation. An answer to that initiation proves the reply false,
because a server under load answers with one or the other.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable
from contextlib import suppress

from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    ForeignBytes,
    IcmpError,
    LateAnswer,
    PacketRejected,
    ReceiveOverflow,
    Silence,
    SocketError,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net.coarse_timers import CoarseTimer, CoarseTimers
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.handshake import Attempt, RejectedError
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.targets import INITIATION_SPACING_S, Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type, receiver_index, sender_index
from wgmon_tui.records import dataclass

_REFUSAL_RETRY_S = 0.25
_SESSION_MARGIN_S = 0.25
"""Wait for the response to the latest initiation beyond two of the round trips just measured."""

_MAX_FRESH_INITIATIONS = 2
"""Initiations sent because the response to the latest one was lost."""

_MAX_COOKIES = 4
"""Cookies tried in a check: a forged one must not hide the server's."""

_HEAD = 16
_QUOTED = 8
"""Bytes of a sent datagram that an ICMP error quotes at least, if it quotes any."""

_DECOYS_LOGGED = 16
"""Decoys of a check that stand in its exchange: there may be 128 before each initiation."""

_MAX_UNAUTHENTICATED = 4  # a forged response must not hide the real one after it


@dataclass(slots=True)
class SentAttempt:
    """An initiation in flight and its send time: Unix nanoseconds and monotonic seconds."""

    attempt: Attempt
    sent_ns: int
    sent_at: float
    refused: bool = False
    """Whether this machine refused to send it."""
    cookie_demanded: bool = False
    answered: bool = False


class HandshakeStage:
    """The handshake of one check. The prober feeds it packets; `finished` resolves when it ends."""

    def __init__(
        self,
        target: Target,
        check_log: CheckLog,
        socket: DatagramSocket,
        destination: SocketAddress,
        timers: CoarseTimers,
        make_attempt: Callable[[HandshakeStage, bytes | None], Attempt],
    ) -> None:
        """`make_attempt` returns a new attempt with an index that is registered for this stage."""
        self.target = target
        self.check_log = check_log
        self.destination = destination
        self.source = (destination[0].partition("%")[0], destination[1])
        """The source of an answer as the kernel formats it: without the scope of a link-local address."""
        self.sent: list[SentAttempt] = []
        self.handshake: Handshake | None = None
        self.session: Session | None = None
        self.unauthenticated: list[tuple[Attempt, bytes]] = []
        """The first responses that did not authenticate, each with its attempt."""
        self.socket = socket
        """The socket that the server knows: data leaves through it too."""
        self._make_attempt = make_attempt
        self._all_timers = timers
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cookies: list[bytes] = []
        """The cookies that were tried, the latest at the end."""
        self._rtt: float | None = None
        self._fresh_initiations = 0
        self._timers: list[CoarseTimer] = []
        self._overflows_before = socket.overflows
        self.framing = target.framing
        self.decoys: list[bytes] = []
        """The decoys in the exchange."""
        self._decoy_heads: set[bytes] = set()
        self._started = time.monotonic()

    def start(self) -> None:
        """Send the first initiation and start the timers."""
        self._started = time.monotonic()
        # The deadline timer starts at half-time: most checks end before they need it.
        self._timers.append(self._all_timers.start(self.target.server.timeout / 2, self._on_half_time))
        self._initiate()

    # Events

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a datagram for one of the attempts, or one without index from the server's address."""
        if self.finished.done():
            return
        at = self.check_log.received(datagram.payload, datagram.received_ns)
        sent = self._find_attempt(receiver_index(datagram.data))
        if sent is None:
            if message_type(datagram.data) is None:
                self.check_log.add_evidence(ForeignBytes(at, len(datagram.data), datagram.data[:_HEAD]))
            return
        try:
            if message_type(datagram.data) is MessageType.COOKIE_REPLY:
                self._on_cookie(sent.attempt.open_cookie(datagram.data), sent, at)
            else:
                self._on_response(datagram, sent)
        except RejectedError as rejected:
            if rejected.reason is Reason.BAD_EMPTY and len(self.unauthenticated) < _MAX_UNAUTHENTICATED:
                self.unauthenticated.append((sent.attempt, datagram.data))
            self.check_log.add_evidence(PacketRejected(at, rejected.reason, len(datagram.payload)))

    def on_icmp(self, error: QueuedError) -> None:
        """Record an ICMP error about an attempt, or one that quotes too little to identify the packet."""
        if not self.finished.done():
            self.check_log.add_evidence(self.icmp_evidence(error))

    def icmp_evidence(self, error: QueuedError) -> IcmpError:
        """Convert an ICMP error into evidence, with whether the server itself sent it."""
        return IcmpError(
            at=self.check_log.seconds_since_start(time.time_ns()),
            version=error.version,
            type=error.type,
            code=error.code,
            offender=error.offender,
            from_target=error.offender == self.source[0],
            mtu=error.info or None,
            quotes_packet=self._has_sent(error.quoted),
        )

    def late_answer(self, datagram: Datagram) -> LateAnswer | None:
        """Evidence of an authentic answer after the check ended; None if it does not authenticate."""
        sent = self._find_attempt(receiver_index(datagram.data))
        if sent is None:
            return None
        try:
            sent.attempt.complete(datagram.data)
        except RejectedError:
            return None
        return LateAnswer(time.monotonic() - sent.sent_at)

    def stop(self) -> None:
        """Cancel the timers when the check ends or is cancelled."""
        for timer in self._timers:
            self._all_timers.cancel(timer)
        self._timers.clear()

    # Steps

    def _initiate_later(self) -> None:
        """Timer callback: a bug must end the check with its traceback, not disappear."""
        try:
            self._initiate()
        except Exception as fault:  # noqa: BLE001  passed to the caller that awaits the check
            if not self.finished.done():
                self.finished.set_exception(fault)

    def _initiate(self) -> None:
        if self.finished.done():
            return
        if self.sent:
            wait = self.sent[-1].sent_at + INITIATION_SPACING_S - time.monotonic()
            if wait > 0:
                self._timers.append(self._all_timers.start(wait, self._initiate_later))
                return
        attempt = self._make_attempt(self, self._cookies[-1] if self._cookies else None)
        sent = SentAttempt(attempt, time.time_ns(), time.monotonic())
        self.sent.append(sent)
        datagram = self.framing.frame(MessageType.INITIATION, attempt.packet)
        self._send_decoys()
        try:
            sent.sent_ns = self.socket.send(datagram, self.destination)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "error")
            self.check_log.add_evidence(SocketError(time.monotonic() - self._started, name))
            sent.refused = True
            self._on_refusal()
        else:
            self.check_log.sent(datagram, sent.sent_ns)
        if self._rtt is not None:
            self._await_latest_response()

    def _send_decoys(self) -> None:
        for decoy in self.framing.make_decoys():
            with suppress(OSError):  # the initiation that follows shows whether this machine can send
                sent_ns = self.socket.send(decoy, self.destination)
                if len(self.decoys) < _DECOYS_LOGGED:
                    self.decoys.append(decoy)
                    self.check_log.sent(decoy, sent_ns)
                self._decoy_heads.add(decoy[:_HEAD])

    def _on_response(self, datagram: Datagram, sent: SentAttempt) -> None:
        if sent.answered:
            return  # a copy: whoever sees a packet can send it again, from anywhere
        session = sent.attempt.complete(datagram.data)
        self.check_log.record_decisive(datagram.payload, datagram.received_ns)
        self.check_log.add_reply_source(datagram.source, self.source)
        if self._rtt is None:
            self._rtt = round_trip(sent, datagram)
        sent.answered = True
        if sent is not self.sent[-1] and self.target.server.tunnel:
            self._await_latest_response()
            return
        self.session = session
        keepalive = self.framing.frame(MessageType.TRANSPORT, session.keepalive())
        try:
            sent_ns = self.socket.send(keepalive, self.destination)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "error")
            self.check_log.add_evidence(SocketError(time.monotonic() - self._started, name))
        else:
            self.check_log.sent(keepalive, sent_ns)
        self._finish()

    def _await_latest_response(self) -> None:
        """Wait for the response to the latest initiation, as long as the measured round trip suggests."""
        self.stop()
        overdue = self.sent[-1].sent_at + 2 * (self._rtt or 0.0) + _SESSION_MARGIN_S - time.monotonic()
        self._timers.append(self._all_timers.start(max(0.0, overdue), self._on_overdue_response))

    def _on_overdue_response(self) -> None:
        """Start a fresh handshake: the server may hold only the session of a response that was lost."""
        self.socket.drain_backlog()
        if self.finished.done():
            return
        if self._fresh_initiations < _MAX_FRESH_INITIATIONS:
            self._fresh_initiations += 1
            self._initiate_later()
        else:
            self.check_log.add_evidence(Silence(time.monotonic() - self.sent[-1].sent_at))
            self._finish()

    def _on_cookie(self, cookie: bytes, sent: SentAttempt, at: float) -> None:
        self.check_log.add_evidence(CookieDemanded(at))
        sent.cookie_demanded = True
        if cookie not in self._cookies and len(self._cookies) < _MAX_COOKIES:
            self._cookies.append(cookie)
            self._initiate()

    def _on_refusal(self) -> None:
        """Retry after this machine refused to send, which may be chance; end the check if it never sends."""
        if self._rtt is not None or not all(each.refused for each in self.sent):
            return
        if len(self.sent) >= 2:
            self._finish()
        else:
            self._timers.append(self._all_timers.start(_REFUSAL_RETRY_S, self._initiate_later))

    def _on_half_time(self) -> None:
        remaining = self._started + self.target.server.timeout - time.monotonic()
        self._timers.append(self._all_timers.start(max(0.0, remaining), self._on_deadline))
        self._initiate_later()

    def _on_deadline(self) -> None:
        # A packet that reached the kernel in time is not lost, even if this process reads it late.
        self.socket.drain_backlog()
        if self.finished.done() or self._rtt is not None:
            return
        dropped = self.socket.overflows - self._overflows_before
        if dropped:
            self.check_log.add_evidence(ReceiveOverflow(dropped))
        self.check_log.add_evidence(Silence(time.monotonic() - self._started))
        self._finish()

    def _finish(self) -> None:
        self.stop()
        if self.finished.done():
            return
        if self._rtt is not None:
            self.handshake = Handshake(self._rtt, self._count_lost_initiations(), self._is_under_load())
        self.finished.set_result(None)

    def _is_under_load(self) -> bool:
        """Whether the server demanded a cookie. The demand is forged if the same initiation was answered."""
        demanded = [each.answered for each in self.sent if each.cookie_demanded]
        return bool(demanded) and not any(demanded)

    def _count_lost_initiations(self) -> int:
        """Count the initiations without an answer. Those after the session was opened were not awaited."""
        answered = [each.answered for each in self.sent]
        awaited = len(answered) - answered[::-1].index(True) if self.session else len(answered)
        return sum(not each.answered and not each.cookie_demanded for each in self.sent[:awaited])

    def _has_sent(self, quoted: bytes) -> bool:
        """Whether an ICMP error quotes a packet of this stage."""
        index = sender_index(self.framing.unframe_quote(quoted))
        if self._find_attempt(index) is not None:
            return True
        return len(quoted) >= _QUOTED and any(head.startswith(quoted[:_HEAD]) for head in self._decoy_heads)

    def _find_attempt(self, index: int | None) -> SentAttempt | None:
        return next((sent for sent in self.sent if sent.attempt.sender == index), None)


def round_trip(sent: SentAttempt, datagram: Datagram) -> float:
    """Seconds from send to the kernel's receive timestamp; monotonic time if the wall clock stepped."""
    elapsed = time.monotonic() - sent.sent_at
    rtt = (datagram.received_ns - sent.sent_ns) / 1e9
    return rtt if 0 <= rtt <= elapsed else elapsed
