"""REALITY as a layer of a stream: TLS 1.3 as a client (RFC 8446), with a proof of the server. Sans-I/O.

    ClientHello ──► ServerHello ──► EncryptedExtensions, Certificate, CertificateVerify, Finished
                ◄── Finished    ──► data

The certificate of a server that accepts the session id is signed with the key of the hello. To everybody else
the server passes on the site that it imitates, with the certificate of that site.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wgmon_tui.protocols.proxies.links.records import RealityOptions
from wgmon_tui.protocols.proxies.reality.client_hello import make_hello
from wgmon_tui.protocols.proxies.reality.key_schedule import (
    APPLICATION_DATA,
    SUITES,
    CipherSuite,
    RecordProtection,
    derive_secret,
    extract,
    finished_of,
)
from wgmon_tui.protocols.proxies.reality.words import REALITY
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_SERVER_HELLO, _CERTIFICATE, _CERTIFICATE_VERIFY, _FINISHED = 2, 11, 15, 20
_KEY_SHARE = 51
_HEADER = 5
_LARGEST_RECORD = 2**14 + 256
_LARGEST_HANDSHAKE = 2**17
_CHUNK = 2**14
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446 §4.1.3)."""

_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""What stands before the public key in a certificate with Ed25519 (RFC 8410 §4). The signature is its end.

