"""The keys of VMess AEAD: nested HMACs, and the identifier that stands for user and time.

Source: v2fly/v2fly-github-io#20, "VMess AEAD".
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KDF_ROOT = b"VMess AEAD KDF"
AUTH_ID_KEY = b"AES Auth ID Encryption"
_MAGIC = b"c48619fe-8f02-49e0-b9e9-edf763e17e21"
_BLOCK = 64

Hash = Callable[[bytes], bytes]


def command_key(user_id: UUID) -> bytes:
    """The key of a user id, from which those of a request are derived."""
    return hashlib.md5(user_id.bytes + _MAGIC, usedforsecurity=False).digest()


def derive(key: bytes, *path: bytes) -> bytes:
    """32 bytes: HMAC under the last element of the path, whose hash is the HMAC under the one before it."""
    hash_function = _hmac(KDF_ROOT, _sha256)
    for element in path:
        hash_function = _hmac(element, hash_function)
    return hash_function(key)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _hmac(key: bytes, inner_hash: Hash) -> Hash:
    """HMAC (RFC 2104) over any hash function with blocks of 64 bytes."""
    padded = (key if len(key) <= _BLOCK else inner_hash(key)).ljust(_BLOCK, b"\0")
    inner, outer = bytes(each ^ 0x36 for each in padded), bytes(each ^ 0x5C for each in padded)
    return lambda data: inner_hash(outer + inner_hash(inner + data))


def make_auth_id(key: bytes, unix_time: float, random: bytes) -> bytes:
    """The first 16 bytes of a request: time, four random bytes and a checksum, encrypted."""
    plain = max(0, int(unix_time)).to_bytes(8, "big") + random
    plain += zlib.crc32(plain).to_bytes(4, "big")
    cipher = Cipher(algorithms.AES(derive(key, AUTH_ID_KEY)[:16]), modes.ECB())  # noqa: S305
    return bytes(cipher.encryptor().update(plain))


def fnv1a(data: bytes) -> int:
    """The 32-bit FNV-1a checksum of a request header."""
    value = 0x811C9DC5
    for each in data:
        value = (value ^ each) * 0x01000193 & 0xFFFFFFFF
    return value
