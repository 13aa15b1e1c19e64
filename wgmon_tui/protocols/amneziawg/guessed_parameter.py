"""The parameter that an answer shows, although its framing is another one than servers.toml says.

A server answers only initiations that it can read, so S1, H1 and the header protection key are right then.
Length and header of its response tell S2 or H2.
"""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.protocols.amneziawg.layout import HEADER_LENGTH, LENGTHS, Layout
from wgmon_tui.protocols.amneziawg.parameters import MOST_PREFIX
from wgmon_tui.protocols.wireguard.wire import MessageType


@dataclass(frozen=True, slots=True)
class GuessedParameter:
    """A parameter of the server by its key, its value, and why."""

    key: str
    value: int
    why: str


def guess_parameter(answer: bytes, layout: Layout) -> GuessedParameter | None:
    """The parameter in which a response differs from the layout; None if it shows none."""
    length = LENGTHS[MessageType.RESPONSE]
    prefix, header = layout.prefixes[1], layout.headers[1]
    if layout.has_trailers or not length <= len(answer) <= length + MOST_PREFIX:
        return None
    real = len(answer) - length
    if real != prefix:
        written = answer[real : real + HEADER_LENGTH]
        if layout.is_protected or header.holds(written):
            why = f"the answer has {len(answer)} bytes: those of a response and {real}"
            return GuessedParameter("s2", real, why)
        return None
    if layout.is_protected:
        return None
    number = int.from_bytes(answer[prefix : prefix + HEADER_LENGTH], "little")
    return GuessedParameter("h2", number, f"the answer has the length of a response, and the header {number}")
