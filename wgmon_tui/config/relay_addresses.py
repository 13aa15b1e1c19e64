"""`relays` of a `[[control_plane]]`: where the relays of a mesh answer, and how each is asked."""

from __future__ import annotations

import re
from enum import Enum

from wgmon_tui.config.value_parsers import InvalidValueError, parse_endpoint
from wgmon_tui.config.value_types import list_of, text_type
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

_ADDRESS = r"([a-z]+):(//)?(\[[^\[\]/?#]+\]|[^\[\]/?#:@]+)(?::([0-9]{1,5}))?/?"
"""Compiled when it is used: each start imports this module, and few fleets name relays."""


class RelayKind(Enum):
    """What answers there: its word in the address, its port unless one is written, and whether TLS begins."""

    DERP = ("derps", 443, True)
    PLAIN_DERP = ("derp", 80, False)
    STUN = ("stun", 3478, False)
    NETBIRD = ("rels", 443, True)
    PLAIN_NETBIRD = ("rel", 80, False)
    TLS = ("tls", 443, True)

    def __init__(self, word: str, port: int, is_tls: bool) -> None:
        self.word = word
        self.port = port
        self.is_tls = is_tls


_KINDS = {kind.word: kind for kind in RelayKind}
_WORDS = {**_KINDS, "https": RelayKind.DERP, "http": RelayKind.PLAIN_DERP}


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """One relay, or another part of a mesh that its nodes need. `region` is that of its DERP map."""

    kind: RelayKind
    host: str
    port: int
    region: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        slashes = "" if self.kind is RelayKind.STUN else "//"
        return f"{self.kind.word}:{slashes}{host}:{self.port}"

    @property
    def name(self) -> str:
        """The region, or the address."""
        return self.region or str(self)


def parse_relay(text: str) -> RelayAddress:
    """An address such as derps://derp.example.net, stun:stun.example.net or rels://relay.example.net:443.

    Raises InvalidValueError.
    """
    match = re.fullmatch(_ADDRESS, text)
    kind = _WORDS.get(match[1]) if match else None
    if match is None or kind is None or (match[2] is None) is not (kind is RelayKind.STUN):
        raise InvalidValueError(
            'expected "derps://host", "stun:host:3478", "rels://host" or "tls://host", '
            f"each also with a port, got {quoted(text)}"
        )
    endpoint = parse_endpoint(f"{match[3]}:{match[4] or kind.port}")
    return RelayAddress(kind, endpoint.host, endpoint.port)


RELAYS = list_of(
    text_type("relay", parse_relay, pattern=r"^(stun:[^/]|(derps?|https?|rels?|tls)://.)"),
    'list of "derps://host[:port]", "stun:host[:port]", "rels://host[:port]", "tls://host[:port]"',
)