The certificates of REALITY have the serial number 0, which parsers of X.509 may refuse.
"""

_KEY_LENGTH, _SIGNATURE_LENGTH = 32, 64
_VERIFY_CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
_IMITATED = "the server shows the site that it imitates: it does not accept this client"


class RealityLayer:
    """REALITY as a client. The server proves itself here, but not that it knows the user."""

    name = REALITY
    is_open = False
    is_proven = False
    may_be_direct = False
    _is_verified = False

    def __init__(
        self,
        options: RealityOptions,
        server_name: str,
        unix_time: Callable[[], float],
    ) -> None:
        """Raises ValueError for a public key that is none."""
        self._hello = make_hello(options, server_name, unix_time(), os.urandom(32))
        self._transcript = bytearray(self._hello.message)
        self._records, self._messages = bytearray(), bytearray()
        self._suite: CipherSuite | None = None
        self._handshake_secret = self._client_secret = self._server_secret = b""
        self._sealer: RecordProtection | None = None
        self._opener: RecordProtection | None = None
        self._server_key: Ed25519PublicKey | None = None
        self._reply = b""
        self.certificate: bytes | None = None
        """The certificate that came, in DER: that of the imitated site if the server refuses this client."""

    def open(self) -> bytes:
        """The ClientHello."""
        message = self._hello.message
        return bytes([_HANDSHAKE]) + b"\x03\x01" + len(message).to_bytes(2, "big") + message

    def wrap(self, data: bytes) -> bytes:
        """Records of data."""
        if self._sealer is None:
            raise StreamLayerError(REALITY, "malformed", "the handshake is not over")
        chunks = range(0, len(data), _CHUNK)
        return b"".join(self._sealer.seal(APPLICATION_DATA, data[start : start + _CHUNK]) for start in chunks)

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take records."""
        self._records += received
        data, is_over = bytearray(), False
        for kind, content in self._whole_records():
            if kind == _ALERT:
                self._take_alert(content)
                is_over = True
            elif kind == APPLICATION_DATA and self.is_open:
                data += content
            elif kind == _HANDSHAKE:
                self._messages += content
                if len(self._messages) > _LARGEST_HANDSHAKE:
                    raise _malformed("a message of the handshake is too long")
                self._take_messages()
        reply, self._reply = self._reply, b""
        return LayerOutput(bytes(data), reply, is_over)

    def _whole_records(self) -> Iterator[tuple[int, bytes]]:
        while len(self._records) >= _HEADER:
            header = bytes(self._records[:_HEADER])
            size = int.from_bytes(header[3:], "big")
            if not 20 <= header[0] <= APPLICATION_DATA or header[1] != 3 or size > _LARGEST_RECORD:
                raise _malformed("the answer is not TLS")
            if len(self._records) < _HEADER + size:
                return
            content = bytes(self._records[_HEADER : _HEADER + size])
            del self._records[: _HEADER + size]
            if header[0] == _CHANGE_CIPHER_SPEC:
                continue
            if self._opener is None:
                yield header[0], content
                continue
            opened = self._opener.open(header, content) if header[0] == APPLICATION_DATA else None
            if opened is None:
                raise StreamLayerError(REALITY, "not-authentic", "a record of the answer does not decrypt")
            yield opened

    def _take_alert(self, content: bytes) -> None:
        """Raise StreamLayerError for all but the end of the connection."""
        if content[1:2] == b"\0":  # close_notify
            return
        number = content[1] if len(content) > 1 else 0
        raise StreamLayerError(REALITY, "alert", f"the server sends the TLS alert {number}")

    def _take_messages(self) -> None:
        while len(self._messages) >= 4:
            size = 4 + int.from_bytes(self._messages[1:4], "big")
            if len(self._messages) < size:
                return
            message = bytes(self._messages[:size])
            del self._messages[:size]
            if not self.is_open:  # later ones are tickets
                self._take_message(message)

    def _take_message(self, message: bytes) -> None:
        kind, body = message[0], message[4:]
        before = bytes(self._transcript)
        self._transcript += message
        if self._suite is None:
            if kind != _SERVER_HELLO:
                raise _malformed("the answer does not begin with a ServerHello")
            self._take_server_hello(body)
        elif kind == _CERTIFICATE:
            self._take_certificate(body)
        elif kind == _CERTIFICATE_VERIFY:
            self._verify(body, self._suite.digest(before))
        elif kind == _FINISHED:
            self._finish(self._suite, body, before)

    def _take_server_hello(self, body: bytes) -> None:
        random, rest = body[2:34], body[35 + (body[34] if len(body) > 34 else 0) :]
        suite = SUITES.get(int.from_bytes(rest[:2], "big"))
        share = _find_share(rest[5:])
        if random == _RETRY or suite is None or share is None:
            raise _malformed("the server offers no TLS 1.3 with X25519")
        try:
            shared = self._hello.shares.agree(*share)
        except ValueError:
            raise _malformed("the key share of the server is none") from None
        zeros = bytes(suite.hash_length)
        early = extract(suite, zeros, zeros)
        self._handshake_secret = extract(suite, derive_secret(suite, early, "derived", b""), shared)
        transcript = bytes(self._transcript)
        self._client_secret = derive_secret(suite, self._handshake_secret, "c hs traffic", transcript)
        self._server_secret = derive_secret(suite, self._handshake_secret, "s hs traffic", transcript)
        self._opener = RecordProtection(suite, self._server_secret)
        self._suite = suite

    def _take_certificate(self, body: bytes) -> None:
        """The first certificate: it must be signed with the key of the hello."""
        at = 1 + (body[0] if body else 0) + 3
        size = int.from_bytes(body[at : at + 3], "big")
        self.certificate = certificate = body[at + 3 : at + 3 + size]
        key = certificate.partition(_ED25519)[2][:_KEY_LENGTH]
        signature = certificate[-_SIGNATURE_LENGTH:]
        if not hmac.compare_digest(hmac.digest(self._hello.auth_key, key, "sha512"), signature):
            raise StreamLayerError(REALITY, "refused", _IMITATED)
        self._server_key = Ed25519PublicKey.from_public_bytes(key)

    def _verify(self, body: bytes, transcript_hash: bytes) -> None:
        if self._server_key is None:
            raise _malformed("the server sends no certificate")
        try:
            self._server_key.verify(body[4:], _VERIFY_CONTEXT + transcript_hash)
        except InvalidSignature:
            raise StreamLayerError(REALITY, "not-authentic", "the server's signature is wrong") from None
        self._is_verified = True

    def _finish(self, suite: CipherSuite, body: bytes, before: bytes) -> None:
        """Check the server's Finished, and answer with that of this side."""
        if not self._is_verified or not hmac.compare_digest(
            finished_of(suite, self._server_secret, before), body
        ):
            raise StreamLayerError(REALITY, "not-authentic", "the end of the handshake is not authentic")
        transcript = bytes(self._transcript)
        derived = derive_secret(suite, self._handshake_secret, "derived", b"")
        master = extract(suite, derived, bytes(suite.hash_length))
        content = finished_of(suite, self._client_secret, transcript)
        message = bytes([_FINISHED]) + len(content).to_bytes(3, "big") + content
        change = bytes([_CHANGE_CIPHER_SPEC]) + b"\x03\x03\x00\x01\x01"
        self._reply += change + RecordProtection(suite, self._client_secret).seal(_HANDSHAKE, message)
        self._sealer = RecordProtection(suite, derive_secret(suite, master, "c ap traffic", transcript))
        self._opener = RecordProtection(suite, derive_secret(suite, master, "s ap traffic", transcript))
        self.is_open = True


def _find_share(extensions: bytes) -> tuple[int, bytes] | None:
    """The group and the key share of the server (RFC 8446 §4.2.8)."""
    while len(extensions) >= 4:
        kind, size = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        content, extensions = extensions[4 : 4 + size], extensions[4 + size :]
        if kind == _KEY_SHARE:
            return int.from_bytes(content[:2], "big"), content[4:]
    return None


def _malformed(reason: str) -> StreamLayerError:
    return StreamLayerError(REALITY, "malformed", reason)
