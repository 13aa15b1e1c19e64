"""Requests and their responses: message IDs, retransmission, encryption and fragments (RFC 7296 §2.1, §2.2).

Bytes and times in, bytes out. A request stays pending until its response arrives. Whatever does not belong to
it is dropped with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, PayloadType
from wgmon_tui.protocols.ikev2.protection import MessageCipher, SealBrokenError
from wgmon_tui.protocols.ikev2.sealed_messages import (
    FragmentBuffer,
    open_message,
    seal_fragments,
    seal_message,
)
from wgmon_tui.protocols.ikev2.wire import (
    INITIATOR,
    NO_SPI,
    RESPONSE,
    IkeHeader,
    IkeMessage,
    MalformedMessageError,
    Payload,
    encode_message,
    find_payload,
    parse_message,
)

FIRST_RETRANSMISSION_S = 0.5
"""The time until a request is sent again; it doubles each time (RFC 7296 §2.4 leaves it to the client)."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response to the pending request: the payloads, decrypted, and the message itself.

    `rtt` is the time since the request was sent last, in seconds; `retransmits` counts those without answer.
    """

    payloads: tuple[Payload, ...]
    message: IkeMessage
    data: bytes = field(repr=False)
    rtt: float
    retransmits: int


@dataclass(frozen=True, slots=True)
class DroppedMessage:
    """A datagram that answers nothing, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request of the server, which has been answered. `ends_session` tells that it deletes the IKE SA."""

    ends_session: bool


@dataclass(slots=True)
class _Pending:
    exchange: int
    message_id: int
    datagrams: tuple[bytes, ...]
    sent_at: float
    wait_s: float = FIRST_RETRANSMISSION_S
    retransmits: int = 0


class RequestChannel:
    """The requests of one IKE SA, one after the other."""

    def __init__(self, initiator_spi: bytes) -> None:
        self.initiator_spi = initiator_spi
        self.responder_spi = NO_SPI
        self.can_fragment = False
        self._next_id = 0
        self._sending: MessageCipher | None = None
        self._receiving: MessageCipher | None = None
        self._pending: _Pending | None = None
        self._fragments = FragmentBuffer()
        self._answered: dict[int, bytes] = {}

    @property
    def next_retransmission(self) -> float | None:
        """When the pending request is sent again; None without one."""
        return self._pending.sent_at + self._pending.wait_s if self._pending else None

    @property
    def pending_size(self) -> int:
        """The bytes of the largest datagram of the pending request."""
        return max(map(len, self._pending.datagrams)) if self._pending else 0

    def protect(self, responder_spi: bytes, sending: MessageCipher, receiving: MessageCipher) -> None:
        """Encrypt everything from now on."""
        self.responder_spi = responder_spi
        self._sending, self._receiving = sending, receiving
        self._next_id = 1

    def request(self, exchange: ExchangeType, payloads: Sequence[Payload], now: float) -> tuple[bytes, ...]:
        """Send a request, in place of one that is pending."""
        header = IkeHeader(self.initiator_spi, self.responder_spi, 0, exchange, INITIATOR, self._next_id)
        if self._sending is None:
            datagrams: tuple[bytes, ...] = (encode_message(header, payloads),)
        else:
            seal = seal_fragments if self.can_fragment else _seal_whole
            datagrams = seal(header, payloads, self._sending)
            self._next_id += 1
        self._pending = _Pending(exchange, header.message_id, datagrams, now)
        self._fragments = FragmentBuffer()
        return datagrams

    def retransmit(self, now: float) -> tuple[bytes, ...]:
        """Send the pending request again."""
        if self._pending is None:
            return ()
        self._pending.sent_at = now
        self._pending.wait_s *= 2
        self._pending.retransmits += 1
        return self._pending.datagrams

    def note_sent(self, now: float) -> None:
        """The datagrams of the pending request have left only now: making them took its time."""
        if self._pending is not None:
            self._pending.sent_at = now

    def abandon(self) -> None:
        """Wait for the pending response no longer."""
        self._pending = None

    def receive(
        self, data: bytes, now: float
    ) -> tuple[Response | ServerRequest | DroppedMessage | None, tuple[bytes, ...]]:
        """Take a datagram, without the marker of port 4500. Returns what it is, and what to send back.

        None is a fragment that others must follow.
        """
        try:
            message = parse_message(data)
            if message.header.initiator_spi != self.initiator_spi:
                return DroppedMessage("it belongs to another IKE SA"), ()
            if message.header.is_from_initiator:
                return DroppedMessage("it has the flag of this side"), ()
            if not message.header.is_response:
                return self._receive_request(data, message)
            return self._receive_response(data, message, now), ()
        except MalformedMessageError as error:
            return DroppedMessage(str(error)), ()
        except SealBrokenError:
            return DroppedMessage("its checksum does not authenticate"), ()

    def _receive_response(
        self, data: bytes, message: IkeMessage, now: float
    ) -> Response | DroppedMessage | None:
        pending, header = self._pending, message.header
        if pending is None or (header.exchange, header.message_id) != (pending.exchange, pending.message_id):
            return DroppedMessage("no request waits for it")
        payloads: tuple[Payload, ...] | None = message.payloads
        if self._receiving is not None:
            if header.responder_spi != self.responder_spi:
                return DroppedMessage("it belongs to another IKE SA")
            payloads = open_message(data, message, self._receiving, self._fragments)
        if payloads is None:
            return None
        rtt = max(0.0, now - pending.sent_at)
        return Response(payloads, message, data, rtt, pending.retransmits)

    def _receive_request(
        self, data: bytes, message: IkeMessage
    ) -> tuple[ServerRequest | DroppedMessage | None, tuple[bytes, ...]]:
        """Answer a request of the server with nothing: this session is about to end anyway."""
        header = message.header
        if self._receiving is None or self._sending is None or header.responder_spi != self.responder_spi:
            return DroppedMessage("a request before the IKE SA is up"), ()
        payloads = open_message(data, message, self._receiving, FragmentBuffer())
        if payloads is None:
            return None, ()
        if header.message_id not in self._answered:
            answer = IkeHeader(
                self.initiator_spi,
                self.responder_spi,
                0,
                header.exchange,
                INITIATOR | RESPONSE,
                header.message_id,
            )
            self._answered = {header.message_id: seal_message(answer, (), self._sending)}
        deletes = find_payload(payloads, PayloadType.DELETE)
        ends = deletes is not None and deletes.body[:1] == b"\x01"
        return ServerRequest(ends), (self._answered[header.message_id],)


def _seal_whole(header: IkeHeader, payloads: Sequence[Payload], cipher: MessageCipher) -> tuple[bytes, ...]:
    return (seal_message(header, payloads, cipher),)
