"""The wrapping of control packets: none, tls-auth, tls-crypt and tls-crypt-v2.

Layouts, behind the opcode and the session id (ssl_pkt.c, tls_crypt.c, doc/tls-crypt-v2.txt):

    none          body
    tls-auth      HMAC · packet id · time · body
    tls-crypt     packet id · time · tag of 32 bytes · encrypted body      (v2: then the wrapped client key)

A server drops what does not authenticate, and answers nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.wire import (
    SESSION_ID_LENGTH,
    WRAPPED_KEY_OPCODES,
    MalformedError,
    Opcode,
    header_byte,
    key_id_of,
    opcode_of,
)

KEY_LENGTH = 256
"""A static key: two halves of 128 bytes, each a cipher key of 64 bytes and an HMAC key of 64 bytes."""

EARLY_NEGOTIATION = 0x0F000000
"""The packet ids of a client that can send its wrapped key twice begin after it (doc/tls-crypt-v2.txt)."""

HEADER_LENGTH = 1 + SESSION_ID_LENGTH
PACKET_ID_LENGTH = 8  # number and time
TAG_LENGTH = 32


class UnauthenticError(Exception):
    """A packet that does not authenticate under the key of the wrapping."""


@dataclass(frozen=True, slots=True)
class ControlPacket:
    """A control packet without its wrapping. `unix_time` is that of the sender, None without a wrapping."""

    opcode: Opcode
    key_id: int
    session_id: bytes
    body: bytes
    unix_time: int | None = None


class Wrapping(Protocol):
    """Wraps and unwraps the control packets of one session."""

    @property
    def is_encrypting(self) -> bool:
        """Whether the body cannot be read without the key."""

    @property
    def overhead(self) -> int:
        """The bytes that it adds to header and body, without the wrapped key."""

    def wrap(self, opcode: Opcode, session_id: bytes, body: bytes, unix_time: int) -> bytes:
        """Make a packet. `unix_time` is in seconds; a server compares it with that of earlier packets."""

    def unwrap(self, packet: bytes) -> ControlPacket:
        """Take a packet apart. Raises MalformedError and UnauthenticError."""


def make_wrapping(wrapper: Wrapper) -> Wrapping:
    """The wrapping of a new session of a client. Raises ValueError for a digest that is not known here."""
    match wrapper.kind:
        case WrapperKind.PLAIN:
            return Plain()
        case WrapperKind.TLS_AUTH:
            return TlsAuth(wrapper.key, wrapper.digest, wrapper.direction)
        case WrapperKind.TLS_CRYPT:
            return TlsCrypt(wrapper.key)
        case WrapperKind.TLS_CRYPT_V2:
            return TlsCrypt(wrapper.key, wrapper.wrapped_key)


def _parse_header(packet: bytes, least: int) -> tuple[Opcode, int, bytes]:
    opcode = opcode_of(packet)
    if opcode is None or len(packet) < least:
        raise MalformedError("not a control packet of OpenVPN")
    return opcode, key_id_of(packet), packet[1:HEADER_LENGTH]


class Plain:
    """No wrapping: anybody who sees a session id can send such packets."""

    overhead, is_encrypting = 0, False

    def wrap(self, opcode: Opcode, session_id: bytes, body: bytes, unix_time: int) -> bytes:
        """Make a packet."""
        return header_byte(opcode) + session_id + body

    def unwrap(self, packet: bytes) -> ControlPacket:
        """Take a packet apart. Raises MalformedError."""
        opcode, key_id, session_id = _parse_header(packet, HEADER_LENGTH + 1)
        return ControlPacket(opcode, key_id, session_id, packet[HEADER_LENGTH:])


class TlsAuth:
    """An HMAC over each packet. Client and server use different halves of the key if a direction is set."""

    is_encrypting = False

    def __init__(self, key: bytes, digest: str = "SHA1", direction: int | None = None) -> None:
        """`direction` is that of this side. Raises ValueError for a digest that is not known."""
        self._digest = digest.lower().replace("-", "")
        self._length = hmac.new(b"", b"", self._digest).digest_size
        sent, received = {None: (0, 0), 0: (0, 1), 1: (1, 0)}[direction]
        self._send_key, self._receive_key = self._half(key, sent), self._half(key, received)
        self._number = 0

    def _half(self, key: bytes, number: int) -> bytes:
        start = 128 * number + 64
        return key[start : start + self._length]

    @property
    def overhead(self) -> int:
        """HMAC, packet id and time."""
        return self._length + PACKET_ID_LENGTH

    def wrap(self, opcode: Opcode, session_id: bytes, body: bytes, unix_time: int) -> bytes:
        """Make a packet. The HMAC covers the packet id first, then header and body."""
        self._number += 1
        header = header_byte(opcode) + session_id
        packet_id = _packet_id(self._number, unix_time)
        return header + self._sign(self._send_key, packet_id + header + body) + packet_id + body

    def unwrap(self, packet: bytes) -> ControlPacket:
        """Take a packet apart. Raises MalformedError and UnauthenticError."""
        opcode, key_id, session_id = _parse_header(packet, HEADER_LENGTH + self.overhead + 1)
        at = HEADER_LENGTH + self._length
        body = packet[at + PACKET_ID_LENGTH :]
        signed = packet[at : at + PACKET_ID_LENGTH] + packet[:HEADER_LENGTH] + body
        if not hmac.compare_digest(packet[HEADER_LENGTH:at], self._sign(self._receive_key, signed)):
            raise UnauthenticError
        return ControlPacket(opcode, key_id, session_id, body, _read_time(packet, at))

    def _sign(self, key: bytes, data: bytes) -> bytes:
        return hmac.digest(key, data, self._digest)


class TlsCrypt:
    """Authenticated encryption of each packet; the tag is also the nonce of AES-256-CTR."""

    overhead, is_encrypting = PACKET_ID_LENGTH + TAG_LENGTH, True

    def __init__(self, key: bytes, wrapped_key: bytes = b"", *, is_server: bool = False) -> None:
        """With `wrapped_key` it is tls-crypt-v2: packets that need it end with it."""
        first, second = key[:128], key[128:256]
        sent, received = (first, second) if is_server else (second, first)
        self._send_keys, self._receive_keys = (sent[:32], sent[64:96]), (received[:32], received[64:96])
        self._wrapped_key = wrapped_key
        self._number = EARLY_NEGOTIATION if wrapped_key else 0

    def wrap(self, opcode: Opcode, session_id: bytes, body: bytes, unix_time: int) -> bytes:
        """Make a packet."""
        self._number += 1
        header = header_byte(opcode) + session_id + _packet_id(self._number, unix_time)
        cipher_key, tag_key = self._send_keys
        tag = hmac.digest(tag_key, header + body, "sha256")
        trailer = self._wrapped_key if opcode in WRAPPED_KEY_OPCODES else b""
        return header + tag + _apply_stream(cipher_key, tag, body) + trailer

    def unwrap(self, packet: bytes) -> ControlPacket:
        """Take a packet apart. Raises MalformedError and UnauthenticError."""
        opcode, key_id, session_id = _parse_header(packet, HEADER_LENGTH + self.overhead + 1)
        at = HEADER_LENGTH + PACKET_ID_LENGTH
        tag, sealed = packet[at : at + TAG_LENGTH], packet[at + TAG_LENGTH :]
        cipher_key, tag_key = self._receive_keys
        body = _apply_stream(cipher_key, tag, sealed)
        if not hmac.compare_digest(tag, hmac.digest(tag_key, packet[:at] + body, "sha256")):
            raise UnauthenticError
        return ControlPacket(opcode, key_id, session_id, body, _read_time(packet, HEADER_LENGTH))


def _read_time(packet: bytes, at: int) -> int:
    """The time behind the number at this place."""
    return int.from_bytes(packet[at + 4 : at + PACKET_ID_LENGTH], "big")


def _packet_id(number: int, unix_time: int) -> bytes:
    return number.to_bytes(4, "big") + (unix_time & 0xFFFFFFFF).to_bytes(4, "big")


def _apply_stream(key: bytes, tag: bytes, data: bytes) -> bytes:
    stream = Cipher(AES256(key), CTR(tag[:16])).encryptor()
    return stream.update(data) + stream.finalize()
