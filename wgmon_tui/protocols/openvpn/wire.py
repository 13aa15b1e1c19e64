"""The wire format of OpenVPN's packets (openvpn.net/community-resources/openvpn-protocol).

A packet begins with opcode and key id. A control packet goes on with the sender's session id, the wrapping
(wrapping.py), acknowledgements, and, unless it is a pure acknowledgement, its number and a piece of TLS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SESSION_ID_LENGTH = 8
NUMBER_LENGTH = 4
MOST_ACKS = 8
"""The greatest number of acknowledgements in a packet (RELIABLE_ACK_SIZE)."""

RESEND_WRAPPED_KEY = 0x0001
"""The flag of a server that keeps no state: the third packet must carry the wrapped key once more."""

_OPCODE_SHIFT = 3
_KEY_ID_MASK = 0x07
_EARLY_NEGOTIATION_FLAGS = 0x0001


class Opcode(IntEnum):
    """The upper five bits of the first byte."""

    HARD_RESET_CLIENT_V1 = 1
    HARD_RESET_SERVER_V1 = 2
    SOFT_RESET_V1 = 3
    CONTROL_V1 = 4
    ACK_V1 = 5
    DATA_V1 = 6
    HARD_RESET_CLIENT_V2 = 7
    HARD_RESET_SERVER_V2 = 8
    DATA_V2 = 9
    HARD_RESET_CLIENT_V3 = 10
    CONTROL_WKC_V1 = 11

    @property
    def label(self) -> str:
        """The name in the documents of OpenVPN, in words."""
        return _LABELS[self]


_LABELS = {
    Opcode.HARD_RESET_CLIENT_V1: "client hard reset v1",
    Opcode.HARD_RESET_SERVER_V1: "server hard reset v1",
    Opcode.SOFT_RESET_V1: "soft reset",
    Opcode.CONTROL_V1: "control",
    Opcode.ACK_V1: "acknowledgement",
    Opcode.DATA_V1: "data v1",
    Opcode.HARD_RESET_CLIENT_V2: "client hard reset v2",
    Opcode.HARD_RESET_SERVER_V2: "server hard reset v2",
    Opcode.DATA_V2: "data v2",
    Opcode.HARD_RESET_CLIENT_V3: "client hard reset v3",
    Opcode.CONTROL_WKC_V1: "control with wrapped key",
}
DATA_OPCODES = (Opcode.DATA_V1, Opcode.DATA_V2)
WRAPPED_KEY_OPCODES = (Opcode.HARD_RESET_CLIENT_V3, Opcode.CONTROL_WKC_V1)
"""Packets that end with the client's wrapped key (tls-crypt-v2)."""

_OPCODES = frozenset(Opcode)


class MalformedError(Exception):
    """Bytes that are not such a message. The message is one phrase."""


@dataclass(frozen=True, slots=True)
class ControlBody:
    """A control packet without header and wrapping.

    `remote_session_id` names the session whose packets `acks` acknowledge; empty without any. `number` is
    None in a pure acknowledgement.
    """

    acks: tuple[int, ...] = ()
    remote_session_id: bytes = b""
    number: int | None = None
    payload: bytes = b""


def opcode_of(packet: bytes) -> Opcode | None:
    """The opcode of a packet; None if there is no such one."""
    code = packet[0] >> _OPCODE_SHIFT if packet else 0
    return Opcode(code) if code in _OPCODES else None


def key_id_of(packet: bytes) -> int:
    """The number of the key that a packet belongs to: each renegotiation has the next one."""
    return packet[0] & _KEY_ID_MASK


def header_byte(opcode: Opcode) -> bytes:
    """The first byte of a packet of key 0, the only one that a check negotiates."""
    return bytes((opcode << _OPCODE_SHIFT,))


def build_body(body: ControlBody) -> bytes:
    """The bytes of a control packet behind its wrapping."""
    parts = [bytes((len(body.acks),)), *(each.to_bytes(NUMBER_LENGTH, "big") for each in body.acks)]
    if body.acks:
        parts.append(body.remote_session_id)
    if body.number is not None:
        parts += [body.number.to_bytes(NUMBER_LENGTH, "big"), body.payload]
    return b"".join(parts)


def parse_body(opcode: Opcode, data: bytes) -> ControlBody:
    """Parse the bytes behind the wrapping. Raises MalformedError."""
    if not data:
        raise MalformedError("nothing behind the header")
    count = data[0]
    if count > MOST_ACKS:
        raise MalformedError("too many acknowledgements")
    at = 1 + count * NUMBER_LENGTH
    acks = tuple(int.from_bytes(data[start : start + 4], "big") for start in range(1, at, NUMBER_LENGTH))
    remote = b""
    if count:
        remote, at = data[at : at + SESSION_ID_LENGTH], at + SESSION_ID_LENGTH
    if opcode is Opcode.ACK_V1:
        if len(data) < at:
            raise MalformedError("cut off in its acknowledgements")
        return ControlBody(acks, remote)
    if len(data) < at + NUMBER_LENGTH:
        raise MalformedError("cut off before its number")
    number = int.from_bytes(data[at : at + NUMBER_LENGTH], "big")
    return ControlBody(acks, remote, number, data[at + NUMBER_LENGTH :])


def early_negotiation_flags(payload: bytes) -> int:
    """The flags in the payload of a server's reset (doc/tls-crypt-v2.txt); 0 if it has none.

    Raises MalformedError.
    """
    flags, at = 0, 0
    while at < len(payload):
        kind, length = (
            int.from_bytes(payload[at : at + 2], "big"),
            int.from_bytes(payload[at + 2 : at + 4], "big"),
        )
        value = payload[at + 4 : at + 4 + length]
        if len(payload) < at + 4 or len(value) < length:
            raise MalformedError("cut off in its early negotiation")
        if kind == _EARLY_NEGOTIATION_FLAGS and length == 2:
            flags |= int.from_bytes(value, "big")
        at += 4 + length
    return flags
