"""An embedded Shadowsocks server with chacha20-ietf-poly1305 (shadowsocks.org/doc/aead.html).

Like shadowsocks-libev, it says nothing to who has another password, and reads on.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wgmon_tui.lab.proxies.relay import LabProxyServer, parse_place
from wgmon_tui.net.addresses import Endpoint

METHOD = "chacha20-ietf-poly1305"
_KEY_BYTES = _SALT_BYTES = 32
_TAG_BYTES, _LENGTH_BYTES = 16, 2
_LARGEST_CHUNK = 0x3FFF


class LabShadowsocksServer(LabProxyServer):
    """A Shadowsocks server."""

    def __init__(self, page: Endpoint, password: str, *, latency: float = 0.0) -> None:
        super().__init__(page, latency=latency)
        self._key = _derive_key(password)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Decrypt chunks, connect to the address in the first one, and encrypt what comes back."""
        opener = _RequestChunks(self._key, await reader.readexactly(_SALT_BYTES))
        try:
            first = await opener.read(reader)
        except InvalidTag:
            while await reader.read(_LARGEST_CHUNK):
                pass
            return
        place, length = parse_place(first)
        far_reader, far_writer = await self.connect(place)
        far_writer.write(first[length:])
        salt = os.urandom(_SALT_BYTES)
        writer.write(salt)
        sealer = _RequestChunks(self._key, salt)
        forward = asyncio.create_task(_forward(opener, reader, far_writer))
        try:
            while data := await far_reader.read(_LARGEST_CHUNK):
                writer.write(sealer.seal(data))
        finally:
            forward.cancel()
            far_writer.close()


async def _forward(
    opener: _RequestChunks, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, InvalidTag):
        while True:
            writer.write(await opener.read(reader))


class _RequestChunks:
    """The chunks of one direction. The nonce counts the uses of the key."""

    def __init__(self, key: bytes, salt: bytes) -> None:
        derived = HKDF(SHA1(), _KEY_BYTES, salt, b"ss-subkey").derive(key)  # noqa: S303
        self._cipher = ChaCha20Poly1305(derived)
        self._used = 0

    @property
    def _nonce(self) -> bytes:
        self._used += 1
        return (self._used - 1).to_bytes(12, "little")

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next chunk. Raises InvalidTag and IncompleteReadError."""
        sealed = await reader.readexactly(_LENGTH_BYTES + _TAG_BYTES)
        length = int.from_bytes(self._cipher.decrypt(self._nonce, sealed, b""), "big") & _LARGEST_CHUNK
        return self._cipher.decrypt(self._nonce, await reader.readexactly(length + _TAG_BYTES), b"")

    def seal(self, data: bytes) -> bytes:
        """A chunk with its length."""
        length = self._cipher.encrypt(self._nonce, len(data).to_bytes(_LENGTH_BYTES, "big"), b"")
        return length + self._cipher.encrypt(self._nonce, data, b"")


def _derive_key(password: str) -> bytes:
    """EVP_BytesToKey of OpenSSL with MD5, as Shadowsocks uses it."""
    key = block = b""
    while len(key) < _KEY_BYTES:
        block = hashlib.md5(block + password.encode(), usedforsecurity=False).digest()
        key += block
    return key[:_KEY_BYTES]
