"""WireGuard keys: 32 bytes, base64 as text. Secret keys never print.

A secret's `repr`, `str` and format are all "hidden", so no log line, traceback or export can leak one by
accident. Only `.raw` and `to_text` return the key.
"""

from __future__ import annotations

import base64
import binascii
import os
from typing import NoReturn

KEY_LENGTH = 32

# Every u-coordinate of low order, on the curve and on its twist. The highest bit is ignored (RFC 7748).
_P = 2**255 - 19
_ORDER_EIGHT = (
    0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
)
_LOW_ORDER = frozenset(u.to_bytes(32, "little") for u in (0, 1, *_ORDER_EIGHT, _P - 1, _P, _P + 1))


class InvalidKeyError(ValueError):
    """A text is not a WireGuard key. The message never repeats the text, which may be a secret."""


def decode_key(text: str) -> bytes:
    """Decode a key as strictly as wg(8): 44 characters of canonical base64, 32 bytes.

    Raises InvalidKeyError, which names the problem without repeating the text.
    """
    stripped = text.strip()
    try:
        raw = base64.b64decode(stripped, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKeyError("not base64 (a WireGuard key is 44 characters that end in '=')") from None
    if len(raw) != KEY_LENGTH:
        raise InvalidKeyError(f"{len(raw)} bytes, not {KEY_LENGTH} (a WireGuard key is 44 characters)")
    if base64.b64encode(raw).decode() != stripped:
        raise InvalidKeyError("not canonical base64 (wg rejects it: the last characters have extra bits)")
    return raw


def _check_length(raw: bytes) -> bytes:
    if len(raw) != KEY_LENGTH:
        raise InvalidKeyError(f"{len(raw)} bytes, not {KEY_LENGTH}")
    return raw


def is_low_order(public: bytes) -> bool:
    """Whether a public key gives the same shared secret with every private key: none of a key pair does."""
    _check_length(public)
    return public[:31] + bytes([public[31] & 0x7F]) in _LOW_ORDER


class PublicKey:
    """A Curve25519 public key. Prints as base64."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = _check_length(raw)

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """Decode base64 text. Raises InvalidKeyError."""
        return cls(decode_key(text))

    def __str__(self) -> str:
        return base64.b64encode(self.raw).decode()

    def __repr__(self) -> str:
        return f"PublicKey({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class _Secret:
    """32 secret bytes that compare and hash, but never print."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = _check_length(raw)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied: a pickle contains it in clear text")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Secret) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash((type(self), self.raw))

    def to_text(self) -> str:
        """Base64 for the key file with mode 0600. Never for a screen."""
        return base64.b64encode(self.raw).decode()


class PrivateKey(_Secret):
    """A Curve25519 private key; the scalar multiplication clamps it, as in wg."""

    __slots__ = ("public",)
    public: PublicKey

    def __getattr__(self, name: str) -> PublicKey:
        """Compute the public key when it is first read: libsodium takes 3 ms to load."""
        if name != "public":
            raise AttributeError(name)
        from nacl.bindings import crypto_scalarmult_base

        self.public = PublicKey(crypto_scalarmult_base(self.raw))
        return self.public

    @classmethod
    def from_text(cls, text: str) -> PrivateKey:
        """Decode base64 text. Raises InvalidKeyError."""
        return cls(decode_key(text))

    @classmethod
    def generate(cls) -> PrivateKey:
        """Generate a key, clamped as by `wg genkey`."""
        raw = bytearray(os.urandom(KEY_LENGTH))
        raw[0] &= 248
        raw[31] = (raw[31] & 127) | 64
        return cls(bytes(raw))


class PresharedKey(_Secret):
    """The symmetric key mixed in as psk2. All zeros if a peer has none (whitepaper §5.2)."""

    __slots__ = ()

    @classmethod
    def from_text(cls, text: str) -> PresharedKey:
        """Decode base64 text. Raises InvalidKeyError."""
        return cls(decode_key(text))


NO_PRESHARED_KEY = PresharedKey(bytes(KEY_LENGTH))
NO_PUBLIC_KEY = PublicKey(bytes(KEY_LENGTH))
"""Stands for the key of a server that has none. No key pair has it."""
