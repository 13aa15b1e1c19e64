"""The encryption of IKE messages: SK and SKF payloads (RFC 7296 §3.14, RFC 5282, RFC 7634, RFC 7383 §2.5)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Protocol as StructuralType

from wgmon_tui.protocols.ikev2.proposals import WORDS, Encryption, Integrity, TransformType
from wgmon_tui.protocols.ikev2.security_association import SaProposal

_AEAD_SALT, _AEAD_IV, _AEAD_TAG = 4, 8, 16
_BLOCK = 16
_INTEGRITY: Mapping[int, tuple[str, int, int]] = {
    Integrity.HMAC_SHA1_96: ("sha1", 20, 12),
    Integrity.HMAC_SHA2_256_128: ("sha256", 32, 16),
    Integrity.HMAC_SHA2_384_192: ("sha384", 48, 24),
    Integrity.HMAC_SHA2_512_256: ("sha512", 64, 32),
}
"""Of each algorithm: the hash, the bytes of its key, and those of its checksum (RFC 2404, RFC 4868)."""


class SealBrokenError(Exception):
    """Encrypted bytes that do not authenticate."""


class MessageCipher(StructuralType):
    """The protection of one direction. `head` is all of the message before the initialization vector."""

    def sealed_size(self, size: int) -> int:
        """The bytes that `seal` makes of `size` bytes."""

    def seal(self, head: bytes, payloads: bytes) -> bytes:
        """Encrypt payloads: initialization vector, ciphertext and checksum."""

    def open(self, head: bytes, sealed: bytes) -> bytes:
        """Decrypt payloads. Raises SealBrokenError."""


def is_usable(chosen: SaProposal) -> bool:
    """Whether this client has all algorithms of a proposal."""
    return chosen.group is not None and all(
        each in WORDS for each in chosen.transforms if each.type is not TransformType.SEQUENCE_NUMBERS
    )


def key_sizes(chosen: SaProposal) -> tuple[int, int]:
    """The bytes of the encryption key, with its salt, and of the integrity key, for each direction."""
    encryption = chosen.first(TransformType.ENCRYPTION)
    integrity = chosen.first(TransformType.INTEGRITY)
    if encryption is None:
        raise ValueError("a proposal without encryption")
    if encryption.number == Encryption.CHACHA20_POLY1305:
        return 32 + _AEAD_SALT, 0
    if encryption.number == Encryption.AES_GCM_16:
        return encryption.key_bits // 8 + _AEAD_SALT, 0
    return encryption.key_bits // 8, _INTEGRITY[integrity.number][1] if integrity else 0


def make_cipher(chosen: SaProposal, encryption_key: bytes, integrity_key: bytes) -> MessageCipher:
    """The protection of one direction with the algorithms of a chosen proposal."""
    encryption = chosen.first(TransformType.ENCRYPTION)
    integrity = chosen.first(TransformType.INTEGRITY)
    if encryption is not None and encryption.number == Encryption.AES_CBC and integrity is not None:
        return _CbcCipher(encryption_key, integrity_key, integrity.number)
    return _AeadCipher(
        encryption_key, is_chacha=encryption is not None and encryption.number == Encryption.CHACHA20_POLY1305
    )


class _AeadCipher:
    """AES-GCM with a checksum of 16 bytes, or ChaCha20-Poly1305."""

    def __init__(self, key: bytes, *, is_chacha: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

        self._salt = key[-_AEAD_SALT:]
        self._aead: AESGCM | ChaCha20Poly1305 = (ChaCha20Poly1305 if is_chacha else AESGCM)(key[:-_AEAD_SALT])
        self._sent = 0

    def sealed_size(self, size: int) -> int:
        return _AEAD_IV + size + 1 + _AEAD_TAG

    def seal(self, head: bytes, payloads: bytes) -> bytes:
        self._sent += 1  # a vector must not come twice under one key
        vector = self._sent.to_bytes(_AEAD_IV, "big")
        return vector + self._aead.encrypt(self._salt + vector, payloads + b"\x00", head)

    def open(self, head: bytes, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        vector, ciphertext = sealed[:_AEAD_IV], sealed[_AEAD_IV:]
        if len(ciphertext) <= _AEAD_TAG:
            raise SealBrokenError
        try:
            return _unpad(self._aead.decrypt(self._salt + vector, ciphertext, head))
        except InvalidTag:
            raise SealBrokenError from None


class _CbcCipher:
    """AES-CBC, then HMAC over the whole message."""

    def __init__(self, key: bytes, integrity_key: bytes, integrity: int) -> None:
        self._key = key
        self._integrity_key = integrity_key
        self._hash, _, self._checksum_size = _INTEGRITY[integrity]

    def sealed_size(self, size: int) -> int:
        return _BLOCK + size + 1 + (-(size + 1)) % _BLOCK + self._checksum_size

    def seal(self, head: bytes, payloads: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        padding = (-(len(payloads) + 1)) % _BLOCK
        vector = secrets.token_bytes(_BLOCK)
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(vector)).encryptor()
        padded = payloads + bytes(padding) + bytes((padding,))
        sealed = vector + encryptor.update(padded) + encryptor.finalize()
        return sealed + self._checksum(head + sealed)

    def open(self, head: bytes, sealed: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        content, checksum = sealed[: -self._checksum_size], sealed[-self._checksum_size :]
        vector, ciphertext = content[:_BLOCK], content[_BLOCK:]
        if not ciphertext or len(ciphertext) % _BLOCK:
            raise SealBrokenError
        if not hmac.compare_digest(self._checksum(head + content), checksum):
            raise SealBrokenError
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(vector)).decryptor()
        return _unpad(decryptor.update(ciphertext) + decryptor.finalize())

    def _checksum(self, data: bytes) -> bytes:
        return hmac.digest(self._integrity_key, data, self._hash)[: self._checksum_size]


def _unpad(padded: bytes) -> bytes:
    """Remove the padding and its length (RFC 7296 §3.14)."""
    padding = padded[-1] if padded else 0
    if len(padded) < padding + 1:
        raise SealBrokenError
    return padded[: len(padded) - padding - 1]
