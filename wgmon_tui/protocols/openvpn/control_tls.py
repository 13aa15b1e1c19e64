"""TLS inside of the control channel: bytes of the server in, bytes for it and plaintext out. No socket."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress

from wgmon_tui.net.tls_chain import find_chain
from wgmon_tui.protocols.openvpn.control_messages import LONGEST_MESSAGE
from wgmon_tui.protocols.openvpn.events import TlsFailed
from wgmon_tui.protocols.openvpn.tls_exporter import TlsSecrets, find_server_random

_SERVER_HELLO_KEPT = 64
_HANDSHAKE_RECORD = 22
"""The content type of a record of the handshake (RFC 8446 §5.1); an alert is 21."""


class ControlTls:
    """One connection as its client. What it has to say, an alert too, waits for `take_output`.

    `change_hello` replaces the ClientHello: only the first answer of the server means something then.
    """

    def __init__(self, context: ssl.SSLContext, change_hello: Callable[[bytes], bytes] | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = context.wrap_bio(self._incoming, self._outgoing, server_side=False)
        self._first_bytes = b""
        self._change_hello = change_hello
        self.is_established = False

    @property
    def has_begun(self) -> bool:
        """Whether the server answered the first message with more than an alert."""
        return self._first_bytes[:1] == bytes([_HANDSHAKE_RECORD])

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates of the server in DER, beginning with its own; empty before they came."""
        return find_chain(self._connection)

    @property
    def version(self) -> str:
        """The negotiated version, such as "TLSv1.3"."""
        return self._connection.version() or ""

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite, as OpenSSL names it."""
        return (self._connection.cipher() or ("",))[0]

    def receive(self, stream: bytes) -> None:
        """Take bytes of the server."""
        if len(self._first_bytes) < _SERVER_HELLO_KEPT:
            self._first_bytes += stream[:_SERVER_HELLO_KEPT]
        self._incoming.write(stream)

    def shake_hands(self) -> bool:
        """Go on with the handshake, and return whether it is complete. Raises ssl.SSLError."""
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            if self._change_hello is not None:
                self._outgoing.write(self._change_hello(self._outgoing.read()))
                self._change_hello = None
            return False
        self.is_established = True
        return True

    def read(self) -> bytes:
        """The next plaintext; empty if none is there yet. Raises ssl.SSLError, also at the end of TLS."""
        try:
            data = self._connection.read(LONGEST_MESSAGE)
        except ssl.SSLWantReadError:
            return b""
        if not data:
            raise ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "the server closed TLS")
        return data

    def write(self, plaintext: bytes) -> None:
        """Encrypt a message. Raises ssl.SSLError."""
        self._connection.write(plaintext)

    def close(self) -> None:
        """Say close_notify, so that the server forgets the session at once."""
        with suppress(ssl.SSLError):  # the server's own close_notify has not come
            self._connection.unwrap()

    def take_output(self, most: int) -> bytes:
        """Up to this many bytes for the server; empty if there are none."""
        return self._outgoing.read(most)

    def export(self, key_log: str, label: bytes, length: int) -> bytes | None:
        """Key material under a label (RFC 5705); None if the key log of the context has no secret for it."""
        return TlsSecrets.parse(key_log).export(
            label,
            length,
            server_random=find_server_random(self._first_bytes),
            digest="sha384" if self.cipher.endswith("SHA384") else "sha256",
        )


def describe_failure(error: ssl.SSLError, now: float) -> TlsFailed:
    """The event of an error that ends TLS."""
    reason = (error.reason or type(error).__name__.removesuffix("Error")).lower()
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFailed(now, reason, False, error.verify_code, error.verify_message)
    is_from_server = "_alert_" in reason or isinstance(error, ssl.SSLZeroReturnError)
    return TlsFailed(now, reason, is_from_server)
