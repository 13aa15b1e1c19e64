"""The framing of AmneziaWG: prefix, header, protection and trailer around the messages of WireGuard.

    prefix (S1 to S4 random bytes) | message, its type replaced (H1 to H4) | random trailer, if agreed

MAC1 and MAC2 cover the replaced type; the hash of the handshake does not. So a received message gets the type
and the MAC1 of WireGuard again, if its MAC1 was right. With header protection, ChaCha20 hides a handshake
message whole and the first 16 bytes of a transport message. Its nonce is the first 12 bytes of the prefix.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Sequence

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.amneziawg.layout import LENGTHS, NONCE_LENGTH, PROTECTED_HEAD, Layout
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.protocols.wireguard.wire import MAC_LENGTH, MessageType

_LARGEST_TRAILED = 500
"""A trailer makes a handshake message at most this long (DefaultUdpWindow in amneziawg-go)."""

_QUOTED_INDEX = 8
_HANDSHAKE = (MessageType.INITIATION, MessageType.RESPONSE)
_system_random = random.SystemRandom()


class AmneziaFraming:
    """The framing of one server's parameters, for the owner of one key pair."""

    is_plain = False

    def __init__(
        self,
        parameters: Parameters,
        own: PublicKey,
        protection_key: bytes | None,
        unix_time: Callable[[], float],
    ) -> None:
        """`own` is the public key of whoever receives. `unix_time` is for signature packets, in seconds."""
        self.parameters = parameters
        self.protection_key = protection_key
        self._xor = _load_cipher() if protection_key else _leave
        self._unix_time = unix_time
        self._mac1 = Mac1(own)
        self._layouts = tuple(zip(MessageType, parameters.prefixes, parameters.headers, strict=True))
        self._layout = Layout.of(parameters, is_protected=protection_key is not None)
        self._identity = parameters, own, protection_key

    def __repr__(self) -> str:
        return f"AmneziaFraming({self.parameters})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AmneziaFraming) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def overhead(self) -> int:
        """Bytes that the framing adds to a transport message."""
        return self.parameters.s4

    @property
    def secret_digest(self) -> str:
        """A hash of the key of header protection."""
        return hashlib.sha256(self.protection_key).hexdigest() if self.protection_key else ""

    def initiation_header(self) -> bytes:
        """A value of H1."""
        return self.parameters.h1.pick()

    def header(self, kind: MessageType) -> bytes:
        """A value of the header for a message type."""
        return self.parameters.headers[kind - 1].pick()

    def make_decoys(self) -> tuple[bytes, ...]:
        """The signature packets, then the junk packets."""
        parameters, now = self.parameters, self._unix_time()
        signatures = tuple(each.make(now) for each in parameters.signature_packets)
        return signatures + tuple(
            os.urandom(_system_random.randint(parameters.jmin, parameters.jmax)) for _ in range(parameters.jc)
        )

    def describe(self, decoys: Sequence[bytes]) -> str:
        """The layout of the datagrams, as text, and marks of the decoys."""
        return str(self._layout.with_decoys(decoys))

    def frame(self, kind: MessageType, message: bytes) -> bytes:
        """The datagram of a message. The messages of the handshake have their header already."""
        if kind not in _HANDSHAKE:
            message = self.header(kind) + message[4:]
        prefix = os.urandom(self.parameters.prefixes[kind - 1])
        if self.protection_key:
            hidden = PROTECTED_HEAD if kind is MessageType.TRANSPORT else len(message)
            nonce = prefix[:NONCE_LENGTH]
            message = self._xor(self.protection_key, nonce, message[:hidden]) + message[hidden:]
        datagram = prefix + message
        if self.parameters.random_trailers and kind is not MessageType.TRANSPORT:
            datagram += os.urandom(_system_random.randrange(max(1, _LARGEST_TRAILED - len(datagram))))
        return datagram

    def find_message(self, datagram: bytes) -> tuple[MessageType, bytes] | None:
        """The kind of a message, and the message with its replaced type, as its MACs cover it."""
        found = self._find_kind(datagram)
        if found is None:
            return None
        kind, prefix = found
        message = datagram[prefix:] if kind is MessageType.TRANSPORT else datagram[prefix:][: LENGTHS[kind]]
        if self.protection_key:
            hidden = PROTECTED_HEAD if kind is MessageType.TRANSPORT else len(message)
            message = self._reveal(datagram, message[:hidden]) + message[hidden:]
        return kind, message

    def unframe(self, datagram: bytes) -> bytes | None:
        """The plain message in a datagram; None if there is none."""
        found = self.find_message(datagram)
        if found is None:
            return None
        kind, message = found
        plain = bytes((kind, 0, 0, 0)) + message[4:]
        if kind not in _HANDSHAKE:
            return plain
        mac1 = self._mac1.compute(plain[: -2 * MAC_LENGTH]) if self._mac1.verify(message) else NO_MAC
        return plain[: -2 * MAC_LENGTH] + mac1 + plain[-MAC_LENGTH:]

    def unframe_quote(self, quoted: bytes) -> bytes:
        """The beginning of a sent message, from the beginning of its datagram; empty if that is too short."""
        for kind, prefix, header in self._layouts:
            message = quoted[prefix:]
            if len(message) < _QUOTED_INDEX or kind not in (MessageType.INITIATION, MessageType.TRANSPORT):
                continue
            if self.protection_key:
                message = self._reveal(quoted, message)
            if header.holds(message[:4]):
                return bytes((kind, 0, 0, 0)) + message[4:]
        return b""

    def _find_kind(self, datagram: bytes) -> tuple[MessageType, int] | None:
        """The first kind whose length and header fit, in the order of amneziawg-go, and its prefix."""
        for kind, prefix, header in self._layouts:
            size = prefix + LENGTHS[kind]
            may_be_longer = kind is MessageType.TRANSPORT or self.parameters.random_trailers
            if len(datagram) != size and not (may_be_longer and len(datagram) > size):
                continue
            written = datagram[prefix : prefix + 4]
            if header.holds(self._reveal(datagram, written) if self.protection_key else written):
                return kind, prefix
        return None

    def _reveal(self, datagram: bytes, hidden: bytes) -> bytes:
        nonce = datagram[:NONCE_LENGTH]
        if not self.protection_key or len(nonce) < NONCE_LENGTH:
            return hidden
        return self._xor(self.protection_key, nonce, hidden)


def _load_cipher() -> Callable[[bytes, bytes, bytes], bytes]:
    """Import the stream cipher, which few servers need."""
    from wgmon_tui.protocols.amneziawg.chacha20 import xor

    return xor


def _leave(_key: bytes, _nonce: bytes, data: bytes) -> bytes:
    return data
