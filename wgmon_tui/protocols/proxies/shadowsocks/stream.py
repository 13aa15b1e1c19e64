"""Streams of Shadowsocks over TCP. Sans-I/O.

    AEAD   salt ─► chunks of a sealed length and sealed data
    2022   salt ─► [identity headers] ─► sealed fixed header ─► sealed variable header ─► chunks

Sources: shadowsocks.org/doc/aead.html, shadowsocks.org/doc/sip022.html §3.1.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.shadowsocks.methods import TAG, Aead, Method
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

NAME = "shadowsocks"
CLOCK_WINDOW_S = 30
"""A 2022 server refuses a timestamp that is farther away from its clock (SIP022 §3.1.3)."""

_LARGEST_CHUNK = 0x3FFF
_REQUEST, _RESPONSE = 0, 1
_TIME = 8
_MOST_PADDING = 900


class ShadowsocksStream:
    """One connection. `is_proven`: a chunk of the server opened with the key of the link."""

    name = NAME
    is_open = False
    is_proven = False
    may_be_direct = False

    def __init__(
        self,
        method: Method,
        password: str,
        destination: Destination,
        *,
        unix_time: Callable[[], float],
    ) -> None:
        """Raises InvalidPasswordError. `unix_time` is the clock of 2022's timestamps."""
        self._method, self._destination = method, destination
        self._unix_time = unix_time
        self._keys = method.keys(password)
        self._salt = os.urandom(method.key_length)
        self._sealer: _Sealer | None = None
        self._opener = _Opener(method, self._keys[-1], self._salt)

    @property
    def server_time(self) -> int | None:
        """The server's clock in Unix seconds, which a response of 2022 carries."""
        return self._opener.server_time

    def open(self) -> bytes:
        """There is no handshake: the header goes with the first data."""
        self.is_open = True
        return b""

    def wrap(self, data: bytes) -> bytes:
        """Seal data in chunks; the first ones carry the header."""
        if self._sealer is not None:
            return self._sealer.seal_chunks(data)
        key = self._method.session_key(self._keys[-1], self._salt)
        self._sealer = _Sealer(self._method.aead(key))
        address = self._destination.to_socks()
        if not self._method.is_2022:
            return self._salt + self._sealer.seal_chunks(address + data)
        return self._salt + self._identities() + self._header_2022(self._sealer, address, data)

    def unwrap(self, received: bytes) -> LayerOutput:
        """Open chunks."""
        data = self._opener.receive(received)
        self.is_proven |= self._opener.is_proven
        return LayerOutput(data)

    def _header_2022(self, sealer: _Sealer, address: bytes, data: bytes) -> bytes:
        padding = os.urandom(1 + os.urandom(1)[0] * _MOST_PADDING // 256)
        first, rest = data[:_LARGEST_CHUNK], data[_LARGEST_CHUNK:]
        variable = address + len(padding).to_bytes(2, "big") + padding + first
        timestamp = max(0, int(self._unix_time())).to_bytes(_TIME, "big")
        fixed = bytes([_REQUEST]) + timestamp + len(variable).to_bytes(2, "big")
        return sealer.seal(fixed) + sealer.seal(variable) + sealer.seal_chunks(rest)

    def _identities(self) -> bytes:
        """A header for each key before the last one (SIP022 §3.1.5)."""
        headers = b""
        for key, following in zip(self._keys, self._keys[1:], strict=False):
            block = blake3.blake3(following).digest(16)
            cipher = Cipher(algorithms.AES(self._method.identity_key(key, self._salt)), modes.ECB())  # noqa: S305
            headers += cipher.encryptor().update(block)
        return headers


class _Sealer:
    """Seals one direction; the nonce counts (little-endian)."""

    def __init__(self, aead: Aead) -> None:
        self._aead, self._counter = aead, 0

    def seal(self, data: bytes) -> bytes:
        nonce = self._counter.to_bytes(12, "little")
        self._counter += 1
        return self._aead.encrypt(nonce, data, None)

    def seal_chunks(self, data: bytes) -> bytes:
        sealed = b""
        for start in range(0, len(data), _LARGEST_CHUNK):
            chunk = data[start : start + _LARGEST_CHUNK]
            sealed += self.seal(len(chunk).to_bytes(2, "big")) + self.seal(chunk)
        return sealed


class _Opener:
    """Opens the direction from the server."""

    def __init__(self, method: Method, key: bytes, request_salt: bytes) -> None:
        self._method, self._key, self._request_salt = method, key, request_salt
        self._buffer = bytearray()
        self._aead: Aead | None = None
        self._counter = 0
        self._needs_header = method.is_2022
        self._length: int | None = None
        self.is_proven = False
        self.server_time: int | None = None

    def receive(self, received: bytes) -> bytes:
        self._buffer += received
        data = bytearray()
        if self._aead is None and not self._take_salt():
            return b""
        while (chunk := self._next_chunk()) is not None:
            data += chunk
        return bytes(data)

    def _take_salt(self) -> bool:
        length = self._method.key_length
        if len(self._buffer) < length:
            return False
        salt = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._aead = self._method.aead(self._method.session_key(self._key, salt))
        return True

    def _next_chunk(self) -> bytes | None:
        if self._length is None:
            size = 1 + _TIME + self._method.key_length + 2 if self._needs_header else 2
            opened = self._open(size)
            if opened is None:
                return None
            self._length = self._read_header(opened) if self._needs_header else int.from_bytes(opened, "big")
            self._needs_header = False
        opened = self._open(self._length)
        if opened is not None:
            self._length = None
        return opened

    def _read_header(self, header: bytes) -> int:
        """The fixed header of a response; returns the length of the first chunk."""
        if header[0] != _RESPONSE:
            raise StreamLayerError(NAME, "malformed", "the header of the response has a wrong type")
        if header[1 + _TIME : -2] != self._request_salt:
            raise StreamLayerError(NAME, "not-authentic", "the response belongs to another request")
        self.server_time = int.from_bytes(header[1 : 1 + _TIME], "big")
        return int.from_bytes(header[-2:], "big")

    def _open(self, size: int) -> bytes | None:
        """Open the next sealed bytes; None if they have not arrived."""
        if self._aead is None or len(self._buffer) < size + TAG:
            return None
        sealed = bytes(self._buffer[: size + TAG])
        del self._buffer[: size + TAG]
        try:
            opened = self._aead.decrypt(self._counter.to_bytes(12, "little"), sealed, None)
        except InvalidTag:
            reason = "the answer does not decrypt with this password and method"
            raise StreamLayerError(NAME, "not-authentic", reason) from None
        self._counter += 1
        self.is_proven = True
        return opened
