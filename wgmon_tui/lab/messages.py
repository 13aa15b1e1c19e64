"""The messages of a lab server in datagrams: those of WireGuard, or framed as in AmneziaWG."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.lab.models import LabSetup
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.wireguard.handshake import RESPONSE_HEADER
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. MACs cover `as_sent`; the handshake covers `plain`."""

    kind: MessageType
    as_sent: bytes
    plain: bytes


class Messages(Protocol):
    """Reads and writes the datagrams of one server."""

    def read(self, datagram: bytes) -> Message | None:
        """The message in a datagram; None if there is none."""

    def write(self, kind: MessageType, message: bytes) -> bytes:
        """The datagram of a message."""

    def response_header(self) -> bytes:
        """The first four bytes of the next response."""


class _PlainMessages:
    def read(self, datagram: bytes) -> Message | None:
        kind = message_type(datagram)
        return Message(kind, datagram, datagram) if kind else None

    def write(self, kind: MessageType, message: bytes) -> bytes:
        del kind
        return message

    def response_header(self) -> bytes:
        return RESPONSE_HEADER


class _FramedMessages:
    def __init__(self, framing: AmneziaFraming) -> None:
        self._framing = framing

    def read(self, datagram: bytes) -> Message | None:
        found, plain = self._framing.find_message(datagram), self._framing.unframe(datagram)
        return Message(*found, plain) if found and plain else None

    def write(self, kind: MessageType, message: bytes) -> bytes:
        return self._framing.frame(kind, message)

    def response_header(self) -> bytes:
        return self._framing.header(MessageType.RESPONSE)


def make_messages(setup: LabSetup, own: PublicKey) -> Messages:
    """The messages of a server with this setup and public key."""
    if setup.amneziawg is None:
        return _PlainMessages()
    return _FramedMessages(AmneziaFraming(setup.amneziawg, own, setup.header_protection_key, time.time))
