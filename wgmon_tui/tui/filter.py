"""The filter line: what an operator types, and which rows it lets through.

Terms are separated by blanks and all must hold. A word is looked for in name, endpoint, tags and verdict.
`state:down`, `tag:eu`, `verdict:silent`, `name:fra` and `endpoint:10.` look in one place, and take a
beginning (`name:` and `endpoint:` any part), because the filter works while it is being typed. `!` before a
term inverts it. Nothing that can be typed is an error: what is no known key is a word, as in `fe80::1`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.monitor.board import Row

KEYS = ("state", "tag", "verdict", "name", "endpoint")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `key` is one of KEYS, or "" for a word that may stand anywhere; `text` is folded."""

    key: str
    text: str
    inverted: bool = False

    def matches(self, row: Row) -> bool:
        """Whether the row meets this condition."""
        return self._found(row) is not self.inverted

    def _found(self, row: Row) -> bool:
        server, text = row.server, self.text
        match self.key:
            case "state":
                return row.severity.word.startswith(text)
            case "tag":
                return any(tag.casefold().startswith(text) for tag in server.tags)
            case "verdict":
                return row.word.startswith(text)
            case "name":
                return text in server.name.casefold()
            case "endpoint":
                return text in str(server.endpoint).casefold()
            case _:
                return (
                    text in server.name.casefold()
                    or text in row.word
                    or text in str(server.endpoint).casefold()
                    or any(text in tag.casefold() for tag in server.tags)
                )


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms of a filter line. Without terms it lets every row through."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, row: Row) -> bool:
        """Whether the row meets every condition."""
        return all(term.matches(row) for term in self.terms)


def parse_filter(line: str) -> Filter:
    """The filter that a line means. Terms still without text (`!`, `tag:`) do not count yet. Never raises."""
    terms = (_parse_term(word) for word in line.split())
    return Filter(tuple(term for term in terms if term.text))


def completed(line: str, tags: Iterable[str]) -> str | None:
    """The line with its last word carried on to the first key, state, verdict or tag that it begins.

    None where it begins none, or is one already.
    """
    begun = line.rpartition(" ")[2].removeprefix("!").casefold()
    key, colon, text = begun.partition(":")
    known: dict[str, Iterable[str]] = {
        "state": (severity.word for severity in Severity),
        "verdict": (verdict.slug for verdict in Verdict),
        "tag": sorted(tag.casefold() for tag in tags),
    }
    words = known.get(key, ()) if colon else (f"{each}:" for each in KEYS)
    typed = text if colon else begun
    found = next((each for each in words if typed and each.startswith(typed)), typed)
    return line + found[len(typed) :] if found != typed else None


def _parse_term(word: str) -> Term:
    inverted = word.startswith("!")
    word = word.removeprefix("!").casefold()
    key, colon, text = word.partition(":")
    if colon and key in KEYS:
        return Term(key, text, inverted)
    return Term("", word, inverted)
