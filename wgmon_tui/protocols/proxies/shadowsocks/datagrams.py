"""Datagrams of Shadowsocks over UDP. Sans-I/O.

    AEAD          salt, sealed address and data
    2022 AES      encrypted session and packet number, sealed body
    2022 ChaCha   nonce, sealed session and packet number and body

Sources: shadowsocks.org/doc/aead.html, shadowsocks.org/doc/sip022.html §3.2.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from nacl import bindings
from nacl.exceptions import CryptoError

from wgmon_tui.protocols.proxies.destinations import Destination, skip_socks_address
from wgmon_tui.protocols.proxies.dialects import Relay
from wgmon_tui.protocols.proxies.shadowsocks.methods import TAG, Method
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError

_NONCE = bytes(12)
_XNONCE = 24
_SEPARATE = 16
_CLIENT, _SERVER = 0, 1


def make_datagrams(
    method: Method, password: str, destination: Destination, unix_time: Callable[[], float]
) -> Relay:
    """A relay of datagrams to one destination."""
    if method.is_2022:
        session = _Session2022(method, password, destination, unix_time)
        return Relay(session.pack, session.unpack)
    aead = _AeadDatagrams(method, password, destination)
    return Relay(aead.pack, aead.unpack)


class _AeadDatagrams:
    def __init__(self, method: Method, password: str, destination: Destination) -> None:
        self._method, self._key, self._address = method, method.keys(password)[0], destination.to_socks()

    def pack(self, data: bytes) -> bytes:
        salt = os.urandom(self._method.key_length)
        aead = self._method.aead(self._method.session_key(self._key, salt))
        return salt + aead.encrypt(_NONCE, self._address + data, None)

    def unpack(self, datagram: bytes) -> bytes:
        salt, sealed = datagram[: self._method.key_length], datagram[self._method.key_length :]
        if len(sealed) < TAG:
            raise _malformed()
        aead = self._method.aead(self._method.session_key(self._key, salt))
        try:
            return _without_address(aead.decrypt(_NONCE, sealed, None))
        except InvalidTag:
            raise _not_authentic() from None


class _Session2022:
    """One session of 2022; the packet number counts."""

    def __init__(
        self, method: Method, password: str, destination: Destination, unix_time: Callable[[], float]
    ) -> None:
        self._method, self._keys, self._unix_time = method, method.keys(password), unix_time
        self._address, self._session, self._number = destination.to_socks(), os.urandom(8), 0

    def pack(self, data: bytes) -> bytes:
        header = self._session + self._number.to_bytes(8, "big")
        self._number += 1
        timestamp = max(0, int(self._unix_time())).to_bytes(8, "big")
        body = bytes([_CLIENT]) + timestamp + bytes(2) + self._address + data
        if self._method.is_chacha:
            nonce = os.urandom(_XNONCE)
            seal = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
            return nonce + bytes(seal(header + body, None, nonce, self._keys[-1]))
        aead = self._method.aead(self._method.session_key(self._keys[-1], self._session))
        sealed = aead.encrypt(header[4:16], body, None)
        return _block(self._keys[0], header) + self._identities(header) + sealed

    def unpack(self, datagram: bytes) -> bytes:
        body = self._open(datagram)
        if len(body) < 19 or body[0] != _SERVER:
            raise _malformed()
        if body[9:17] != self._session:
            raise StreamLayerError("shadowsocks", "not-authentic", "the answer belongs to another session")
        return _without_address(body[19 + int.from_bytes(body[17:19], "big") :])

    def _open(self, datagram: bytes) -> bytes:
        try:
            if self._method.is_chacha:
                open_sealed = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
                nonce, sealed = datagram[:_XNONCE], datagram[_XNONCE:]
                if len(sealed) < TAG + _SEPARATE:
                    raise _malformed()
                return bytes(open_sealed(sealed, None, nonce, self._keys[-1]))[_SEPARATE:]
            if len(datagram) < _SEPARATE + TAG:
                raise _malformed()
            header = _block(self._keys[-1], datagram[:_SEPARATE], is_opening=True)
            aead = self._method.aead(self._method.session_key(self._keys[-1], header[:8]))
            return aead.decrypt(header[4:16], datagram[_SEPARATE:], None)
        except (InvalidTag, CryptoError):
            raise _not_authentic() from None

    def _identities(self, header: bytes) -> bytes:
        """A block for each key before the last one (SIP022 §3.2.5)."""
        blocks = b""
        for key, following in zip(self._keys, self._keys[1:], strict=False):
            digest = blake3.blake3(following).digest(_SEPARATE)
            plain = bytes(one ^ other for one, other in zip(digest, header, strict=True))
            blocks += _block(key, plain)
        return blocks


def _block(key: bytes, data: bytes, *, is_opening: bool = False) -> bytes:
    """One block of AES."""
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
    return bytes((cipher.decryptor() if is_opening else cipher.encryptor()).update(data))


def _without_address(data: bytes) -> bytes:
    length = skip_socks_address(data)
    if length is None:
        raise _malformed()
    return data[length:]


def _malformed() -> StreamLayerError:
    return StreamLayerError("shadowsocks", "malformed", "the datagram is not one of Shadowsocks")


def _not_authentic() -> StreamLayerError:
    return StreamLayerError(
        "shadowsocks", "not-authentic", "the datagram does not decrypt with this password"
    )
