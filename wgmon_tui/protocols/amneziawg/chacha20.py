"""The keystream of ChaCha20 (RFC 8439 §2.4), which header protection adds to the bytes of a packet.

PyNaCl binds ChaCha20 only together with Poly1305. The libsodium inside it has the plain stream, and ctypes
calls it. If a build hides the function, it is computed here, which takes 0.1 ms a block.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable

from nacl import _sodium

NONCE_LENGTH = 12
_BLOCK = 64
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_ROUND = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)
_MASK = 0xFFFFFFFF

Stream = Callable[[bytes, bytes, int], bytes]
"""Returns so many bytes of the keystream of a 32-byte key and a 12-byte nonce, from block 0 on."""


def compute_stream(key: bytes, nonce: bytes, length: int) -> bytes:
    """The keystream, computed here."""
    blocks = (_block(key, nonce, counter) for counter in range(-(-length // _BLOCK)))
    return b"".join(blocks)[:length]


def _block(key: bytes, nonce: bytes, counter: int) -> bytes:
    start = [*_CONSTANTS, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    state = start.copy()
    for _ in range(10):
        for a, b, c, d in _ROUND:
            for first, second, mixed, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[first] = (state[first] + state[second]) & _MASK
                word = state[mixed] ^ state[first]
                state[mixed] = (word << bits | word >> (32 - bits)) & _MASK
    return struct.pack("<16I", *((word + added) & _MASK for word, added in zip(state, start, strict=True)))


def find_libsodium_stream() -> Stream | None:
    """The function of PyNaCl's libsodium; None if this build hides it."""
    try:
        function = ctypes.CDLL(_sodium.__file__).crypto_stream_chacha20_ietf
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_char_p, ctypes.c_ulonglong, ctypes.c_char_p, ctypes.c_char_p)

    def stream(key: bytes, nonce: bytes, length: int) -> bytes:
        written = ctypes.create_string_buffer(length)
        function(written, length, nonce, key)
        return written.raw

    return stream


_stream = find_libsodium_stream() or compute_stream


def xor(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Add the keystream to `data`; twice gives `data` again."""
    if len(key) != 32 or len(nonce) != NONCE_LENGTH:
        raise ValueError("a ChaCha20 key has 32 bytes, its nonce 12")
    if not data:
        return b""
    keystream = int.from_bytes(_stream(key, nonce, len(data)), "little")
    return (int.from_bytes(data, "little") ^ keystream).to_bytes(len(data), "little")
