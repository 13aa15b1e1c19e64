"""Keying material exporters of TLS (RFC 5705, RFC 8446 §7.5).

The `ssl` module of Python has none. It writes the secrets that they start from into a key log, so this module
computes the rest.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

_EXPORTER = "EXPORTER_SECRET"
_MASTER = "CLIENT_RANDOM"
_SERVER_HELLO = 2
_HANDSHAKE_RECORD = 22


@dataclass(frozen=True, slots=True)
class TlsSecrets:
    """The secrets of one TLS connection by the labels of a key log, and the random bytes of both sides."""

    by_label: dict[str, bytes] = field(repr=False)
    client_random: bytes = field(repr=False)

    @classmethod
    def parse(cls, key_log: str) -> TlsSecrets:
        """Parse the lines of a key log with one connection."""
        lines = [line.split() for line in key_log.splitlines() if not line.startswith("#")]
        whole = [each for each in lines if len(each) == 3]
        randoms = [bytes.fromhex(each[1]) for each in whole]
        return cls({each[0]: bytes.fromhex(each[2]) for each in whole}, randoms[0] if randoms else b"")

    def export(self, label: bytes, length: int, *, server_random: bytes, digest: str) -> bytes | None:
        """Key material under a label, without a context; None if the key log has no secret for it.

        `digest` is that of the cipher suite. `server_random` is needed for TLS 1.2.
        """
        if secret := self.by_label.get(_EXPORTER):
            derived = _expand_label(secret, label, hashlib.new(digest).digest_size, digest)
            return _expand_label(derived, b"exporter", length, digest)
        if (secret := self.by_label.get(_MASTER)) and server_random:
            return tls12_prf(secret, label + self.client_random + server_random, length, digest)
        return None


def _expand_label(secret: bytes, label: bytes, length: int, digest: str) -> bytes:
    """HKDF-Expand-Label with the hash of an empty context, which both steps of an exporter use."""
    context = hashlib.new(digest).digest()
    full = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(full),)) + full + bytes((len(context),)) + context
    output, block, number = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(secret, block + info + bytes((number,)), digest)
        output, number = output + block, number + 1
    return output[:length]


def tls12_prf(secret: bytes, seed: bytes, length: int, digest: str) -> bytes:
    """The pseudorandom function of TLS 1.2 (RFC 5246 §5). `seed` includes the label."""
    output, chained = b"", seed
    while len(output) < length:
        chained = hmac.digest(secret, chained, digest)
        output += hmac.digest(secret, chained + seed, digest)
    return output[:length]


def find_server_random(stream: bytes) -> bytes:
    """The random bytes of the ServerHello at the start of a TLS stream; empty if it is not complete."""
    if len(stream) < 43 or stream[0] != _HANDSHAKE_RECORD or stream[5] != _SERVER_HELLO:
        return b""
    return stream[11:43]
