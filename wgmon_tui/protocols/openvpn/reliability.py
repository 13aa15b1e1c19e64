"""The reliability layer of the control channel: numbers, acknowledgements, retransmits and the right order.

UDP may lose, repeat and reorder packets, and TLS needs a stream. Over TCP it runs too, without retransmits
that matter (reliable.c).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wgmon_tui.protocols.openvpn.wire import Opcode

SEND_WINDOW = 4
"""The most packets under way. A server keeps 12 that come too early."""

RECEIVE_WINDOW = 12
FIRST_RETRANSMIT_S = 1.0
LAST_RETRANSMIT_S = 4.0
MOST_ACKS_SENT = 4
"""OpenVPN's own limit beside a payload (CONTROL_SEND_ACK_MAX). Some servers drop packets with more."""


@dataclass(slots=True)
class _UnderWay:
    """A packet until it is acknowledged, sent next at `due`, and `wait_s` seconds after that."""

    number: int
    opcode: Opcode
    payload: bytes = field(repr=False)
    due: float
    wait_s: float = FIRST_RETRANSMIT_S
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A packet to send now: a pure acknowledgement has no number."""

    opcode: Opcode
    acks: tuple[int, ...]
    number: int | None = None
    payload: bytes = field(default=b"", repr=False)


class ReliableChannel:
    """Both directions of one session. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._next_sent = 0
        self._queue: list[tuple[Opcode, bytes]] = []
        self._under_way: list[_UnderWay] = []
        self._expected = 0
        self._early: dict[int, tuple[Opcode, bytes]] = {}
        self._to_acknowledge: list[int] = []
        self._acknowledged: list[int] = []
        self.retransmits = 0

    # Sending

    def send(self, opcode: Opcode, payload: bytes = b"") -> None:
        """Queue a packet."""
        self._queue.append((opcode, payload))

    @property
    def is_all_acknowledged(self) -> bool:
        """Whether the other side has everything that was queued."""
        return not self._queue and not self._under_way

    def take_due(self, now: float) -> list[Outgoing]:
        """The packets to send at this time, acknowledgements included."""
        while self._queue and len(self._under_way) < SEND_WINDOW:
            opcode, payload = self._queue.pop(0)
            self._under_way.append(_UnderWay(self._next_sent, opcode, payload, now))
            self._next_sent += 1
        due = [self._send_again(each, now) for each in self._under_way if each.due <= now]
        while self._to_acknowledge:
            due.append(Outgoing(Opcode.ACK_V1, self._take_acks()))
        return due

    def next_due(self) -> float | None:
        """When `take_due` has something again, if nothing arrives before; None if never."""
        if self._to_acknowledge or (self._queue and len(self._under_way) < SEND_WINDOW):
            return 0.0
        return min((each.due for each in self._under_way), default=None)

    def _send_again(self, packet: _UnderWay, now: float) -> Outgoing:
        if packet.attempts:
            self.retransmits += 1
        packet.attempts += 1
        packet.due = now + packet.wait_s
        packet.wait_s = min(2 * packet.wait_s, LAST_RETRANSMIT_S)
        return Outgoing(packet.opcode, self._take_acks(), packet.number, packet.payload)

    def _take_acks(self) -> tuple[int, ...]:
        """The newest acknowledgements, and then earlier ones again, because they may have been lost."""
        fresh = self._to_acknowledge[:MOST_ACKS_SENT]
        del self._to_acknowledge[:MOST_ACKS_SENT]
        again = [each for each in self._acknowledged if each not in fresh]
        self._acknowledged = [*fresh, *again][:MOST_ACKS_SENT]
        return tuple(self._acknowledged)

    # Receiving

    def acknowledge(self, acks: tuple[int, ...]) -> None:
        """Forget what the other side has."""
        self._under_way = [each for each in self._under_way if each.number not in acks]

    def receive(self, number: int, opcode: Opcode, payload: bytes) -> list[tuple[Opcode, bytes]]:
        """Take a packet, and return what is complete now, in its order.

        A packet beyond the window is dropped without an acknowledgement: the other side sends it again.
        """
        if number >= self._expected + RECEIVE_WINDOW:
            return []
        if number not in self._to_acknowledge:
            self._to_acknowledge.append(number)
        if number >= self._expected:
            self._early.setdefault(number, (opcode, payload))
        complete = []
        while self._expected in self._early:
            complete.append(self._early.pop(self._expected))
            self._expected += 1
        return complete
