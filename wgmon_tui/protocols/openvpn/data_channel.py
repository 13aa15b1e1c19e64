"""The data channel: inner packets to datagrams and back, with the keys that the control channel agreed on.

No sockets and no clocks. Sources: openvpn.net/community-resources/openvpn-protocol; OpenVPN 2.6,
src/openvpn/crypto.c (openvpn_encrypt_aead, openvpn_encrypt_v1) and ssl.c (tls_prepend_opcode_v2).

An AEAD packet is header, packet id, tag and ciphertext. One of a CBC cipher is header, HMAC, IV and
ciphertext; the packet id is in the ciphertext. The header is the opcode with the key id, and for P_DATA_V2
the peer id.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol as Interface

from wgmon_tui.protocols.openvpn.compression import CompressedError, frame, unframe
from wgmon_tui.protocols.openvpn.profile import Compression

DATA_V1, DATA_V2 = 6, 9
KEY_BYTES = 256
"""Two keys, each with 64 bytes for the cipher and 64 for the HMAC. The first is that of the client."""

WINDOW = 64
"""Packets that may come out of order: `replay-window` of OpenVPN."""

_HALF, _CIPHER_PART = 128, 64
_TAG, _ID, _BLOCK, _NONCE = 16, 4, 16, 12
_LAST_ID = 2**32 - 1
_MAX_PEER_ID = 2**24


class DataFault(Enum):
    """Why a data packet is not accepted. The value says it in words."""

    SHORT = "it is too short for a data packet"
    OTHER_KEY = "it is for another key of the session"
    FORGED = "it does not authenticate with the keys of this session"
    REPLAYED = "its packet id came before"
    COMPRESSED = "it is compressed, which this client does not support"
    FRAMING = (
        "it is no IP packet: the server compresses packets, or frames them otherwise than the profile says"
    )
    FRAGMENT = "it is a part of a larger packet, which this client does not join"


class DataError(Exception):
    """A data packet that is not accepted."""

    def __init__(self, fault: DataFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnknownCipherError(Exception):
    """A cipher or digest that this client does not have. The message is its name."""


@dataclass(frozen=True, slots=True)
class CipherKind:
    """A cipher of the data channel. `is_aead`: it authenticates by itself, without an HMAC."""

    name: str
    key_bytes: int
    is_aead: bool


CIPHERS = {
    each.name: each
    for each in (
        CipherKind("AES-256-GCM", 32, True),
        CipherKind("AES-192-GCM", 24, True),
        CipherKind("AES-128-GCM", 16, True),
        CipherKind("CHACHA20-POLY1305", 32, True),
        CipherKind("AES-256-CBC", 32, False),
        CipherKind("AES-192-CBC", 24, False),
        CipherKind("AES-128-CBC", 16, False),
    )
}

DIGESTS = {"SHA1": "sha1", "SHA224": "sha224", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
"""The digests of `auth`, by OpenVPN's names, and Python's."""


class PacketIdWindow:
    """Remembers which packet ids came, so that each is accepted once."""

    def __init__(self) -> None:
        self._highest = 0
        self._seen = 0

    def accept(self, number: int) -> bool:
        """Whether this id is new. It counts as seen from then on."""
        if number > self._highest:
            self._seen = (self._seen << (number - self._highest) | 1) & ((1 << WINDOW) - 1)
            self._highest = number
            return True
        bit = 1 << (self._highest - number)
        if number < 1 or self._highest - number >= WINDOW or self._seen & bit:
            return False
        self._seen |= bit
        return True


class _Sealing(Interface):
    """One of the two forms of a data packet, with the keys of one direction."""

    def seal(self, header: bytes, number: int, payload: bytes) -> bytes: ...

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]: ...


class _AeadForm:
    def __init__(self, kind: CipherKind, keys: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

        make = ChaCha20Poly1305 if kind.name.startswith("CHACHA20") else AESGCM
        self._cipher: AESGCM | ChaCha20Poly1305 = make(keys[: kind.key_bytes])
        self._implicit_iv = keys[_CIPHER_PART : _CIPHER_PART + _NONCE - _ID]

    def seal(self, header: bytes, number: int, payload: bytes) -> bytes:
        written = number.to_bytes(_ID, "big")
        sealed = self._cipher.encrypt(written + self._implicit_iv, payload, _aead_header(header) + written)
        return header + written + sealed[-_TAG:] + sealed[:-_TAG]

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        from cryptography.exceptions import InvalidTag

        if len(body) < _ID + _TAG:
            raise DataError(DataFault.SHORT)
        written, tag, sealed = body[:_ID], body[_ID : _ID + _TAG], body[_ID + _TAG :]
        try:
            payload = self._cipher.decrypt(
                written + self._implicit_iv, sealed + tag, _aead_header(header) + written
            )
        except InvalidTag:
            raise DataError(DataFault.FORGED) from None
        return int.from_bytes(written, "big"), payload


def _aead_header(header: bytes) -> bytes:
    """What the tag covers of the header: all of P_DATA_V2, nothing of P_DATA_V1."""
    return header if len(header) > 1 else b""


class _CbcForm:
    def __init__(self, kind: CipherKind, digest: str, keys: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        algorithm = algorithms.AES(keys[: kind.key_bytes])
        self._make: Callable[[bytes], Cipher[modes.CBC]] = lambda iv: Cipher(algorithm, modes.CBC(iv))
        self._digest = digest
        self._size = hmac.new(b"", b"", digest).digest_size
        self._hmac_key = keys[_CIPHER_PART : _CIPHER_PART + self._size]

    def seal(self, header: bytes, number: int, payload: bytes) -> bytes:
        plain = number.to_bytes(_ID, "big") + payload
        padding = _BLOCK - len(plain) % _BLOCK
        iv = os.urandom(_BLOCK)
        encryptor = self._make(iv).encryptor()
        sealed = iv + encryptor.update(plain + bytes((padding,)) * padding) + encryptor.finalize()
        return header + hmac.digest(self._hmac_key, sealed, self._digest) + sealed

    def open(self, header: bytes, body: bytes) -> tuple[int, bytes]:
        code, sealed = body[: self._size], body[self._size :]
        if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
            raise DataError(DataFault.SHORT)
        if not hmac.compare_digest(code, hmac.digest(self._hmac_key, sealed, self._digest)):
            raise DataError(DataFault.FORGED)
        decryptor = self._make(sealed[:_BLOCK]).decryptor()
        plain = decryptor.update(sealed[_BLOCK:]) + decryptor.finalize()
        padding = plain[-1]
        is_padded = 0 < padding <= _BLOCK and plain.endswith(bytes((padding,)) * padding)
        if not is_padded or len(plain) - padding < _ID:
            raise DataError(DataFault.FORGED)
        return int.from_bytes(plain[:_ID], "big"), plain[_ID:-padding]


class DataChannel:
    """One key of a session. `seal` makes a datagram of an inner packet, `open` is its inverse.

    `keys` are 256 bytes as key method 2 or the exporter gives them. `peer_id` is that of the server's
    PUSH_REPLY; without one, packets are P_DATA_V1. `has_fragments`: both sides have `fragment`, so each
    packet has a header of four bytes, zeros if it is whole (fragment.h). Raises UnknownCipherError.
    """

    def __init__(
        self,
        cipher: str,
        digest: str,
        keys: bytes,
        *,
        peer_id: int | None = None,
        key_id: int = 0,
        compression: Compression = Compression.NONE,
        has_fragments: bool = False,
        is_server: bool = False,
    ) -> None:
        if len(keys) != KEY_BYTES:
            raise ValueError(f"expected {KEY_BYTES} bytes of keys, got {len(keys)}")
        kind = CIPHERS.get(cipher.upper())
        if kind is None:
            raise UnknownCipherError(cipher)
        if not kind.is_aead and digest.upper() not in DIGESTS:
            raise UnknownCipherError(digest)
        client, server = keys[:_HALF], keys[_HALF:]
        self._key_id = key_id
        self._compression = compression
        self._fragment_header = bytes(4) if has_fragments else b""
        self._header = _make_header(key_id, peer_id)
        self._sending = _form(kind, digest, server if is_server else client)
        self._receiving = _form(kind, digest, client if is_server else server)
        self._sent = 0
        self._window = PacketIdWindow()

    def __repr__(self) -> str:
        return f"DataChannel(key_id={self._key_id})"

    def seal(self, payload: bytes) -> bytes:
        """The datagram of a payload: an inner packet, or a message of OpenVPN itself."""
        self._sent += 1
        if self._sent > _LAST_ID:
            raise OverflowError("all packet ids of this key are used")
        return self._sending.seal(
            self._header, self._sent, self._fragment_header + frame(payload, self._compression)
        )

    def open(self, packet: bytes) -> bytes:
        """The payload of a datagram. Raises DataError."""
        length = header_length(packet)
        if length is None or len(packet) < length:
            raise DataError(DataFault.SHORT)
        if packet[0] & 7 != self._key_id:
            raise DataError(DataFault.OTHER_KEY)
        number, framed = self._receiving.open(packet[:length], packet[length:])
        if not self._window.accept(number):
            raise DataError(DataFault.REPLAYED)
        if not framed.startswith(self._fragment_header):
            raise DataError(DataFault.FRAGMENT)
        try:
            return unframe(framed[len(self._fragment_header) :], self._compression)
        except CompressedError:
            raise DataError(DataFault.COMPRESSED) from None


def header_length(packet: bytes) -> int | None:
    """The bytes of the header of a data packet; None if it is none."""
    opcode = packet[0] >> 3 if packet else 0
    return {DATA_V1: 1, DATA_V2: 4}.get(opcode)


def _make_header(key_id: int, peer_id: int | None) -> bytes:
    if peer_id is None:
        return bytes((DATA_V1 << 3 | key_id,))
    return bytes((DATA_V2 << 3 | key_id,)) + (peer_id % _MAX_PEER_ID).to_bytes(3, "big")


def _form(kind: CipherKind, digest: str, keys: bytes) -> _Sealing:
    return _AeadForm(kind, keys) if kind.is_aead else _CbcForm(kind, DIGESTS[digest.upper()], keys)
