"""The filter language: parses a filter line, and matches servers against it.

Terms are separated by blanks, and all must match. A plain word is searched in name, endpoint, tags and
verdict. `state:down`, `tag:eu` and `verdict:silent` match the start of one field, `name:fra` and
`endpoint:10.` any part of it, because the filter works while the operator types. `vantage:nyc` selects the
servers checked from there, `downfrom:nyc` those that are down from there. `rtt>100`, `loss>=5%`,
`uptime<99.9` and `since<1h` compare; a server without that value does not match. `is:muted` tests a flag.
`@name` is a saved filter. `!` before a term inverts it; alone before all terms it inverts the whole filter.
No input is an error: a term with an unknown key is a plain word, as in `fe80::1`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState

KEYS = ("state", "tag", "verdict", "name", "endpoint", "is", "vantage", "downfrom")

NUMERIC_KEYS = {"rtt": "rtt>", "loss": "loss>", "uptime": "uptime<", "since": "since<"}
"""The values that can be compared, each with its usual comparison."""

_COMPARISON = re.compile(rf"({'|'.join(NUMERIC_KEYS)})(<=|>=|<|>|=)(.*)")
_VALUE = re.compile(r"(\d{1,9}(?:\.\d{0,9})?)([a-z%]*)")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_PERCENT_UNITS = {"": 100.0, "%": 100.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "rtt": {"": 1000.0, "ms": 1000.0, "s": 1.0},
    "loss": _PERCENT_UNITS,
    "uptime": _PERCENT_UNITS,
    "since": {"s": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600, "d": 1 / 86400},
}
"""Divisors for a typed number, by unit. `since` has no default unit: `since<1` takes effect with a unit."""

_EXAMPLES = {
    "rtt": "needs a number, for example rtt>100",
    "loss": "needs a number, for example loss>5%",
    "uptime": "needs a number, for example uptime<99",
    "since": "needs a time, for example since<1h",
}


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What a filter needs in addition to the server: the Unix time, and the marked servers."""

    now: float
    marked: Set[str] = frozenset()


def muted(server_state: ServerState, now: float) -> bool:
    """Whether the operator has muted the alerts of a server."""
    return server_state.muted_until is not None and server_state.muted_until > now


FACTS: Mapping[str, Callable[[ServerState, FilterContext], bool]] = {
    "acknowledged": lambda server_state, _: (
        server_state.incident is not None and server_state.incident.acknowledged_at is not None
    ),
    "flapping": lambda server_state, _: server_state.flapping,
    "maintenance": lambda server_state, _: server_state.maintenance is not None,
    "marked": lambda server_state, context: server_state.server.name in context.marked,
    "muted": lambda server_state, context: muted(server_state, context.now),
    "paused": lambda server_state, _: server_state.paused,
}
"""The flags that `is:` tests."""


