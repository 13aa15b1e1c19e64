"""SOCKS5 as the layer to a local program (RFC 1928, RFC 1929 for name and password). Sans-I/O.

With `UDP_ASSOCIATE`, the stream carries no data. Its reply names the port for datagrams, while it is open.
"""

from __future__ import annotations

from collections.abc import Callable

from wgmon_tui.protocols.proxies.destinations import Destination, skip_socks_address
from wgmon_tui.protocols.proxies.stream_layers import LayerOutput, StreamLayerError

NAME = "socks5"
_VERSION, _LOGIN_VERSION = 5, 1
_WITHOUT_LOGIN, _LOGIN = 0, 2
CONNECT, UDP_ASSOCIATE = 1, 3
_REPLY_HEAD = 3
_REPLIES = {
    1: "a failure of the program",
    2: "its rules forbid the connection",
    3: "the network is unreachable",
    4: "the host is unreachable",
    5: "the connection was refused",
    6: "the time ran out",
}


class SocksStream:
    """One connection. `is_proven` once the page answers: the program checks its server, SOCKS does not."""

    name = NAME
    may_be_direct = False

    def __init__(
        self, destination: Destination, user: str = "", password: str = "", command: int = CONNECT
    ) -> None:
        self.bound_port = 0
        """The port of the reply: where the program takes datagrams after UDP_ASSOCIATE."""
        self._command = command
        self.is_open = False
        self.is_proven = False
        self._destination = destination
        self._user, self._password = user.encode(), password.encode()
        self._buffer = b""
        self._step: Callable[[], bytes | None] | None = self._take_method

    def open(self) -> bytes:
        """The greeting: with a login if there is one."""
        method = _LOGIN if self._user else _WITHOUT_LOGIN
        return bytes([_VERSION, 1, method])

    def wrap(self, data: bytes) -> bytes:
        """Data as it is."""
        return data

    def unwrap(self, received: bytes) -> LayerOutput:
        """Take steps of the handshake, then data as it is. Raises StreamLayerError."""
        self._buffer += received
        to_send = b""
        while self._step:
            sent = self._step()
            if sent is None:
                return LayerOutput(b"", to_send)
            to_send += sent
        data, self._buffer = self._buffer, b""
        self.is_open, self.is_proven = True, self.is_proven or bool(data)
        return LayerOutput(data, to_send)

    # Each step returns what to send, or None if it needs more bytes.

    def _take_method(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        version, method = self._take(2)
        if version != _VERSION:
            raise StreamLayerError(NAME, "malformed", "what answers on its port is not SOCKS5")
        if method == _LOGIN and self._user:
            self._step = self._take_login
            login = bytes([_LOGIN_VERSION, len(self._user)]) + self._user
            return login + bytes([len(self._password)]) + self._password
        if method != _WITHOUT_LOGIN:
            reason = "its port wants a login; remove that from its configuration"
            raise StreamLayerError(NAME, "refused", reason)
        self._step = self._take_reply
        return self._request()

    def _take_login(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        if self._take(2)[1] != 0:
            raise StreamLayerError(NAME, "refused", "another program has taken its port")
        self._step = self._take_reply
        return self._request()

    def _request(self) -> bytes:
        return bytes([_VERSION, self._command, 0]) + self._destination.to_socks()

    def _take_reply(self) -> bytes | None:
        if len(self._buffer) > 1 and (code := self._buffer[1]):
            reason = _REPLIES.get(code, f"error {code}")
            raise StreamLayerError(NAME, "refused", f"the program reports: {reason}")
        length = skip_socks_address(self._buffer[_REPLY_HEAD:])
        if length is None:
            return None
        self.bound_port = int.from_bytes(self._take(_REPLY_HEAD + length)[-2:], "big")
        self._step = None
        return b""

    def _take(self, length: int) -> bytes:
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken
