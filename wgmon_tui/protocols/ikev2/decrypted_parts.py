"""What the encrypted parts of a check's packets held, as text beside the check.

The keys of a session are not kept, so a prober notes what it reads while it has them. A message is found by
its ID and direction, an ESP packet by its SPI and sequence number.
"""

from __future__ import annotations

from wgmon_tui.protocols.ikev2.wire import IkeHeader
from wgmon_tui.text import printable

_MOST_PARTS = 64
_LONGEST_PART = 400
_LEAST_ESP = 8


class DecryptedParts:
    """Collects what could be read. `str` gives the text to store with the check."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}

    def add(self, key: str, text: str) -> None:
        """Note what a part held, in words."""
        if key and len(self._parts) < _MOST_PARTS:
            self._parts[key] = printable(text)[:_LONGEST_PART]

    def __str__(self) -> str:
        return "\n".join(f"{key} {text}" for key, text in self._parts.items())


def find_part(stored: str, key: str) -> str | None:
    """What a part held, in the text of a check; None if it is not known."""
    found = (line.removeprefix(f"{key} ") for line in stored.split("\n") if line.startswith(f"{key} "))
    return next(found, None)


def message_key(header: IkeHeader) -> str:
    """The key of an encrypted message."""
    return f"{header.message_id}{'r' if header.is_response else 'q'}"


def esp_key(packet: bytes) -> str:
    """The key of an ESP packet; "" if it is too short to be one."""
    if len(packet) < _LEAST_ESP:
        return ""
    return f"{packet[:4].hex()}.{int.from_bytes(packet[4:8], 'big')}"
