"""The text messages of the control channel after the key exchange (push.c, forward.c).

Each ends with a null byte. The client asks with PUSH_REQUEST. The server answers with its options, or
says why it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

PUSH_REQUEST = b"PUSH_REQUEST\0"
EXIT = b"EXIT\0"
LONGEST_MESSAGE = 64 * 1024
"""A server cuts its options into messages of at most 1,024 bytes; more than this in one is no message."""

_CONTINUES = 2
"""The `push-continuation` of a message that others follow."""


class MessageKind(Enum):
    """The messages of a server."""

    PUSH_REPLY = "PUSH_REPLY"
    AUTH_FAILED = "AUTH_FAILED"
    AUTH_PENDING = "AUTH_PENDING"
    INFO_PRE = "INFO_PRE"
    INFO = "INFO"
    RESTART = "RESTART"
    HALT = "HALT"
    EXIT = "EXIT"
    CR_TEXT = "CR_TEXT"


_NO_SHARED_CIPHER = "cipher negotiation failed"
"""Part of the server's message if both sides have no data cipher in common (ssl_ncp.c)."""

_WEB_ADDRESS = re.compile(r"(?P<scheme>[a-z]+://)([^/\s?#]*@)?(?P<host>[^/\s?#]*)\S*")

_KINDS = {each.value: each for each in MessageKind}


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """A message and the text behind its first comma. The text is untrusted: any server can send it."""

    kind: MessageKind
    text: str = ""


def parse_message(message: str) -> ControlMessage | None:
    """Parse a message without its null byte; None for one that this client does not know."""
    word, _, text = message.partition(",")
    kind = _KINDS.get(word)
    return ControlMessage(kind, text) if kind else None


def without_token(asked: str) -> str:
    """What a server asks for before the login ends. Of a URL, only scheme and host remain.

    Anyone who reads "WEB_AUTH::https://vpn.example/login?state=…" can finish the login.
    """
    return _WEB_ADDRESS.sub(r"\g<scheme>\g<host>", asked)


class FailureKind(Enum):
    """What the text of AUTH_FAILED says. A server may leave it out."""

    REFUSED = "refused"
    CHALLENGE = "challenge"
    """Another factor is asked for: the user must answer a question (CRV1)."""
    SESSION_EXPIRED = "session-expired"
    TEMPORARY = "temporary"
    CIPHER = "cipher"
    """No data cipher that both sides allow."""


@dataclass(frozen=True, slots=True)
class AuthFailure:
    """AUTH_FAILED: its kind, and what the server says about it."""

    kind: FailureKind
    reason: str = ""


def parse_auth_failure(text: str) -> AuthFailure:
    """Parse what stands behind AUTH_FAILED. A reason that a script wrote ends with a line feed."""
    text = text.strip()
    if text.startswith("CRV1:"):
        question = text.split(":", 4)
        return AuthFailure(FailureKind.CHALLENGE, question[4] if len(question) > 4 else "")
    if text.startswith("TEMP"):
        return AuthFailure(FailureKind.TEMPORARY, text.partition(":")[2])
    if text.startswith("SESSION:"):
        return AuthFailure(FailureKind.SESSION_EXPIRED, text.partition(":")[2])
    if _NO_SHARED_CIPHER in text.lower():
        return AuthFailure(FailureKind.CIPHER, text)
    return AuthFailure(FailureKind.REFUSED, text)


@dataclass(frozen=True, slots=True)
class PushReply:
    """The options that a server pushes, those that a check needs as values, and all of them as text.

    `options` hold no secret: `auth-token` is left out. `ping_s` is 0 if not pushed.
    `peer_id` is None if the server wants data packets without one.
    """

    options: tuple[str, ...] = ()
    address: IPv4Interface | None = None
    address_v6: IPv6Interface | None = None
    peer_address: IPv4Address | None = None
    gateway: IPv4Address | None = None
    gateway_v6: IPv6Address | None = None
    topology: str = "net30"
    routes: tuple[str, ...] = ()
    cipher: str = ""
    auth: str = ""
    compression: str | None = None
    peer_id: int | None = None
    ping_s: int = 0
    tun_mtu: int = 0
    protocol_flags: tuple[str, ...] = ()

    @property
    def uses_key_export(self) -> bool:
        """Whether the keys of the data channel come from TLS."""
        return "tls-ekm" in self.protocol_flags or "key-derivation tls-ekm" in self.options

    @property
    def takes_exit_message(self) -> bool:
        """Whether the server takes EXIT on the control channel as the end of the session."""
        return "cc-exit" in self.protocol_flags


class PushAssembly:
    """Joins the messages of one PUSH_REPLY."""

    def __init__(self) -> None:
        self._options: list[str] = []

    def add(self, text: str) -> PushReply | None:
        """Add a message; returns the whole reply when nothing more follows, None before."""
        found = [each for each in _split_options(text) if each]
        continuation = [each for each in found if each.startswith("push-continuation ")]
        self._options += [each for each in found if each not in continuation]
        if continuation and continuation[-1].split()[1] == str(_CONTINUES):
            return None
        return parse_options(self._options)


def _split_options(text: str) -> list[str]:
    """Split at commas outside of quotation marks."""
    return [each.strip() for each in re.findall(r'(?:[^,"]|"[^"]*"|")+', text)]


_Reader = Callable[[Sequence[str], PushReply], Mapping[str, Any]]


def parse_options(options: Sequence[str]) -> PushReply:
    """Read the options that a check needs. What cannot be read is left out, as if it were not pushed."""
    reply = PushReply(
        tuple(each for each in options if not each.startswith("auth-token")),
        routes=tuple(each for each in options if each.startswith(("route ", "route-ipv6 "))),
    )
    # The topology decides what the second address of ifconfig is, wherever it stands.
    for option in sorted(options, key=lambda each: not each.startswith("topology")):
        name, *words = option.split() or ("",)
        if name in _READERS and (words or name in ("compress", "comp-lzo")):
            with suppress(ValueError, IndexError):
                reply = replace(reply, **_READERS[name](words, reply))
    return reply


def _number(attribute: str) -> _Reader:
    return lambda words, _: {attribute: int(words[0])}


def _word(attribute: str) -> _Reader:
    return lambda words, _: {attribute: words[0]}


def _read_ifconfig(words: Sequence[str], reply: PushReply) -> Mapping[str, Any]:
    if reply.topology == "subnet":
        return {"address": IPv4Interface(f"{words[0]}/{words[1]}")}
    return {"address": IPv4Interface(words[0]), "peer_address": IPv4Address(words[1])}


def _read_ifconfig_v6(words: Sequence[str], _: PushReply) -> Mapping[str, Any]:
    gateway = IPv6Address(words[1]) if len(words) > 1 else None
    return {"address_v6": IPv6Interface(words[0]), "gateway_v6": gateway}


_READERS: Mapping[str, _Reader] = {
    "topology": _word("topology"),
    "ifconfig": _read_ifconfig,
    "ifconfig-ipv6": _read_ifconfig_v6,
    "route-gateway": lambda words, _: {"gateway": IPv4Address(words[0])},
    "cipher": _word("cipher"),
    "auth": _word("auth"),
    "peer-id": _number("peer_id"),
    "ping": _number("ping_s"),
    "tun-mtu": _number("tun_mtu"),
    "protocol-flags": lambda words, _: {"protocol_flags": tuple(words)},
    "compress": lambda words, _: {"compression": " ".join(("compress", *words))},
    "comp-lzo": lambda words, _: {"compression": " ".join(("comp-lzo", *words))},
}
