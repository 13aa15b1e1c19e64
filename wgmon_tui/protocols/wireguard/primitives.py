"""DH, AEAD, HASH, MAC, HMAC and KDF as the whitepaper names them (§5.4), over libsodium and hashlib.

Two optimisations cover most of a handshake's cost beyond its four scalar multiplications (BENCHMARKS.md).
HMAC as two BLAKE2s calls takes half the time of `hmac.digest`. Direct libsodium calls avoid PyNaCl's argument
checks, which triple the time of an AEAD. The known-answer tests compare both with other implementations.
"""

from __future__ import annotations

from hashlib import blake2s

from nacl._sodium import ffi, lib  # the cffi module beneath nacl.bindings; the same since PyNaCl 1.0
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

KEY_LENGTH = 32
_NONCE_LENGTH = 12
HASH_LENGTH = 32
TAG_LENGTH = 16

_BLOCK = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST = b"\x36" * (_BLOCK - HASH_LENGTH)
_OUTER_REST = b"\x5c" * (_BLOCK - HASH_LENGTH)


class AuthenticationError(Exception):
    """A ciphertext did not authenticate: wrong key, wrong nonce, or changed bytes."""


class LowOrderPointError(Exception):
    """A public key of low order: the shared secret would be zero. The kernel rejects it too."""


def dh(private: bytes, public: bytes) -> bytes:
    """The shared secret of two Curve25519 keys of 32 bytes. Raises LowOrderPointError."""
    _check_lengths(private, public)
    shared = ffi.new("unsigned char[32]")
    if lib.crypto_scalarmult(shared, private, public):
        raise LowOrderPointError
    return bytes(ffi.buffer(shared, 32))


def dh_public(private: bytes) -> bytes:
    """The public key of a Curve25519 private key."""
    _check_lengths(private)
    public = ffi.new("unsigned char[32]")
    lib.crypto_scalarmult_base(public, private)
    return bytes(ffi.buffer(public, 32))


def _check_lengths(*keys: bytes) -> None:
    """Reject short keys: libsodium always reads 32 bytes from a pointer."""
    for key in keys:
        if len(key) != KEY_LENGTH:
            raise ValueError("a Curve25519 key has 32 bytes")


def hash_(data: bytes) -> bytes:
    """HASH: BLAKE2s with 32 bytes of output."""
    return blake2s(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """MAC: keyed BLAKE2s with 16 bytes of output."""
    return blake2s(data, key=key, digest_size=16).digest()


def _pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer first block of HMAC under a 32-byte key (RFC 2104)."""
    return key.translate(_INNER_PAD) + _INNER_REST, key.translate(_OUTER_PAD) + _OUTER_REST


def hmac(key: bytes, data: bytes) -> bytes:
    """HMAC over BLAKE2s; the key has 32 bytes, as in every KDF."""
    inner, outer = _pads(key)
    return blake2s(outer + blake2s(inner + data).digest()).digest()


def kdf1(key: bytes, data: bytes) -> bytes:
    """KDF with one output. Inlined for speed: four of a handshake's seven KDF calls."""
    inner, outer = _pads(key)
    inner, outer = _pads(blake2s(outer + blake2s(inner + data).digest()).digest())
    return blake2s(outer + blake2s(inner + b"\x01").digest()).digest()


def kdf2(key: bytes, data: bytes) -> tuple[bytes, bytes]:
    """KDF with two outputs."""
    inner, outer = _pads(hmac(key, data))
    first = blake2s(outer + blake2s(inner + b"\x01").digest()).digest()
    return first, blake2s(outer + blake2s(inner + first + b"\x02").digest()).digest()


def kdf3(key: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    """KDF with three outputs."""
    inner, outer = _pads(hmac(key, data))
    first = blake2s(outer + blake2s(inner + b"\x01").digest()).digest()
    second = blake2s(outer + blake2s(inner + first + b"\x02").digest()).digest()
    return first, second, blake2s(outer + blake2s(inner + second + b"\x03").digest()).digest()


def nonce(counter: int) -> bytes:
    """The nonce of ChaCha20-Poly1305: 32 zero bits and the little-endian 64-bit counter."""
    return bytes(4) + counter.to_bytes(8, "little")


_NONCE_ZERO = nonce(0)
_WRONG_LENGTH = "a ChaCha20-Poly1305 key has 32 bytes, its nonce 12"


def aead_seal(key: bytes, plaintext: bytes, associated: bytes, nonce_bytes: bytes = _NONCE_ZERO) -> bytes:
    """AEAD: ChaCha20-Poly1305 (RFC 7539); the tag is the last 16 bytes."""
    if len(key) != KEY_LENGTH or len(nonce_bytes) != _NONCE_LENGTH:
        raise ValueError(_WRONG_LENGTH)
    length = len(plaintext) + TAG_LENGTH
    sealed = ffi.new("unsigned char[]", length)
    lib.crypto_aead_chacha20poly1305_ietf_encrypt(
        sealed, ffi.NULL, plaintext, len(plaintext), associated, len(associated), ffi.NULL, nonce_bytes, key
    )
    return bytes(ffi.buffer(sealed, length))


def aead_open(key: bytes, sealed: bytes, associated: bytes, nonce_bytes: bytes = _NONCE_ZERO) -> bytes:
    """Decrypt and authenticate. Raises AuthenticationError."""
    if len(key) != KEY_LENGTH or len(nonce_bytes) != _NONCE_LENGTH:
        raise ValueError(_WRONG_LENGTH)
    length = len(sealed) - TAG_LENGTH
    if length < 0:
        raise AuthenticationError
    plaintext = ffi.new("unsigned char[]", length or 1)
    if lib.crypto_aead_chacha20poly1305_ietf_decrypt(
        plaintext, ffi.NULL, ffi.NULL, sealed, len(sealed), associated, len(associated), nonce_bytes, key
    ):
        raise AuthenticationError
    return bytes(ffi.buffer(plaintext, length))


def xaead_seal(key: bytes, plaintext: bytes, associated: bytes, nonce_bytes: bytes) -> bytes:
    """XAEAD: XChaCha20-Poly1305 with a 24-byte random nonce."""
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce_bytes, key)


def xaead_open(key: bytes, sealed: bytes, associated: bytes, nonce_bytes: bytes) -> bytes:
    """Decrypt and authenticate XAEAD. Raises AuthenticationError."""
    if len(sealed) < TAG_LENGTH:  # PyNaCl would ask cffi for a buffer of negative length
        raise AuthenticationError
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, associated, nonce_bytes, key)
    except CryptoError:
        raise AuthenticationError from None
