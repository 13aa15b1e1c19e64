"""Runs the client of a session over a link, and logs its packets."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.protocols.openvpn.client import Client
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN, DataArrived, Event, Rejected
from wgmon_tui.protocols.openvpn.links import ForeignBytesError, Link, LinkClosedError
from wgmon_tui.protocols.openvpn.packet_fields import describe_body

_MOST_REJECTED = 64
"""Packets that are not of the session, and are kept as events. A flood of them fills no memory."""

_MOST_EVENTS = 256
"""After so many events of the session itself, its check ends: the server floods it."""

_MOST_DATA = 256
_CLOCK_STEP_S = 1.0
"""A difference of the times of a packet and its event from which on the clock of this machine was set."""


class ControlSession:
    """One session and its packets. Times of events are seconds since it began."""

    def __init__(self, client: Client, link: Link, log: CheckLog) -> None:
        self.client = client
        self.link = link
        self.log = log
        self.events: list[Event] = []
        self.data: deque[tuple[bytes, int]] = deque(maxlen=_MOST_DATA)
        """Packets of the data channel with their Unix times in nanoseconds, as they came."""
        self.notes: dict[int, str] = {}
        """What was in the encrypted packets of the exchange, by their numbers: no payload and no secret."""
        self._data_numbers: dict[bytes, int] = {}
        self.is_closed = False
        """Whether the server closed the TCP connection."""
        self._began = time.monotonic()
        self._rejected = 0
        self._has_left = False

    @property
    def now(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._began

    def send(self, packet: bytes, note: str = "") -> int:
        """Send a packet, log it and return the Unix time in nanoseconds. Raises OSError.

        `note` says what is in a packet of the data channel.
        """
        sent_ns, kept = self.link.send(packet), len(self.log.exchange)
        self.log.sent(self.link.frame(packet), sent_ns)
        if note and len(self.log.exchange) > kept:
            self.notes[kept] = note
        self._note(packet, kept)
        return sent_ns

    def note_data(self, packet: bytes, note: str) -> None:
        """Say what was in a received packet of the data channel, or why it was rejected."""
        number = self._data_numbers.pop(packet, None)
        if number is not None:
            self.notes[number] = note

    def flush(self) -> None:
        """Send what the client has to send now. Raises OSError."""
        try:
            for packet in self.client.take_packets(self.now, int(time.time())):
                self.send(packet)
        except LinkClosedError:
            self.is_closed = True

    def leave(self) -> None:
        """Tell the server at once that this session ends, unless it takes no such message. Once is enough."""
        reply = self.client.reply
        knows_exit = reply is None or reply.takes_exit_message
        if self._has_left or not knows_exit or self.client.is_over or self.is_closed:
            return
        self._has_left = True
        self.client.send_exit()
        with suppress(OSError):  # the check has its result, or the reason why this machine cannot send
            self.flush()

    async def run(self, is_done: Callable[[], bool], timeout_s: float) -> bool:
        """Run until something is done, the session is over or the time is up; returns whether it is done.

        Raises OSError.
        """
        deadline = self.now + timeout_s
        while True:
            self.flush()
            if is_done() or self.client.is_over or self.is_closed or len(self.events) > _MOST_EVENTS:
                return is_done()
            left = deadline - self.now
            if left <= 0:
                return False
            due = self.client.next_due()
            await self._receive(left if due is None else min(left, max(due - self.now, 0.0)))

    async def await_data(self, timeout_s: float) -> tuple[bytes, int] | None:
        """The next packet of the data channel and its time; None if none comes. Raises OSError."""
        await self.run(lambda: bool(self.data), timeout_s)
        return self.data.popleft() if self.data else None

    async def _receive(self, timeout_s: float) -> None:
        try:
            received = await self.link.receive(timeout_s)
        except LinkClosedError:
            self.is_closed = True
            return
        except ForeignBytesError as error:
            at = self.log.received(error.data, time.time_ns())
            self.events.append(Rejected(at, NOT_OPENVPN, len(error.data)))
            self.is_closed = True
            return
        if received is None:
            return
        packet, received_ns = received
        kept = len(self.log.exchange)
        at = self.log.received(self.link.frame(packet), received_ns)
        for found in self.client.receive(packet, self.now):
            is_same_clock = abs(at - found.at) < _CLOCK_STEP_S
            event = replace(found, at=at) if is_same_clock else found  # so that it has its packet's time
            if isinstance(event, DataArrived):
                self.data.append((packet, received_ns))
                if len(self.log.exchange) > kept:
                    self._data_numbers[packet] = kept
                continue
            if isinstance(event, Rejected):
                self._rejected += 1
            if self._rejected <= _MOST_REJECTED or not isinstance(event, Rejected):
                self.events.append(event)
        self._note(packet, kept)

    def _note(self, packet: bytes, number: int) -> None:
        """Keep what the client knows about a packet, if the exchange has it under this number."""
        body = self.client.bodies.pop(packet, None)
        if body is not None and len(self.log.exchange) > number:
            self.notes[number] = describe_body(body)
