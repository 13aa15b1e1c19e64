"""The parameter that an answer shows, although its framing is another one than servers.toml says.

A server answers only initiations that it can read, so S1, H1 and the header protection key are right then.
Length and header of its response tell S2 or H2, those of its cookie reply S3 or H3.
"""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.protocols.amneziawg.layout import HEADER_LENGTH, LENGTHS, Layout
from wgmon_tui.protocols.amneziawg.parameters import MOST_PREFIX
from wgmon_tui.protocols.wireguard.wire import MessageType

_NAMES = {MessageType.RESPONSE: "a response", MessageType.COOKIE_REPLY: "a cookie reply"}


@dataclass(frozen=True, slots=True)
class GuessedParameter:
    """A parameter of the server by its key, its value, and why."""

    key: str
    value: int
    why: str


def guess_parameter(answer: bytes, layout: Layout) -> GuessedParameter | None:
    """The parameter in which an answer differs from the layout; None if it shows none.

    An answer that may be either message is taken for the one whose header it has.
    """
    if layout.has_trailers:
        return None
    guesses = [guess for kind in _NAMES if (guess := _guess_prefix(answer, layout, kind))]
    guesses += [guess for kind in _NAMES if (guess := _guess_header(answer, layout, kind))]
    return next(iter(guesses), None)


def _guess_prefix(answer: bytes, layout: Layout, kind: MessageType) -> GuessedParameter | None:
    """S2 or S3, from the length. Header protection hides the header: then only a response is guessed."""
    real = len(answer) - LENGTHS[kind]
    if not 0 <= real <= MOST_PREFIX or real == layout.prefixes[kind - 1]:
        return None
    written = answer[real : real + HEADER_LENGTH]
    if layout.is_protected and kind is not MessageType.RESPONSE:
        return None
    if not layout.is_protected and not layout.headers[kind - 1].holds(written):
        return None
    why = f"the answer has {len(answer)} bytes: those of {_NAMES[kind]} and {real}"
    return GuessedParameter(f"s{int(kind)}", real, why)


def _guess_header(answer: bytes, layout: Layout, kind: MessageType) -> GuessedParameter | None:
    """H2 or H3, of an answer with the right length."""
    prefix = layout.prefixes[kind - 1]
    if layout.is_protected or len(answer) != prefix + LENGTHS[kind]:
        return None
    number = int.from_bytes(answer[prefix : prefix + HEADER_LENGTH], "little")
    why = f"the answer has the length of {_NAMES[kind]}, and the header {number}"
    return GuessedParameter(f"h{int(kind)}", number, why)
