"""The client of one OpenVPN session: packets and times in, packets and events out. No socket, no clock.

    start ──reset──► reset answered ──log_in──► TLS ──► key exchange ──PUSH_REQUEST──► push reply
                          │                                    │
                     a cheap check ends here            AUTH_FAILED

It ends with the first failure. Whatever arrives, it raises nothing.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wgmon_tui.protocols.openvpn import key_exchange
from wgmon_tui.protocols.openvpn.control_messages import (
    EXIT,
    LONGEST_MESSAGE,
    PUSH_REQUEST,
    MessageKind,
    PushAssembly,
    PushReply,
    parse_auth_failure,
    parse_message,
    without_token,
)
from wgmon_tui.protocols.openvpn.control_tls import ControlTls, describe_failure
from wgmon_tui.protocols.openvpn.events import (
    MALFORMED,
    MALFORMED_KEYS,
    NOT_OPENVPN,
    OTHER_KEY,
    OTHER_SESSION,
    UNAUTHENTIC,
    AuthFailed,
    AuthPending,
    DataArrived,
    Event,
    KeysExchanged,
    OptionsPushed,
    Rejected,
    ResetAnswered,
    SessionEnded,
    TlsEstablished,
    TlsFailed,
)
from wgmon_tui.protocols.openvpn.key_exchange import KeySource, ServerKeyMessage
from wgmon_tui.protocols.openvpn.reliability import Outgoing, ReliableChannel
from wgmon_tui.protocols.openvpn.wire import (
    DATA_OPCODES,
    RESEND_WRAPPED_KEY,
    SESSION_ID_LENGTH,
    ControlBody,
    MalformedError,
    Opcode,
    build_body,
    early_negotiation_flags,
    opcode_of,
    parse_body,
)
from wgmon_tui.protocols.openvpn.wrapping import ControlPacket, UnauthenticError, Wrapping

LONGEST_PACKET = 1250
"""The longest control packet, without IP and UDP: `tls-mtu` of OpenVPN."""

_KEY_ID = 0
"""The number of the only key that a check negotiates."""

_LEAST_CHUNK = 64
_PUSH_REQUEST_EVERY_S = 1.0
_HEADER_AND_NUMBERS = 9 + 1 + 4 * 4 + 8 + 4
"""Opcode, session id, acknowledgements with the other session id, and the number of the packet."""

_RESET_HEADER = 9 + 1 + 4
"""Opcode, session id, no acknowledgements, and the number of the packet."""

_MOST_BODIES = 64
_FATAL_ALERT = bytes((21, 3, 3, 0, 2, 2, 80))
"""A record of TLS with the alert internal_error (RFC 8446 §5.1 and §6)."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the client needs beyond the reset.

    `message` are the texts of the key exchange: options, user, password and peer information. They are sent
    only to a server to whose chain of certificates, in DER, `accepts` says yes. `read_key_log` returns the
    key log of `context`, which has this one connection. `change_hello` is that of ControlTls.
    """

    context: ssl.SSLContext
    message: tuple[str, str, str, str] = field(repr=False)
    accepts: Callable[[Sequence[bytes]], bool] = field(repr=False, default=lambda _: True)
    read_key_log: Callable[[], str] = field(repr=False, default=lambda: "")
    change_hello: Callable[[bytes], bytes] | None = None


class Client:
    """One session. Call `take_packets` after each call, and again at `next_due`."""

    def __init__(
        self,
        wrapping: Wrapping,
        *,
        wrapped_key_length: int = 0,
        is_large: bool = False,
    ) -> None:
        """`wrapped_key_length` is that of tls-crypt-v2, 0 for other wrappings.

        `is_large` pads the reset to the size of the longest packet. Servers ignore the padding.
        """
        self._wrapping = wrapping
        self._wrapped_key_length = wrapped_key_length
        self._channel = ReliableChannel()
        self.session_id = os.urandom(SESSION_ID_LENGTH)
        self.remote_session_id = b""
        self._login: Login | None = None
        self._tls: ControlTls | None = None
        self._must_send_wrapped_key = False
        self._source = KeySource.of_client(os.urandom(key_exchange.CLIENT_RANDOM_LENGTH))
        self._server_message: ServerKeyMessage | None = None
        self._plaintext = b""
        self._push = PushAssembly()
        self._ask_again_at: float | None = None
        self._asked_at = 0.0
        self.bodies: dict[bytes, ControlBody] = {}
        """The bodies of packets that were encrypted; whoever logs a packet takes its body from here."""
        self.reply: PushReply | None = None
        self.is_over = False
        """Whether a failure or the server ended the session."""

        reset = Opcode.HARD_RESET_CLIENT_V3 if wrapped_key_length else Opcode.HARD_RESET_CLIENT_V2
        used = _RESET_HEADER + wrapping.overhead + wrapped_key_length
        self._channel.send(reset, bytes(max(LONGEST_PACKET - used, 0)) if is_large else b"")

    @property
    def retransmits(self) -> int:
        """How many packets were sent again."""
        return self._channel.retransmits

    @property
    def has_begun_tls(self) -> bool:
        """Whether the server answered the first message of TLS with more than an alert."""
        return self._tls is not None and self._tls.has_begun

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates of the server in DER, beginning with its own; empty before they came."""
        return self._tls.chain if self._tls is not None else ()

    # Output

    def take_packets(self, now: float, unix_time: int) -> list[bytes]:
        """The packets to send now."""
        if self.remote_session_id and self._login is None:
            return []  # the check ends after the reset: an answer would make the server open a session
        if self._ask_again_at is not None and now >= self._ask_again_at and not self.is_over:
            self._ask_again_at, self._asked_at = now + _PUSH_REQUEST_EVERY_S, now
            self._write(PUSH_REQUEST)
        return [self._wrap(each, unix_time) for each in self._channel.take_due(now)]

    def next_due(self) -> float | None:
        """When `take_packets` has something again, if nothing arrives before."""
        if self.remote_session_id and self._login is None:
            return None
        known = [each for each in (self._channel.next_due(), self._ask_again_at) if each is not None]
        return min(known, default=None)

    @property
    def is_all_acknowledged(self) -> bool:
        """Whether the server has everything that was sent."""
        return self._channel.is_all_acknowledged

    def _wrap(self, packet: Outgoing, unix_time: int) -> bytes:
        parsed = ControlBody(packet.acks, self.remote_session_id, packet.number, packet.payload)
        body = build_body(parsed)
        wrapped = self._wrapping.wrap(packet.opcode, self.session_id, body, unix_time)
        self._keep_body(wrapped, parsed)
        return wrapped

    def _keep_body(self, packet: bytes, body: ControlBody) -> None:
        if self._wrapping.is_encrypting and len(self.bodies) < _MOST_BODIES:
            self.bodies[packet] = body

    # Steps

    def log_in(self, login: Login, now: float) -> list[Event]:
        """Go on after the reset: begin TLS."""
        self._login = login
        self._tls = ControlTls(login.context, login.change_hello)
        return self._advance_tls(now)

    def send_exit(self) -> None:
        """Tell the server that this session ends, where it takes this message."""
        if self._is_established and not self.is_over:
            self._write(EXIT)

    def abandon_tls(self) -> None:
        """End TLS with an alert, before it is established: the server forgets the session at once."""
        if self._tls is not None and not self.is_over and not self._is_established:
            self.is_over = True
            self._channel.send(Opcode.CONTROL_V1, _FATAL_ALERT)

    @property
    def _is_established(self) -> bool:
        return self._tls is not None and self._tls.is_established

    def derive_keys(self) -> bytes | None:
        """The key material of the data channel; None if it cannot be had."""
        if self.reply is None or self._server_message is None or self._tls is None or self._login is None:
            return None
        if not self.reply.uses_key_export:
            return key_exchange.derive_from_sources(
                self._source, self._server_message.source, self.session_id, self.remote_session_id
            )
        return self._tls.export(
            self._login.read_key_log(), key_exchange.EXPORTER_LABEL, key_exchange.KEY_MATERIAL_LENGTH
        )

    # Input

    def receive(self, packet: bytes, now: float) -> list[Event]:
        """Take a packet, and return what became of it."""
        if opcode_of(packet) in DATA_OPCODES:
            return (
                [DataArrived(now, packet)]
                if self._is_established
                else [self._reject(packet, now, OTHER_SESSION)]
            )
        try:
            opened = self._wrapping.unwrap(packet)
            body = parse_body(opened.opcode, opened.body)
        except MalformedError:
            reason = NOT_OPENVPN if opcode_of(packet) is None else MALFORMED
            return [self._reject(packet, now, reason)]
        except UnauthenticError:
            return [self._reject(packet, now, UNAUTHENTIC)]
        self._keep_body(packet, body)
        if self.is_over:
            return []
        if opened.opcode is Opcode.HARD_RESET_SERVER_V2 and not self.remote_session_id:
            return self._on_reset(packet, opened, body, now)
        if opened.session_id != self.remote_session_id or not self._is_for_this(body):
            return [self._reject(packet, now, OTHER_SESSION)]
        if opened.key_id != _KEY_ID:
            return [self._reject(packet, now, OTHER_KEY)]  # numbers of another key are not those of this one
        return self._on_control(opened, body, now)

    def _is_for_this(self, body: ControlBody) -> bool:
        return not body.acks or body.remote_session_id == self.session_id

    def _reject(self, packet: bytes, now: float, reason: str) -> Rejected:
        return Rejected(now, reason, len(packet))

    def _on_reset(self, packet: bytes, opened: ControlPacket, body: ControlBody, now: float) -> list[Event]:
        """The answer to the reset: it acknowledges packet 0 of this session."""
        if body.remote_session_id != self.session_id or 0 not in body.acks or body.number != 0:
            return [self._reject(packet, now, OTHER_SESSION)]
        try:
            flags = early_negotiation_flags(body.payload) if self._wrapped_key_length else 0
        except MalformedError:
            return [self._reject(packet, now, MALFORMED)]
        self.remote_session_id = opened.session_id
        self._channel.acknowledge(body.acks)
        self._channel.receive(0, opened.opcode, b"")
        self._must_send_wrapped_key = bool(flags & RESEND_WRAPPED_KEY)
        return [ResetAnswered(now, opened.unix_time)]

    def _on_control(self, opened: ControlPacket, body: ControlBody, now: float) -> list[Event]:
        self._channel.acknowledge(body.acks)
        if body.number is None:
            return []
        found = self._channel.receive(body.number, opened.opcode, body.payload)
        stream = b"".join(payload for opcode, payload in found if opcode is Opcode.CONTROL_V1)
        if not stream or self._tls is None:
            return []
        self._tls.receive(stream)
        return self._advance_tls(now)

    # TLS

    def _advance_tls(self, now: float) -> list[Event]:
        """Give OpenSSL what arrived, and send what it has to say, an alert too."""
        events: list[Event] = []
        try:
            if not self._is_established:
                events += self._shake_hands(now)
            if self._is_established and not self.is_over:
                events += self._read_plaintext(now)
        except ssl.SSLError as error:
            self.is_over = True
            events.append(describe_failure(error, now))
        self._flush()
        return events

    def _shake_hands(self, now: float) -> list[Event]:
        tls, login = self._tls, self._login
        if tls is None or login is None or not tls.shake_hands():
            return []
        chain = tls.chain
        if login.accepts(chain):
            self._write(key_exchange.build_client_message(self._source, *login.message))
        else:
            self.is_over = True
            tls.close()
        return [TlsEstablished(now, tls.version, tls.cipher, chain)]

    def _write(self, plaintext: bytes) -> None:
        if self._tls is not None:
            try:
                self._tls.write(plaintext)
            except ssl.SSLError:
                self.is_over = True
            self._flush()

    def _flush(self) -> None:
        """Cut what OpenSSL has to say into packets."""
        while self._tls is not None and (stream := self._tls.take_output(self._chunk_length())):
            self._channel.send(
                Opcode.CONTROL_WKC_V1 if self._must_send_wrapped_key else Opcode.CONTROL_V1, stream
            )
            self._must_send_wrapped_key = False

    def _chunk_length(self) -> int:
        used = _HEADER_AND_NUMBERS + self._wrapping.overhead
        if self._must_send_wrapped_key:
            used += self._wrapped_key_length
        return max(LONGEST_PACKET - used, _LEAST_CHUNK)

    def _read_plaintext(self, now: float) -> list[Event]:
        events: list[Event] = []
        while self._tls is not None and not self.is_over and (data := self._tls.read()):
            self._plaintext = (self._plaintext + data)[-LONGEST_MESSAGE:]
            events += self._on_plaintext(now)
        return events

    def _on_plaintext(self, now: float) -> list[Event]:
        if self._server_message is None:
            try:
                self._server_message = key_exchange.parse_server_message(self._plaintext)
            except MalformedError:
                self.is_over = True
                return [TlsFailed(now, MALFORMED_KEYS, False)]
            if self._server_message is None:
                return []
            self._plaintext = b""
            self._ask_again_at = now
            return [KeysExchanged(now, self._server_message.options)]
        events: list[Event] = []
        *messages, self._plaintext = self._plaintext.split(b"\0")
        for message in messages:
            events += self._on_message(message.decode("utf-8", "replace"), now)
        return events

    def _on_message(self, text: str, now: float) -> list[Event]:
        message = parse_message(text)
        if message is None or self.is_over:
            return []
        match message.kind:
            case MessageKind.PUSH_REPLY:
                return self._on_push_reply(message.text, now)
            case MessageKind.AUTH_FAILED:
                self.is_over = True
                return [AuthFailed(now, parse_auth_failure(message.text))]
            case MessageKind.AUTH_PENDING | MessageKind.INFO_PRE:
                return [AuthPending(now, without_token(message.text))]
            case MessageKind.RESTART | MessageKind.HALT | MessageKind.EXIT:
                self.is_over = True
                return [SessionEnded(now, message.kind, message.text)]
        return []

    def _on_push_reply(self, text: str, now: float) -> list[Event]:
        reply = self._push.add(text)
        if reply is None or self.reply is not None:
            return []
        self.reply, self._ask_again_at = reply, None
        return [OptionsPushed(now, reply, self._asked_at)]
