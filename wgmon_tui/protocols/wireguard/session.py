"""The transport session after a handshake: two keys, a counter, a replay window (§5.4.5, §5.4.6)."""

from __future__ import annotations

from typing import NoReturn

from wgmon_tui.protocols.wireguard.primitives import AuthenticationError, aead_open, aead_seal
from wgmon_tui.protocols.wireguard.wire import receiver_index

REJECT_AFTER_MESSAGES = 2**64 - 2**13 - 1
"""The counter at which a session ends (§6.1)."""

_HEADER = b"\x04\0\0\0"
_PADDING = 16
_NONCE_START = bytes(4)
"""The nonce is 32 zero bits and the packet number (§5.4.6)."""

SESSION_LIFETIME_S = 180.0
"""REJECT_AFTER_TIME: no session lives longer without a new handshake (whitepaper §6)."""


class ReplayError(Exception):
    """A packet number was seen before, or is too old to decide."""


class SessionExhaustedError(Exception):
    """No packet number is left; a new handshake is needed."""


class ReplayWindow:
    """The packet numbers seen: the greatest, and a bitmap of those just below it (RFC 6479)."""

    SIZE = 8128
    """Window size in packet numbers, as in the kernel (COUNTER_WINDOW_SIZE)."""

    __slots__ = ("_greatest", "_seen")
    _MASK = (1 << SIZE + 1) - 1

    def __init__(self) -> None:
        self._greatest = -1
        self._seen = 0  # bit n: the number `_greatest - n` was seen

    def can_accept(self, counter: int) -> bool:
        """Whether a packet with this number may still be accepted."""
        if counter >= REJECT_AFTER_MESSAGES:
            return False
        age = self._greatest - counter
        return age < 0 or (age <= self.SIZE and not self._seen >> age & 1)

    def mark(self, counter: int) -> None:
        """Mark the number of an authentic packet as seen."""
        advance = counter - self._greatest
        if advance > self.SIZE:
            self._seen = 1
        elif advance > 0:
            self._seen = (self._seen << advance | 1) & self._MASK
        else:
            self._seen |= 1 << -advance
        self._greatest = max(self._greatest, counter)


class Session:
    """Encrypts sent packets and decrypts received ones. The keys never show in a repr."""

    __slots__ = ("_header", "_next", "_receive_key", "_send_key", "_window", "local_index", "remote_index")

    def __init__(self, *, send_key: bytes, receive_key: bytes, local_index: int, remote_index: int) -> None:
        self._send_key = send_key
        self._receive_key = receive_key
        self.local_index = local_index
        self.remote_index = remote_index
        self._header = _HEADER + remote_index.to_bytes(4, "little")
        self._next = 0
        self._window = ReplayWindow()

    def __repr__(self) -> str:
        return f"Session(local_index={self.local_index:#010x}, remote_index={self.remote_index:#010x})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session cannot be pickled or copied: two copies would use a packet number twice")

    def seal(self, inner: bytes, *, padded: bool = True) -> bytes:
        """Make a transport packet from an inner IP packet, padded with zeros to a multiple of 16.

        An empty `inner` makes a keepalive. Use `padded=False` if padding would exceed the MTU, as in the
        kernel. Raises SessionExhaustedError.
        """
        counter = self._next
        if counter >= REJECT_AFTER_MESSAGES:
            raise SessionExhaustedError
        self._next += 1
        content = inner + bytes(-len(inner) % _PADDING) if padded else inner
        number = counter.to_bytes(8, "little")
        sealed = aead_seal(self._send_key, content, b"", _NONCE_START + number)
        return self._header + number + sealed

    def keepalive(self) -> bytes:
        """Make the empty packet that confirms a session to a responder and acknowledges data."""
        return self.seal(b"")

    def open(self, packet: bytes) -> bytes:
        """Decrypt a transport packet to its inner bytes, padding included; empty for a keepalive.

        Raises AuthenticationError (another session, forged, or not a transport packet) and ReplayError.
        """
        if receiver_index(packet) != self.local_index or packet[:4] != _HEADER:
            raise AuthenticationError
        counter = int.from_bytes(packet[8:16], "little")
        if not self._window.can_accept(counter):
            raise ReplayError
        inner = aead_open(self._receive_key, packet[16:], b"", _NONCE_START + packet[8:16])
        self._window.mark(counter)
        return inner
