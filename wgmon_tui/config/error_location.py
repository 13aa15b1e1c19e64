"""The line of servers.toml that an error refers to, and a view of it with keys redacted. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.toml_reader import KeyedError

_IN_MESSAGE = re.compile(r": line (\d+), column \d+: ")
_HEADER = re.compile(r"\s*\[{1,2}\s*(\w+)\s*\]{1,2}")
_PUBLIC = re.compile(r"\s*(?:public_key|known_keys)\s*=")
_KEY = re.compile(r"[A-Za-z0-9+/]{42,}={0,2}")


@dataclass(frozen=True, slots=True)
class _TomlTable:
    """A table of the text: its kind, and its lines from `start` up to `end`, counted from 0."""

    kind: str
    start: int
    end: int


def find_line(error: ConfigurationError, text: str) -> int | None:
    """The line number, counted from 1; None if unknown."""
    if isinstance(error, KeyedError):
        return _line_of_key(error, text.split("\n"))
    match = _IN_MESSAGE.search(str(error))
    return int(match[1]) if match else None


def redact_keys(line: str) -> str:
    """A line of the file; text that may be a secret key is replaced by (hidden)."""
    return line if _PUBLIC.match(line) else _KEY.sub("(hidden)", line)


def _line_of_key(error: KeyedError, lines: list[str]) -> int | None:
    """The line of the key; for a missing key, the heading of its table."""
    kind, _, label = error.where.rpartition(": ")[2].partition(" ")
    sections = [section for section in _sections(lines) if section.kind == kind]
    if label.isdigit():
        sections = sections[int(label) - 1 : int(label)]
    elif label:
        named = re.compile(r"\s*name\s*=\s*[\"']" + re.escape(label.strip('"')) + r"[\"']")
        sections = [each for each in sections if any(map(named.match, lines[each.start : each.end]))]
    if not sections:
        return _find_assignment(error.key, lines, 0, len(lines))
    # Of two tables with one name, the second is the duplicate.
    section = sections[-1]
    return _find_assignment(error.key, lines, section.start, section.end) or section.start + 1


def _sections(lines: list[str]) -> Iterator[_TomlTable]:
    headers = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADER.match(line))]
    for (start, kind), (end, _) in pairwise([*headers, (len(lines), "")]):
        yield _TomlTable(kind, start, end)


def _find_assignment(key: str, lines: list[str], start: int, end: int) -> int | None:
    assigned = re.compile(r"\s*" + re.escape(key) + r"\s*=")
    return next((number + 1 for number in range(start, end) if assigned.match(lines[number])), None)
