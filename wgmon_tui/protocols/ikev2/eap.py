"""EAP inside IKE_AUTH: the identity, and EAP-MSCHAPv2 (RFC 3748, draft-kamath-pppext-eap-mschapv2-02).

Bytes in, bytes out: a message of the server gives the answer, or why there is none.
"""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wgmon_tui.protocols.ikev2.mschapv2 import CHALLENGE_SIZE, PasswordProof, prove_password

if TYPE_CHECKING:
    from wgmon_tui.protocols.ikev2.credentials import EapPassword

_REQUEST, _RESPONSE, _SUCCESS, _FAILURE = 1, 2, 3, 4
_IDENTITY, _NOTIFICATION, _NAK, MSCHAPV2 = 1, 2, 3, 26
_CHALLENGE_OP, _RESPONSE_OP, _SUCCESS_OP, _FAILURE_OP = 1, 2, 3, 4
_HEAD = struct.Struct("!BBH")
_ERROR_CODE = re.compile(rb"E=([0-9]{1,6})")

METHOD_NAMES = {
    4: "EAP-MD5",
    6: "EAP-GTC",
    13: "EAP-TLS",
    21: "EAP-TTLS",
    25: "PEAP",
    18: "EAP-SIM",
    23: "EAP-AKA",
}


class EapRefusedError(Exception):
    """The server ended EAP. `code` is the error of MSCHAPv2 (RFC 2759 §6), None without one."""

    def __init__(self, code: int | None, offered: int | None) -> None:
        super().__init__("the server ended EAP")
        self.code = code
        self.offered = offered
        """A method that the server offered and this client does not have."""


class EapUntrustedError(Exception):
    """The server did not prove that it knows the password, or its message makes no sense."""


@dataclass(slots=True)
class EapPeer:
    """The client of one EAP conversation. `session_key` is empty until the server has proved the password."""

    credentials: EapPassword
    random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    session_key: bytes = field(default=b"", repr=False)
    is_done: bool = False
    _proof: PasswordProof | None = field(default=None, repr=False)
    _code: int | None = None
    _offered: int | None = None

    def receive(self, message: bytes) -> bytes | None:
        """Answer a message; None after the success that ends EAP.

        Raises EapRefusedError and EapUntrustedError.
        """
        if len(message) < _HEAD.size:
            raise EapUntrustedError
        code, identifier, size = _HEAD.unpack_from(message)
        if size > len(message):
            raise EapUntrustedError
        if code == _FAILURE:
            raise EapRefusedError(self._code, self._offered)
        if code == _SUCCESS:
            if not self.session_key:  # success without the server's own proof
                raise EapUntrustedError
            self.is_done = True
            return None
        if code != _REQUEST or size < _HEAD.size + 1:
            raise EapUntrustedError
        return self._answer(identifier, message[_HEAD.size], message[_HEAD.size + 1 : size])

    def _answer(self, identifier: int, method: int, data: bytes) -> bytes:
        if method == _IDENTITY:
            return _response(identifier, _IDENTITY, self.credentials.user.encode())
        if method == _NOTIFICATION:
            return _response(identifier, _NOTIFICATION, b"")
        if method != MSCHAPV2:
            self._offered = method
            return _response(identifier, _NAK, bytes((MSCHAPV2,)))
        if not data:
            raise EapUntrustedError
        if data[0] == _CHALLENGE_OP:
            return self._answer_challenge(identifier, data)
        if data[0] == _SUCCESS_OP:
            if self._proof is None or not self._proof.accepts(data[4:]):
                raise EapUntrustedError
            self.session_key = self._proof.session_key
            return _response(identifier, MSCHAPV2, bytes((_SUCCESS_OP,)))
        if data[0] == _FAILURE_OP:
            found = _ERROR_CODE.search(data[4:])
            self._code = int(found[1]) if found else 0
            return _response(identifier, MSCHAPV2, bytes((_FAILURE_OP,)))
        raise EapUntrustedError

    def _answer_challenge(self, identifier: int, data: bytes) -> bytes:
        start = 5  # op, ID, length, and the size of the challenge
        if len(data) < start + CHALLENGE_SIZE or data[start - 1] != CHALLENGE_SIZE:
            raise EapUntrustedError
        server_challenge = data[start : start + CHALLENGE_SIZE]
        own_challenge = self.random(CHALLENGE_SIZE)
        self._proof = prove_password(
            self.credentials.user, self.credentials.password, server_challenge, own_challenge
        )
        value = own_challenge + bytes(8) + self._proof.response + b"\x00"
        name = self.credentials.user.encode()
        size = 5 + len(value) + len(name)
        head = struct.pack("!BBHB", _RESPONSE_OP, data[1], size, len(value))
        return _response(identifier, MSCHAPV2, head + value + name)


def _response(identifier: int, method: int, data: bytes) -> bytes:
    return _HEAD.pack(_RESPONSE, identifier, _HEAD.size + 1 + len(data)) + bytes((method,)) + data
