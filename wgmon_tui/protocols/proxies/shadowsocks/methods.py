"""The ciphers of Shadowsocks: those of SIP004 and SIP007 (AEAD), and of SIP022 (2022).

Sources: shadowsocks.org/doc/aead.html, shadowsocks.org/doc/sip022.html.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Protocol

import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG = 16
_SESSION = "shadowsocks 2022 session subkey"
_IDENTITY = "shadowsocks 2022 identity subkey"


class Aead(Protocol):
    """An AEAD cipher with a 12-byte nonce and a 16-byte tag."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Encrypt data, and append the tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Check the tag, and decrypt what is before it. Raises InvalidTag."""


class InvalidPasswordError(ValueError):
    """A password is no key of this method. The message does not repeat it."""


@dataclass(frozen=True, slots=True)
class Method:
    """A cipher. The key and the salt have the same length in bytes."""

    name: str
    key_length: int
    is_2022: bool = False
    is_chacha: bool = False

    def aead(self, key: bytes) -> Aead:
        """The cipher under a key."""
        return ChaCha20Poly1305(key) if self.is_chacha else AESGCM(key)

    def keys(self, password: str) -> tuple[bytes, ...]:
        """The keys of a password: one, or in 2022 also those of identities before it.

        Raises InvalidPasswordError.
        """
        if not self.is_2022:
            return (_bytes_to_key(password.encode(), self.key_length),)
        return tuple(self._decode_key(each) for each in password.split(":"))

    def session_key(self, key: bytes, salt: bytes) -> bytes:
        """The subkey of one direction of a session."""
        if self.is_2022:
            return blake3.blake3(key + salt, derive_key_context=_SESSION).digest(self.key_length)
        kdf = HKDF(algorithm=SHA1(), length=self.key_length, salt=salt, info=b"ss-subkey")  # noqa: S303
        return kdf.derive(key)

    def identity_key(self, key: bytes, salt: bytes) -> bytes:
        """The subkey that hides which user of a server follows (SIP022 §3.1.5)."""
        return blake3.blake3(key + salt, derive_key_context=_IDENTITY).digest(self.key_length)

    def _decode_key(self, text: str) -> bytes:
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidPasswordError(f"the key of {self.name} is not base64") from None
        if len(key) != self.key_length:
            raise InvalidPasswordError(f"{self.name} needs a key of {self.key_length} bytes, not {len(key)}")
        return key


METHODS = {
    each.name: each
    for each in (
        Method("chacha20-ietf-poly1305", 32, is_chacha=True),
        Method("aes-128-gcm", 16),
        Method("aes-192-gcm", 24),
        Method("aes-256-gcm", 32),
        Method("2022-blake3-aes-128-gcm", 16, is_2022=True),
        Method("2022-blake3-aes-256-gcm", 32, is_2022=True),
        Method("2022-blake3-chacha20-poly1305", 32, is_2022=True, is_chacha=True),
    )
}
METHODS["chacha20-poly1305"] = METHODS["chacha20-ietf-poly1305"]


def _bytes_to_key(password: bytes, length: int) -> bytes:
    """EVP_BytesToKey of OpenSSL with MD5 and one round, as the page on AEAD ciphers says."""
    key = digest = b""
    while len(key) < length:
        digest = hashlib.md5(digest + password, usedforsecurity=False).digest()
        key += digest
    return key[:length]
