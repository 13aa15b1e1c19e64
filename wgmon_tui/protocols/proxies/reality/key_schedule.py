"""The key schedule of TLS 1.3 (RFC 8446 §7) and the protection of its records (§5.2). No I/O."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

APPLICATION_DATA = 23
_TLS_1_2 = b"\x03\x03"
_TAG = 16


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """A cipher suite of TLS 1.3 (RFC 8446 §B.4)."""

    number: int
    hash_name: str
    key_length: int
    is_chacha: bool = False

    def digest(self, data: bytes) -> bytes:
        """The hash of a transcript."""
        return hashlib.new(self.hash_name, data).digest()

    @property
    def hash_length(self) -> int:
        """The bytes of a hash."""
        return hashlib.new(self.hash_name).digest_size


SUITES = {
    each.number: each
    for each in (
        CipherSuite(0x1301, "sha256", 16),
        CipherSuite(0x1302, "sha384", 32),
        CipherSuite(0x1303, "sha256", 32, is_chacha=True),
    )
}


def extract(suite: CipherSuite, salt: bytes, key: bytes) -> bytes:
    """HKDF-Extract (RFC 5869 §2.2)."""
    return hmac.digest(salt, key, suite.hash_name)


def expand_label(suite: CipherSuite, secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1)."""
    full = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    output, block = b"", b""
    for counter in range(1, -(-length // suite.hash_length) + 1):
        block = hmac.digest(secret, block + info + bytes([counter]), suite.hash_name)
        output += block
    return output[:length]


def derive_secret(suite: CipherSuite, secret: bytes, label: str, transcript: bytes) -> bytes:
    """Derive-Secret (RFC 8446 §7.1) over the messages of a transcript."""
    return expand_label(suite, secret, label, suite.digest(transcript), suite.hash_length)


def finished_of(suite: CipherSuite, traffic_secret: bytes, transcript: bytes) -> bytes:
    """The content of a Finished message (RFC 8446 §4.4.4)."""
    key = expand_label(suite, traffic_secret, "finished", b"", suite.hash_length)
    return hmac.digest(key, suite.digest(transcript), suite.hash_name)


class RecordProtection:
    """The records of one direction under one traffic secret."""

    def __init__(self, suite: CipherSuite, traffic_secret: bytes) -> None:
        key = expand_label(suite, traffic_secret, "key", b"", suite.key_length)
        self._aead = ChaCha20Poly1305(key) if suite.is_chacha else AESGCM(key)
        self._iv = int.from_bytes(expand_label(suite, traffic_secret, "iv", b"", 12), "big")
        self._number = 0

    def seal(self, kind: int, data: bytes) -> bytes:
        """A whole record of some data."""
        inner = data + bytes([kind])
        header = bytes([APPLICATION_DATA]) + _TLS_1_2 + (len(inner) + _TAG).to_bytes(2, "big")
        return header + self._aead.encrypt(self._next_nonce(), inner, header)

    def open(self, header: bytes, sealed: bytes) -> tuple[int, bytes] | None:
        """The kind and the data of a record; None if it is not authentic."""
        try:
            inner = self._aead.decrypt(self._next_nonce(), sealed, header).rstrip(b"\0")
        except InvalidTag:
            return None
        return (inner[-1], inner[:-1]) if inner else None

    def _next_nonce(self) -> bytes:
        nonce = self._iv ^ self._number
        self._number += 1
        return nonce.to_bytes(12, "big")
