"""What an examination finds: one item a line, and how much it matters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from wgmon_tui.text import printable


class ItemStatus(Enum):
    """How an item stands, with the exit code that it asks for. Always shown as word and glyph together."""

    FINE = ("fine", "●", "o", 0)
    LOOK = ("look", "▲", "^", 1)
    FIX = ("fix", "✖", "X", 2)

    def __init__(self, word: str, glyph: str, ascii_glyph: str, code: int) -> None:
        self.word = word
        self.glyph = glyph
        self.ascii_glyph = ascii_glyph
        self.code = code


@dataclass(frozen=True, slots=True)
class ExaminedItem:
    """One thing looked at: what it is, how it stands, what was seen, and what to do."""

    subject: str
    status: ItemStatus
    fact: str
    advice: str = ""


def ok_item(subject: str, fact: str) -> ExaminedItem:
    """An item about which there is nothing to do."""
    return ExaminedItem(subject, ItemStatus.FINE, fact)


def format_item(item: ExaminedItem, ascii_only: bool = False) -> str:
    """The item for a terminal, on one line."""
    glyph = item.status.ascii_glyph if ascii_only else item.status.glyph
    said = f"{item.fact}; {item.advice}" if item.advice else item.fact
    return f"{glyph} {item.status.word:<4}  {item.subject:<16}  {printable(said)}"


def json_line(item: ExaminedItem) -> str:
    """The item as one line of JSON, without its newline."""
    return json.dumps(
        {
            "item": item.subject,
            "condition": item.status.word,
            "fact": item.fact,
            "advice": item.advice or None,
        },
        separators=(",", ":"),
    )


def exit_code(items: Iterable[ExaminedItem]) -> int:
    """0 nothing to do, 1 something to look at, 2 something to fix."""
    return max((item.status.code for item in items), default=0)
