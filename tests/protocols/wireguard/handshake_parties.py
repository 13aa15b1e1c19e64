"""Client and server with fixed keys, and a complete handshake between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from wgmon_tui.checks import tai64n
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.cookie import Mac1
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator, RejectedError, Responder
from wgmon_tui.protocols.wireguard.session import Session

CLIENT = PrivateKey(bytes(range(32)))
SERVER = PrivateKey(bytes(range(32, 64)))
STRANGER = PrivateKey(bytes(range(64, 96)))
PSK = PresharedKey(bytes(range(96, 128)))
OTHER_PSK = PresharedKey(bytes(range(128, 160)))

CLIENT_INDEX = 0x01020304
SERVER_INDEX = 0x0A0B0C0D
STAMP = tai64n.encode(1_700_000_000_000_000_000)

# Every encoding of a point whose order divides eight, the two above the field prime included; each also
# stands for itself with the top bit set, which X25519 ignores.
LOW_ORDER_POINTS = tuple(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
LOW_ORDER_POINTS += tuple(point[:31] + bytes([point[31] | 0x80]) for point in LOW_ORDER_POINTS)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A completed handshake: its packets and the session on each side."""

    attempt: Attempt
    response: bytes
    client: Session
    server: Session


def attempt(psk: PresharedKey = NO_PRESHARED_KEY, *, sender: int = CLIENT_INDEX) -> Attempt:
    """The client's initiation to the server."""
    return Initiator(CLIENT, SERVER.public, psk).initiate(sender, STAMP)


def answer(initiation: bytes, psk: PresharedKey = NO_PRESHARED_KEY) -> tuple[bytes, Session]:
    """The server's response to an initiation, and its session."""
    responder = Responder(SERVER)
    return responder.respond(responder.open(initiation), SERVER_INDEX, psk)


def complete_handshake(psk: PresharedKey = NO_PRESHARED_KEY) -> Handshake:
    """A complete handshake with fresh ephemeral keys."""
    sent = attempt(psk)
    response, server = answer(sent.packet, psk)
    return Handshake(sent, response, sent.complete(response), server)


def with_mac1(packet: bytes, receiver: PublicKey) -> bytes:
    """A handshake message with a new mac1, as anyone with the receiver's public key can send."""
    message = packet[:-32]
    return message + Mac1(receiver).compute(message) + packet[-16:]


def flip_bit(packet: bytes, bit: int) -> bytes:
    """The packet with one bit flipped; bit 0 is the lowest of the first byte."""
    changed = bytearray(packet)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@contextmanager
def rejected(reason: Reason) -> Iterator[None]:
    """Expect a RejectedError for exactly this reason."""
    with pytest.raises(RejectedError) as raised:
        yield
    assert raised.value.reason is reason
