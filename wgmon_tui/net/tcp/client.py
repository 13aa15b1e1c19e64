"""A TCP client (RFC 9293), sans-I/O: segments and times in, segments and events out.

It opens one connection, sends, receives, and closes in order. Congestion control is that of RFC 5681 without
fast recovery, because a check sends little. Data that came early is acknowledged selectively (RFC 2018), as
every client does: otherwise a server on a lossy path waits for seconds. It has no urgent data, no keepalive
and no TIME-WAIT: a late segment finds no connection, and the owner draws another port for each one.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from wgmon_tui.net.tcp.events import (
    Closed,
    Connected,
    ConnectionReset,
    DataReceived,
    Event,
    GaveUp,
    PeerFinished,
)
from wgmon_tui.net.tcp.reassembly import Reassembly, distance
from wgmon_tui.net.tcp.retransmission import RetransmissionTimer
from wgmon_tui.net.tcp.segment import Flag, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVE_WINDOW = 1 << 20
"""Bytes that may be under way to this machine: enough for 80 Mbit/s at a round trip of 100 ms."""

_OUR_SCALE = 5
_DEFAULT_MSS = 536  # without the option: RFC 9293 §3.7.1
_SMALLEST_MSS = 64
_INITIAL_SEGMENTS = 10  # RFC 6928
_DUPLICATES = 3
_MAX_EXPIRIES = 8
_MAX_SACK_BLOCKS = 4  # what the 40 bytes of options hold
_WHOLE = 1 << 32


class State(Enum):
    """The states of RFC 9293 §3.3.2 that a client without TIME-WAIT can be in."""

    NEW = auto()
    SYN_SENT = auto()
    ESTABLISHED = auto()
    CLOSE_WAIT = auto()
    FIN_SENT = auto()
    """FIN-WAIT-1, FIN-WAIT-2, CLOSING and LAST-ACK: what is missing says which."""
    CLOSED = auto()


class TcpClient:
    """One connection. The owner calls `connect`, `receive` and `tick`, and takes segments and events."""

    def __init__(self, port: int, server_port: int, *, first_sequence: int, mss: int) -> None:
        """`mss`: the largest payload in bytes that a packet of the path can carry."""
        self.state = State.NEW
        self.retransmits = 0
        """How many segments were sent again."""
        self._port, self._server_port = port, server_port
        self._our_mss, self._mss = mss, min(mss, _DEFAULT_MSS)
        self._timer = RetransmissionTimer()
        self._first = first_sequence
        self._acknowledged = first_sequence  # SND.UNA
        self._next = first_sequence  # SND.NXT
        self._latest = first_sequence  # the largest SND.NXT so far
        self._unsent_from = (first_sequence + 1) % _WHOLE  # the number of the first byte of `_buffer`
        self._buffer = bytearray()
        self._is_finishing = False
        self._server_window = 0
        self._server_scale = 0
        self._congestion_window = _INITIAL_SEGMENTS * self._mss
        self._threshold = RECEIVE_WINDOW
        self._duplicates = 0
        self._timed: tuple[int, float] | None = None
        self._received: Reassembly | None = None
        self._server_end: int | None = None  # the number of the server's FIN
        self._has_server_finished = False
        self._segments: list[Segment] = []
        self._events: list[Event] = []

    # What the owner calls

    def connect(self, now: float) -> None:
        """Send the SYN."""
        self.state = State.SYN_SENT
        self._send_syn(now)

    def write(self, data: bytes, now: float) -> None:
        """Send bytes as soon as the windows allow it."""
        self._buffer += data
        self._send_more(now)

    def close(self, now: float) -> None:
        """Finish after everything that was written. The server may still send."""
        if self.state in (State.ESTABLISHED, State.CLOSE_WAIT, State.SYN_SENT):
            self._is_finishing = True
            self._send_more(now)

    def abort(self) -> None:
        """Reset the connection, and forget it."""
        if self.state is State.SYN_SENT:
            self._emit(Flag.RST, (self._first + 1) % _WHOLE)  # what the server expects after the SYN
        elif self.state not in (State.NEW, State.CLOSED):
            self._emit(Flag.RST | Flag.ACK, self._next)
        self._end()

    def receive(self, segment: Segment, now: float) -> None:
        """Take a segment of this connection; foreign ones change nothing."""
        if (segment.source_port, segment.destination_port) != (self._server_port, self._port):
            return
        if self.state is State.SYN_SENT:
            self._receive_answer(segment, now)
        elif self._received is not None and self.state is not State.CLOSED:
            self._receive_more(segment, self._received, now)

    def tick(self, now: float) -> None:
        """Send again what was not acknowledged in time."""
        if not self._timer.expire(now):
            return
        if self._timer.expiries > _MAX_EXPIRIES:
            self._events.append(GaveUp())
            self._end()
            return
        self._timed = None
        self.retransmits += 1
        if self.state is State.SYN_SENT:
            self._send_syn(now)
            return
        if self._flight:
            self._threshold = max(2 * self._mss, self._flight // 2)
            self._congestion_window = self._mss
            self._next = self._acknowledged
        self._duplicates = 0
        self._send_more(now, probes=True)

    @property
    def next_tick(self) -> float | None:
        """When `tick` has something to do; None if nothing waits."""
        return self._timer.expires_at

    @property
    def round_trip(self) -> float | None:
        """The smoothed round trip in seconds."""
        return self._timer.round_trip

    @property
    def unacknowledged(self) -> int:
        """Bytes that were written, and that the server has not acknowledged."""
        return len(self._buffer)

    def segments(self) -> list[Segment]:
        """Take the segments to send."""
        taken, self._segments = self._segments, []
        return taken

    def events(self) -> list[Event]:
        """Take the events since the last call."""
        taken, self._events = self._events, []
        return taken

    # Receiving

    def _receive_answer(self, segment: Segment, now: float) -> None:
        """Take the answer to the SYN: RFC 9293 §3.10.7.3. A client opens no connection simultaneously."""
        if not segment.flags & Flag.ACK:
            return
        if segment.acknowledgement != (self._first + 1) % _WHOLE:
            if not segment.flags & Flag.RST:  # of an earlier connection, which the server still has
                self._emit(Flag.RST, segment.acknowledgement)
            return
        if segment.flags & Flag.RST:
            self._events.append(ConnectionReset(refused=True))
            self._end()
            return
        if not segment.flags & Flag.SYN:
            return
        round_trip = None
        if self._timed is not None:
            round_trip = now - self._timed[1]
            self._timer.measure(round_trip)
        self._timer.stop()
        self._timer.progress()
        self.state, self._timed = State.ESTABLISHED, None
        self._acknowledged = self._next = self._latest = (self._first + 1) % _WHOLE
        self._mss = min(self._our_mss, max(_SMALLEST_MSS, segment.mss or _DEFAULT_MSS))
        self._congestion_window = _INITIAL_SEGMENTS * self._mss
        self._server_scale = segment.scale or 0
        self._uses_scale = segment.scale is not None
        self._sends_sack = segment.sack_permitted
        self._server_window = segment.window
        self._received = Reassembly((segment.sequence + 1) % _WHOLE, self._window_size)
        self._events.append(Connected(round_trip))
        self._emit(Flag.ACK, self._next)
        self._send_more(now)

    def _receive_more(self, segment: Segment, received: Reassembly, now: float) -> None:
        """Take a segment of a synchronised connection: RFC 9293 §3.10.7.4, RFC 5961."""
        offset = distance(segment.sequence, received.expected)
        if segment.flags & Flag.RST:
            if offset == 0:
                self._events.append(ConnectionReset(refused=False))
                self._end()
            elif 0 < offset < self._window_size:
                self._emit(Flag.ACK, self._next)
            return
        if segment.flags & Flag.SYN or offset >= self._window_size or offset + segment.length < 0:
            self._emit(Flag.ACK, self._next)
            return
        if not segment.flags & Flag.ACK or distance(segment.acknowledgement, self._latest) > 0:
            return
        self._receive_acknowledgement(segment, now)
        self._receive_payload(segment, received)
        self._send_more(now)
        self._end_if_finished()

    def _receive_acknowledgement(self, segment: Segment, now: float) -> None:
        fresh = distance(segment.acknowledgement, self._acknowledged)
        if fresh < 0:
            return
        window = segment.window << self._server_scale
        if fresh == 0:
            is_duplicate = not segment.length and window == self._server_window and self._flight
            self._duplicates = self._duplicates + 1 if is_duplicate else 0
            self._server_window = window
            if self._duplicates == _DUPLICATES:
                self._send_first_again(now)
            return
        self._server_window = window
        self._duplicates = 0
        if self._timed is not None and distance(segment.acknowledgement, self._timed[0]) >= 0:
            self._timer.measure(now - self._timed[1])
            self._timed = None
        if self._congestion_window < self._threshold:
            self._congestion_window += min(fresh, self._mss)
        else:
            self._congestion_window += max(1, self._mss * self._mss // self._congestion_window)
        data = min(len(self._buffer), distance(segment.acknowledgement, self._unsent_from))
        del self._buffer[:data]
        self._unsent_from = (self._unsent_from + data) % _WHOLE
        self._acknowledged = segment.acknowledgement
        if distance(self._next, self._acknowledged) < 0:
            self._next = self._acknowledged
        self._timer.progress()
        self._timer.stop()
        if self._flight:
            self._timer.start(now)

    def _receive_payload(self, segment: Segment, received: Reassembly) -> None:
        if not segment.payload and not segment.flags & Flag.FIN:
            return
        if self._has_server_finished:  # the FIN again, or data that must not follow it
            self._emit(Flag.ACK, self._next)
            return
        if segment.flags & Flag.FIN:
            self._server_end = (segment.sequence + len(segment.payload)) % _WHOLE
        if data := received.add(segment.sequence, segment.payload):
            self._events.append(DataReceived(data))
        if received.expected == self._server_end and not self._has_server_finished:
            self._has_server_finished = True
            received.expected = (received.expected + 1) % _WHOLE
            self._events.append(PeerFinished())
            if self.state is State.ESTABLISHED:
                self.state = State.CLOSE_WAIT
        self._emit(Flag.ACK, self._next)

    def _end_if_finished(self) -> None:
        is_everything_acknowledged = self.state is State.FIN_SENT and self._acknowledged == self._latest
        if is_everything_acknowledged and self._has_server_finished:
            self._events.append(Closed())
            self._end()

    # Sending

    @property
    def _flight(self) -> int:
        return distance(self._next, self._acknowledged)

    @property
    def _window_size(self) -> int:
        return RECEIVE_WINDOW if self._uses_scale else 0xFFFF

    _uses_scale = True
    _sends_sack = False

    def _send_syn(self, now: float) -> None:
        if self._timer.expiries == 0:
            self._timed = (self._first + 1) % _WHOLE, now
        self._segments.append(
            Segment(
                self._port,
                self._server_port,
                self._first,
                0,
                Flag.SYN,
                0xFFFF,
                mss=self._our_mss,
                scale=_OUR_SCALE,
                sack_permitted=True,
            )
        )
        self._timer.restart(now)

    def _send_more(self, now: float, *, probes: bool = False) -> None:
        """Send what the windows allow; with `probes`, at least one byte into a window that is closed."""
        if self._received is None or self.state is State.CLOSED:
            return
        for sequence, payload, finishes in self._sendable(probes):
            flags = Flag.ACK | (Flag.PSH if payload else Flag.ACK) | (Flag.FIN if finishes else Flag.ACK)
            self._emit(flags, sequence, payload)
            self._next = (sequence + len(payload) + finishes) % _WHOLE
            if distance(self._next, self._latest) > 0:
                if self._timed is None:
                    self._timed = self._next, now
                self._latest = self._next
            if finishes:
                self.state = State.FIN_SENT
        if self._flight or self._waits_for_window:
            self._timer.start(now)

    @property
    def _waits_for_window(self) -> bool:
        return bool(self._buffer) and self._server_window == 0

    def _sendable(self, probes: bool) -> Iterator[tuple[int, bytes, bool]]:
        """The segments that may be sent: sequence number, payload, and whether it ends the stream."""
        window = min(self._server_window, self._congestion_window)
        if probes and not self._server_window:
            window = 1
        end = len(self._buffer)
        at = min(end, distance(self._next, self._unsent_from))
        has_sent_end = distance(self._next, self._unsent_from) > end
        limit = window + distance(self._acknowledged, self._unsent_from)
        while at < end and at < limit:
            payload = bytes(self._buffer[at : min(at + self._mss, limit)])
            finishes = self._is_finishing and at + len(payload) == end
            yield (self._unsent_from + at) % _WHOLE, payload, finishes
            at += len(payload)
            has_sent_end |= finishes
        if self._is_finishing and at == end and not has_sent_end:
            yield (self._unsent_from + at) % _WHOLE, b"", True

    def _send_first_again(self, now: float) -> None:
        """Send the oldest segment again before its time: the server has received later ones."""
        self._threshold = max(2 * self._mss, self._flight // 2)
        self._congestion_window = self._threshold
        self._timed = None
        self.retransmits += 1
        later, self._next = self._next, self._acknowledged
        first = next(self._sendable(probes=True), None)
        if first is not None:
            sequence, payload, finishes = first
            flags = Flag.ACK | (Flag.FIN if finishes else Flag.ACK)
            self._emit(flags, sequence, payload)
        self._next = later
        self._timer.restart(now)

    def _emit(self, flags: Flag, sequence: int, payload: bytes = b"") -> None:
        expected = self._received.expected if self._received else 0
        window = RECEIVE_WINDOW >> _OUR_SCALE if self._uses_scale else 0xFFFF
        segment = Segment(
            self._port,
            self._server_port,
            sequence,
            expected,
            flags,
            min(0xFFFF, window),
            payload,
            sack_blocks=() if payload else self._sack_blocks(),
        )
        # The later acknowledgement says it for both. Equal ones stay: they tell the server of a loss.
        if self._segments and _acknowledges_more(segment, self._segments[-1]):
            self._segments.pop()
        self._segments.append(segment)

    def _sack_blocks(self) -> tuple[tuple[int, int], ...]:
        """Tell the server what came early. A payload leaves no room for it: its MSS is that of the path."""
        if not self._sends_sack or self._received is None:
            return ()
        return tuple(self._received.islands[:_MAX_SACK_BLOCKS])

    def _end(self) -> None:
        self.state = State.CLOSED
        self._timer.stop()
        self._buffer.clear()


def _acknowledges_more(later: Segment, earlier: Segment) -> bool:
    """Whether two pure acknowledgements differ in nothing but that the later one covers more."""
    is_same = replace(later, acknowledgement=earlier.acknowledgement) == earlier and not later.length
    return is_same and distance(later.acknowledgement, earlier.acknowledgement) > 0
