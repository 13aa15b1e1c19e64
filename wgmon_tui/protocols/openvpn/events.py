"""What happens in an OpenVPN session. `at` is in seconds of the clock of the client."""

from __future__ import annotations

from dataclasses import dataclass, field

from wgmon_tui.protocols.openvpn.control_messages import AuthFailure, MessageKind, PushReply

NOT_OPENVPN = "not a packet of OpenVPN"
UNAUTHENTIC = "authentication failed under the key of the profile"
OTHER_SESSION = "of another session"
OTHER_KEY = "of another key: the server renegotiates, and a check does not"
MALFORMED = "malformed"
MALFORMED_KEYS = "malformed_key_exchange"
"""The reason of a TlsFailed: TLS carries something else than the keys of OpenVPN."""


@dataclass(frozen=True, slots=True)
class ResetAnswered:
    """The server answered the first packet, under the right key if there is one.

    `server_time` is Unix time in seconds by the clock of the server; None without a wrapping.
    """

    at: float
    server_time: int | None = None


@dataclass(frozen=True, slots=True)
class TlsEstablished:
    """TLS completed on this side. `chain` are the certificates in DER, beginning with that of the server."""

    at: float
    version: str
    cipher: str
    chain: tuple[bytes, ...] = field(repr=False)

    @property
    def certificate(self) -> bytes:
        """The certificate of the server in DER; empty without a chain."""
        return self.chain[0] if self.chain else b""


@dataclass(frozen=True, slots=True)
class TlsFailed:
    """TLS ended. `reason` is OpenSSL's word for it, in lower case, and `is_from_server` tells who gave it up.

    `verify_code` and `verify_text` say what is wrong with the server's certificate, where that is the reason.
    """

    at: float
    reason: str
    is_from_server: bool
    verify_code: int = 0
    verify_text: str = ""


@dataclass(frozen=True, slots=True)
class KeysExchanged:
    """The server sent its part of the keys. `options` describe its configuration."""

    at: float
    options: str


@dataclass(frozen=True, slots=True)
class AuthFailed:
    """The server refused the certificate, the user or the password."""

    at: float
    failure: AuthFailure


@dataclass(frozen=True, slots=True)
class AuthPending:
    """The server waits for a second factor."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class OptionsPushed:
    """The server accepted this client, and sent the options of the tunnel. `asked_at` is the last request."""

    at: float
    reply: PushReply
    asked_at: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The server ended the session: RESTART, HALT or EXIT."""

    at: float
    kind: MessageKind
    text: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A packet that is not part of the session. `reason` is one phrase."""

    at: float
    reason: str
    length: int


@dataclass(frozen=True, slots=True)
class DataArrived:
    """A packet of the data channel, not yet authenticated."""

    at: float
    packet: bytes = field(repr=False)


Event = (
    ResetAnswered
    | TlsEstablished
    | TlsFailed
    | KeysExchanged
    | AuthFailed
    | AuthPending
    | OptionsPushed
    | SessionEnded
    | Rejected
    | DataArrived
)
