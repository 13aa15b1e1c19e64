"""Streams of VMess AEAD. Sans-I/O.

    request    auth id, sealed length, nonce, sealed header; then chunks
    response   sealed length, sealed header; then chunks

A chunk is its length and data, which the cipher seals. The cipher `zero` has neither chunks nor a seal.
Source: v2fly/v2fly-github-io#20, "VMess AEAD", and v2fly's page on VMess for the chunks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError
from wgmon_tui.protocols.proxies.vmess.keys import command_key, derive, fnv1a, make_auth_id

NAME = "vmess"
CLOCK_WINDOW_S = 120
"""A server refuses a timestamp that is farther away from its clock."""

TCP, UDP = 1, 2
_IPV4, _NAME, _IPV6 = 1, 2, 3
_VERSION = 1
_CHUNKS, _MASKED = 0x01, 0x04
_AES, _CHACHA, _NONE = 3, 4, 5
_TAG = 16
_LARGEST_CHUNK = 0x3FF0
_LENGTH_KEY, _LENGTH_NONCE = b"VMess Header AEAD Key_Length", b"VMess Header AEAD Nonce_Length"
_HEADER_KEY, _HEADER_NONCE = b"VMess Header AEAD Key", b"VMess Header AEAD Nonce"
_REPLY_LENGTH_KEY, _REPLY_LENGTH_NONCE = b"AEAD Resp Header Len Key", b"AEAD Resp Header Len IV"
_REPLY_KEY, _REPLY_NONCE = b"AEAD Resp Header Key", b"AEAD Resp Header IV"


@dataclass(frozen=True, slots=True)
class Security:
    """A cipher of the data: its number in a request, and the options of a request that uses it."""

    name: str
    number: int
    options: int

    @property
    def is_chunked(self) -> bool:
        """Whether data comes in chunks."""
        return bool(self.options & _CHUNKS)


SECURITIES = {
    each.name: each
    for each in (
        Security("aes-128-gcm", _AES, _CHUNKS | _MASKED),
        Security("chacha20-poly1305", _CHACHA, _CHUNKS | _MASKED),
        Security("none", _NONE, _CHUNKS | _MASKED),
        Security("zero", _NONE, 0),
    )
}
SECURITIES["auto"] = SECURITIES["aes-128-gcm"]


class VmessStream:
    """One connection. `is_proven`: the response header opened under keys that only the user's server has."""

    name = NAME
    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(
        self,
        user_id: UUID,
        security: Security,
        destination: Destination,
        *,
        unix_time: Callable[[], float],
        command: int = TCP,
    ) -> None:
        """`unix_time` is the clock of the request's timestamp."""
        self._user_key, self._security = command_key(user_id), security
        self._unix_time, self._command, self._destination = unix_time, command, destination
        self._iv, self._key, self._check = os.urandom(16), os.urandom(16), os.urandom(1)[0]
        self._sender: _ChunkSealer | None = None
        self._reply = _ResponseHeader(_half_hash(self._key), _half_hash(self._iv), self._check)
        self._receiver = _ChunkOpener(security, _half_hash(self._key), _half_hash(self._iv))

    def open(self) -> bytes:
        """There is no handshake: the header goes with the first data."""
        self.is_open = True
        return b""

    def wrap(self, data: bytes) -> bytes:
        """Seal data in chunks; the header goes before the first one."""
        header = b""
        if self._sender is None:
            self._sender = _ChunkSealer(self._security, self._key, self._iv)
            header = self._seal_header(self._request())
        return header + self._sender.seal(data)

    def unwrap(self, received: bytes) -> LayerOutput:
        """Open the response header, then chunks."""
        data = self._reply.take(received)
        self.is_proven = self._reply.is_complete
        return LayerOutput(self._receiver.receive(data))

    def _request(self) -> bytes:
        padding = os.urandom(os.urandom(1)[0] % 16)
        port = self._destination.port.to_bytes(2, "big")
        header = bytes([_VERSION]) + self._iv + self._key + bytes([self._check, self._security.options])
        header += bytes([len(padding) << 4 | self._security.number, 0, self._command]) + port
        header += self._destination.encode_host(_IPV4, _NAME, _IPV6) + padding
        return header + fnv1a(header).to_bytes(4, "big")

    def _seal_header(self, header: bytes) -> bytes:
        auth_id = make_auth_id(self._user_key, self._unix_time(), os.urandom(4))
        nonce = os.urandom(8)

        def seal(key: bytes, nonce_label: bytes, data: bytes) -> bytes:
            cipher = AESGCM(derive(self._user_key, key, auth_id, nonce)[:16])
            return cipher.encrypt(derive(self._user_key, nonce_label, auth_id, nonce)[:12], data, auth_id)

        length = seal(_LENGTH_KEY, _LENGTH_NONCE, len(header).to_bytes(2, "big"))
        return auth_id + length + nonce + seal(_HEADER_KEY, _HEADER_NONCE, header)


