"""MAC1, MAC2 and the cookie that a server under load demands (§5.3, §5.4.4, §5.4.7).

MAC1 proves that the sender knows the receiver's public key. Under load a server answers with a cookie that is
encrypted and bound to the sender's MAC1. Only a sender that receives at its source address can use it in
MAC2.
"""

from __future__ import annotations

import os
from hmac import compare_digest

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.wireguard.primitives import hash_, mac, xaead_open, xaead_seal
from wgmon_tui.protocols.wireguard.wire import COOKIE_REPLY_LENGTH, MAC_LENGTH

_LABEL_MAC1 = b"mac1----"
_LABEL_COOKIE = b"cookie--"
_HEADER = b"\x03\0\0\0"
_NONCE_LENGTH = 24

COOKIE_LIFETIME_S = 120.0
"""How long a cookie is valid on either side (COOKIE_SECRET_MAX_AGE in the kernel)."""

NO_MAC = bytes(MAC_LENGTH)


def mac1_key(receiver: PublicKey) -> bytes:
    """The key of MAC1 in messages to a public key."""
    return hash_(_LABEL_MAC1 + receiver.raw)


class Mac1:
    """MAC1 of messages to one public key; its key is computed once."""

    __slots__ = ("_key",)

    def __init__(self, receiver: PublicKey) -> None:
        self._key = mac1_key(receiver)

    def compute(self, message: bytes) -> bytes:
        """MAC1 over `message`, which ends where mac1 begins."""
        return mac(self._key, message)

    def verify(self, packet: bytes) -> bool:
        """Whether the mac1 of a complete handshake packet is correct."""
        return compare_digest(self.compute(packet[:-32]), packet[-32:-16])


def mac2(cookie: bytes, message: bytes) -> bytes:
    """MAC2 over `message`, which ends where mac2 begins (mac1 included)."""
    return mac(cookie, message)


def cookie_key(server: PublicKey) -> bytes:
    """The key that encrypts a server's cookie replies; anyone with its public key can compute it."""
    return hash_(_LABEL_COOKIE + server.raw)


def open_cookie_reply(packet: bytes, key: bytes, mac1: bytes) -> bytes:
    """Decrypt the cookie in a 64-byte cookie reply to the message that carried `mac1`.

    `key` is the server's `cookie_key`. Raises AuthenticationError if the reply was made with another public
    key or for another message.
    """
    return xaead_open(key, packet[32:COOKIE_REPLY_LENGTH], mac1, packet[8:32])


class CookieJar:
    """The server's cookies, derived from a secret that changes regularly."""

    def __init__(self, server: PublicKey) -> None:
        self._key = cookie_key(server)
        self._secret = os.urandom(32)
        self._secret_created_s = float("-inf")

    def cookie_for(self, source: bytes, now_s: float) -> bytes:
        """The cookie of a source (address and port as bytes) at a monotonic time in seconds."""
        if now_s - self._secret_created_s >= COOKIE_LIFETIME_S:
            self._secret = os.urandom(32)
            self._secret_created_s = now_s
        return mac(self._secret, source)

    def reply(self, packet: bytes, source: bytes, now_s: float) -> bytes:
        """Make the cookie reply to a handshake packet, bound to its sender index and mac1."""
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = xaead_seal(self._key, self.cookie_for(source, now_s), packet[-32:-16], nonce)
        return _HEADER + packet[4:8] + nonce + sealed

    def verify(self, packet: bytes, source: bytes, now_s: float) -> bool:
        """Whether the packet's mac2 was made with the cookie of its source."""
        return compare_digest(mac2(self.cookie_for(source, now_s), packet[:-16]), packet[-16:])
