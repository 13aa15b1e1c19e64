"""Findings of the doctor, each with its status."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class ItemStatus(Enum):
    """The status of an item and its exit code. Word and glyph are always shown together."""

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
    """One finding: its subject, its status, the observed fact, and advice."""

    subject: str
    status: ItemStatus
    fact: str
    advice: str = ""


def ok_item(subject: str, fact: str) -> ExaminedItem:
    """An item that needs no action."""
    return ExaminedItem(subject, ItemStatus.FINE, fact)


def json_line(item: ExaminedItem) -> str:
    """Format an item as one line of JSON, without a newline."""
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
    """The exit code: 0 nothing to do, 1 something to look at, 2 something to fix."""
    return max((item.status.code for item in items), default=0)