class _ResponseHeader:
    """Takes the response header from the stream."""

    def __init__(self, key: bytes, iv: bytes, check: int) -> None:
        self._key, self._iv, self._check = key, iv, check
        self._buffer = bytearray()
        self._length: int | None = None
        self.is_complete = False

    def take(self, received: bytes) -> bytes:
        """Returns what follows the header."""
        if self.is_complete:
            return received
        self._buffer += received
        if self._length is None:
            opened = self._open(2, _REPLY_LENGTH_KEY, _REPLY_LENGTH_NONCE)
            if opened is None:
                return b""
            self._length = int.from_bytes(opened, "big")
        header = self._open(self._length, _REPLY_KEY, _REPLY_NONCE)
        if header is None:
            return b""
        if not header or header[0] != self._check:
            raise StreamLayerError(NAME, "not-authentic", "the response belongs to another request")
        self.is_complete = True
        rest, self._buffer = bytes(self._buffer), bytearray()
        return rest

    def _open(self, size: int, key: bytes, nonce: bytes) -> bytes | None:
        if len(self._buffer) < size + _TAG:
            return None
        sealed = bytes(self._buffer[: size + _TAG])
        del self._buffer[: size + _TAG]
        try:
            cipher = AESGCM(derive(self._key, key)[:16])
            return cipher.decrypt(derive(self._iv, nonce)[:12], sealed, None)
        except InvalidTag:
            reason = "the answer does not decrypt with the keys of this request"
            raise StreamLayerError(NAME, "not-authentic", reason) from None


class _Chunks:
    """What both directions share: the mask of the lengths, and the nonces."""

    def __init__(self, security: Security, key: bytes, iv: bytes) -> None:
        self._security, self._iv, self._counter = security, iv, 0
        self._mask = _Mask(iv) if security.options & _MASKED else None
        self._cipher: AESGCM | ChaCha20Poly1305 | None = None
        if security.number == _AES:
            self._cipher = AESGCM(key)
        elif security.number == _CHACHA:
            half = hashlib.md5(key, usedforsecurity=False).digest()
            self._cipher = ChaCha20Poly1305(half + hashlib.md5(half, usedforsecurity=False).digest())

    def _nonce(self) -> bytes:
        nonce = (self._counter & 0xFFFF).to_bytes(2, "big") + self._iv[2:12]
        self._counter += 1
        return nonce

    def _masked(self, length: int) -> int:
        return length ^ self._mask.next() if self._mask else length


class _ChunkSealer(_Chunks):
    def seal(self, data: bytes) -> bytes:
        if not self._security.is_chunked:
            return data
        sealed = b""
        for start in range(0, len(data), _LARGEST_CHUNK):
            chunk = data[start : start + _LARGEST_CHUNK]
            if self._cipher:
                chunk = self._cipher.encrypt(self._nonce(), chunk, None)
            sealed += self._masked(len(chunk)).to_bytes(2, "big") + chunk
        return sealed


class _ChunkOpener(_Chunks):
    def __init__(self, security: Security, key: bytes, iv: bytes) -> None:
        super().__init__(security, key, iv)
        self._buffer = bytearray()
        self._length: int | None = None

    def receive(self, received: bytes) -> bytes:
        if not self._security.is_chunked:
            return received
        self._buffer += received
        data = bytearray()
        while (chunk := self._next_chunk()) is not None:
            data += chunk
        return bytes(data)

    def _next_chunk(self) -> bytes | None:
        if self._length is None:
            if len(self._buffer) < 2:
                return None
            self._length = self._masked(int.from_bytes(self._buffer[:2], "big"))
            del self._buffer[:2]
        if len(self._buffer) < self._length:
            return None
        chunk = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length = None
        if self._cipher is None:
            return chunk
        try:
            return self._cipher.decrypt(self._nonce(), chunk, None)
        except (InvalidTag, ValueError):
            raise StreamLayerError(NAME, "not-authentic", "a chunk of the answer was changed") from None


class _Mask:
    """The stream of 16-bit masks: SHAKE128 of the IV."""

    _STEP = 4096

    def __init__(self, iv: bytes) -> None:
        self._shake = hashlib.shake_128(iv)
        self._stream, self._at = b"", 0

    def next(self) -> int:
        if self._at + 2 > len(self._stream):
            self._stream = self._shake.digest(len(self._stream) + self._STEP)
        mask = int.from_bytes(self._stream[self._at : self._at + 2], "big")
        self._at += 2
        return mask


def _half_hash(data: bytes) -> bytes:
    """Key and IV of the response, made of those of the request."""
    return hashlib.sha256(data).digest()[:16]
