"""Signature packets: I1 to I5, which a client sends before an initiation to look like another protocol.

A packet is a text of tags, in the language of amneziawg-go (device/obf.go). Text between tags is ignored. The
server ignores these packets, so they need not match those of other clients.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

_LARGEST = 65507
"""Bytes that fit into a UDP datagram over IPv4."""

_TAG = re.compile(r"<([^<>]*)>")
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_HEX = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2})+)")
_COUNT = re.compile(r"[0-9]{1,5}")

TAGS = "<b 0x…>, <r N>, <rc N>, <rd N> and <t>"


class SignaturePacketError(Exception):
    """A text that is no signature packet. The message says what is wrong with it, as a phrase."""


@dataclass(frozen=True, slots=True)
class SignaturePacket:
    """One packet: its text, and its parts as kind and bytes or number."""

    text: str
    parts: tuple[tuple[str, bytes | int], ...]

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> SignaturePacket:
        """Parse the text of I1 to I5. Raises SignaturePacketError."""
        if text.count("<") != text.count(">") or "<" in _TAG.sub("", text):
            raise SignaturePacketError("a tag does not end in >")
        parts = tuple(_parse_tag(match[1].split()) for match in _TAG.finditer(text))
        if not parts:
            raise SignaturePacketError(f"it has no tag; the tags are {TAGS}")
        packet = cls(text, parts)
        if packet.length > _LARGEST:
            raise SignaturePacketError(f"it has {packet.length} bytes, and a datagram holds {_LARGEST}")
        return packet

    @property
    def length(self) -> int:
        """Bytes of the packet."""
        return sum(len(value) if isinstance(value, bytes) else value for _, value in self.parts)

    def make(self, unix_s: float) -> bytes:
        """Make the packet for one initiation, at a Unix time in seconds."""
        return b"".join(_make_part(kind, value, unix_s) for kind, value in self.parts)


def _parse_tag(words: list[str]) -> tuple[str, bytes | int]:
    kind, argument = [*words, "", ""][:2]
    if kind == "b":
        digits = _HEX.fullmatch(argument)
        if not digits:
            raise SignaturePacketError("<b> needs bytes in hexadecimal, such as <b 0xc0ff>")
        return kind, bytes.fromhex(digits[1])
    if kind in _RANDOM:
        if not _COUNT.fullmatch(argument):
            raise SignaturePacketError(f"<{kind}> needs a number of bytes, such as <{kind} 16>")
        return kind, int(argument)
    if kind in _FIXED:
        return kind, _FIXED[kind]
    if kind == "dz" and _COUNT.fullmatch(argument):
        return kind, int(argument)
    raise SignaturePacketError(f"it has a tag that AmneziaWG does not know; the tags are {TAGS}")


def _pick(alphabet: bytes) -> Callable[[int], bytes]:
    table = bytes(alphabet[byte % len(alphabet)] for byte in range(256))
    return lambda length: os.urandom(length).translate(table)


_FIXED = {"t": 4, "c": 4, "d": 0, "ds": 0, "wt": 0}
"""Bytes of the other tags. <c> is a packet counter and <wt> a pause, both of version 1.5. <d> and <ds> stand
for data, and a packet before an initiation has none.
"""

_RANDOM: dict[str, Callable[[int], bytes]] = {"r": os.urandom, "rc": _pick(_LETTERS), "rd": _pick(_DIGITS)}


def _make_part(kind: str, value: bytes | int, unix_s: float) -> bytes:
    if isinstance(value, bytes):
        return value
    if kind == "t":
        return (int(unix_s) & 0xFFFFFFFF).to_bytes(value, "big")
    return _RANDOM[kind](value) if kind in _RANDOM else bytes(value)
