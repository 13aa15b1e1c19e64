"""What happens to a TCP connection, as its owner sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """The server accepted the connection; `round_trip` is that of the SYN, None if it was sent again."""

    round_trip: float | None


@dataclass(frozen=True, slots=True)
class DataReceived:
    """The next bytes of the stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PeerFinished:
    """The server sends nothing more."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Both sides have finished, and know that of each other."""


@dataclass(frozen=True, slots=True)
class ConnectionReset:
    """The server reset the connection; `refused` if it never accepted it."""

    refused: bool


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Too many segments in a row got no acknowledgement."""


Event = Connected | DataReceived | PeerFinished | Closed | ConnectionReset | GaveUp