@dataclass(frozen=True, slots=True)
class FilterTerm:
    """One condition.

    `key` is one of KEYS or NUMERIC_KEYS, "@" for a saved filter, or "" for a plain word. `text` is
    case-folded. `limit` is in seconds, or a share from 0 to 1.
    """

    key: str
    text: str
    inverted: bool = False
    comparison: str = ""
    limit: float = 0.0
    saved: Filter | None = None
    facts: tuple[str, ...] = ()
    """For `is:`, the flags that start with the text."""

    def matches_value(self, figure: float | None) -> bool:
        """Whether the comparison with a value holds; False for None."""
        return figure is not None and _OPERATORS[self.comparison](figure, self.limit)


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms of a filter line. Without terms every server passes.

    `unfinished` are the words of the line that have no effect yet.
    """

    terms: tuple[FilterTerm, ...] = ()
    inverted: bool = False
    unfinished: tuple[str, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def passes(self, term_matches: Callable[[FilterTerm], bool]) -> bool:
        """Whether every term holds. `term_matches` tests one term, ignoring its inversion."""
        if not self.terms:
            return True
        return all(_is_met(term, term_matches) for term in self.terms) is not self.inverted

    def matches(self, server_state: ServerState, context: FilterContext) -> bool:
        """Whether a server meets every condition."""
        for term in self.terms:
            found = (
                term.saved.matches(server_state, context)
                if term.saved
                else _TERM_MATCHERS[term.key](term, server_state, context)
            )
            if found is term.inverted:
                return self.inverted
        return not self.inverted or not self.terms

    def has_key(self, key: str) -> bool:
        """Whether one of its terms has this key."""
        return any(term.key == key or (term.saved and term.saved.has_key(key)) for term in self.terms)


def _is_met(term: FilterTerm, term_matches: Callable[[FilterTerm], bool]) -> bool:
    found = term.saved.passes(term_matches) if term.saved else term_matches(term)
    return found is not term.inverted


def _matches_anywhere(term: FilterTerm, server_state: ServerState) -> bool:
    server, text = server_state.server, term.text
    return (
        text in server.name.casefold()
        or text in server_state.status_word
        or text in str(server.endpoint).casefold()
        or any(text in tag.casefold() for tag in server.tags)
    )


def _has_flag(term: FilterTerm, server_state: ServerState, context: FilterContext) -> bool:
    return any(FACTS[fact](server_state, context) for fact in term.facts)


def _vantages_checking(server_state: ServerState) -> Iterable[str]:
    return (server_state.home, *server_state.vantage_states)


def _vantages_down(server_state: ServerState) -> Iterable[str]:
    if not server_state.vantage_states:
        return (server_state.home,) if server_state.severity is Severity.DOWN else ()
    return (view.vantage for view in server_state.views if view.settled is Severity.DOWN)


def _age(server_state: ServerState, context: FilterContext) -> float | None:
    return None if server_state.since is None else context.now - server_state.since


_TERM_MATCHERS: Mapping[str, Callable[[FilterTerm, ServerState, FilterContext], bool]] = {
    "": lambda term, server_state, _: _matches_anywhere(term, server_state),
    "state": lambda term, server_state, _: server_state.severity.word.startswith(term.text),
    "tag": lambda term, server_state, _: any(
        tag.casefold().startswith(term.text) for tag in server_state.server.tags
    ),
    "verdict": lambda term, server_state, _: server_state.status_word.startswith(term.text),
    "name": lambda term, server_state, _: term.text in server_state.server.name.casefold(),
    "endpoint": lambda term, server_state, _: term.text in str(server_state.server.endpoint).casefold(),
    "is": _has_flag,
    "vantage": lambda term, server_state, _: any(
        name.casefold().startswith(term.text) for name in _vantages_checking(server_state)
    ),
    "downfrom": lambda term, server_state, _: any(
        name.casefold().startswith(term.text) for name in _vantages_down(server_state)
    ),
    "rtt": lambda term, server_state, _: term.matches_value(server_state.rtt),
    "loss": lambda term, server_state, _: term.matches_value(server_state.samples.loss()),
    "uptime": lambda term, server_state, _: term.matches_value(server_state.uptime),
    "since": lambda term, server_state, context: term.matches_value(_age(server_state, context)),
}
"""For each key, the test of a term against a server, ignoring its inversion."""


def parse_filter(line: str, saved: Mapping[str, str] | None = None) -> Filter:
    """Parse a filter line. Unfinished terms (`!`, `tag:`, `since<1`) have no effect yet.

    `saved` are filter lines by name; a saved filter cannot refer to another one. Never raises.
    """
    words = line.split()
    whole = False
    while words[:1] == ["!"]:
        del words[0]
        whole = not whole
    named = {name.casefold(): line for name, line in (saved or {}).items()}
    found = [(word, _parse_term(word, named)) for word in words]
    return Filter(
        tuple(term for _, term in found if term),
        whole,
        tuple(word for word, term in found if term is None),
    )


def invert_filter(line: str) -> str:
    """The line that shows exactly what this one hides. An empty line stays empty."""
    words = line.split()
    if words[:1] == ["!"]:
        return " ".join(words[1:])
    if len(words) > 1:
        return " ".join(["!", *words])
    return "".join(word[1:] if word.startswith("!") else f"!{word}" for word in words)


def complete_filter(
    line: str, tags: Iterable[str], saved: Iterable[str] = (), vantages: Iterable[str] = ()
) -> str | None:
    """Complete the last word to the first matching key, state, verdict, tag, flag, vantage or saved filter.

    None if there is no match, or if the word is complete.
    """
    begun = line.rpartition(" ")[2].lstrip("!").casefold()
    key, colon, text = begun.partition(":")
    known: dict[str, Iterable[str]] = {
        "state": (severity.word for severity in Severity),
        "verdict": (verdict.slug for verdict in Verdict),
        "tag": sorted(tag.casefold() for tag in tags),
        "is": FACTS,
    }
    known["vantage"] = known["downfrom"] = [name.casefold() for name in vantages]
    first = (
        *(f"{each}:" for each in KEYS),
        *NUMERIC_KEYS.values(),
        *(f"@{each.casefold()}" for each in saved),
    )
    words = known.get(key, ()) if colon else first
    typed = text if colon else begun
    found = next((each for each in words if typed and each.startswith(typed)), typed)
    return line + found[len(typed) :] if found != typed else None


def explain_unfinished(word: str) -> str:
    """What an unfinished comparison lacks, with an example to type."""
    key = re.split("[<>=]", word.lstrip("!").casefold(), maxsplit=1)[0]
    return f"{key} {_EXAMPLES[key]}" if key in _EXAMPLES else f"{word} is incomplete"


def _parse_term(word: str, saved: Mapping[str, str]) -> FilterTerm | None:
    bare = word.lstrip("!")
    inverted = (len(word) - len(bare)) % 2 == 1
    bare = bare.casefold()
    key, colon, text = bare.partition(":")
    if colon and key in KEYS:
        facts = tuple(fact for fact in FACTS if key == "is" and fact.startswith(text))
        return FilterTerm(key, text, inverted, facts=facts) if text else None
    if compared := _COMPARISON.fullmatch(bare):
        return _parse_comparison(compared[1], compared[2], compared[3], inverted=inverted)
    if bare.startswith("@"):
        if bare[1:] in saved:
            return FilterTerm("@", bare[1:], inverted, saved=parse_filter(saved[bare[1:]]))
        if any(name.startswith(bare[1:]) for name in saved):
            return None
    return FilterTerm("", bare, inverted) if bare else None


def _parse_comparison(key: str, comparison: str, text: str, *, inverted: bool) -> FilterTerm | None:
    value = _VALUE.fullmatch(text)
    divisor = _UNITS[key].get(value[2]) if value else None
    if value is None or divisor is None:
        return None
    return FilterTerm(key, text, inverted, comparison, float(value[1]) / divisor)
