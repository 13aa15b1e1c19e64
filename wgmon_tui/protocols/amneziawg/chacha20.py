"""The stream cipher of header protection: ChaCha20 (RFC 8439 §2.4) without Poly1305.

PyNaCl binds ChaCha20 only together with Poly1305, so this one is `cryptography`'s, which comes with an extra.
Import this module only for a server whose headers are protected.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

_FROM_BLOCK_0 = bytes(4)


def xor(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Add the keystream to `data`; twice gives `data` again.

    Raises ValueError if the key has not 32 bytes, or the nonce not 12.
    """
    return Cipher(algorithms.ChaCha20(key, _FROM_BLOCK_0 + nonce), mode=None).encryptor().update(data)
