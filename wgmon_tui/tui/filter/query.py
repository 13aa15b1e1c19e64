"""Filters: their terms, and matching servers against them. `parser.py` reads the line that is typed.

Terms are separated by blanks, and all must match. A plain word is searched in name, endpoint, tags and
verdict; the whole word of a state, such as `down` or `flapping`, finds that state too. `state:down`,
`tag:eu` and `verdict:silent` match the start of one field, `name:fra` and `endpoint:10.` any part of it,
because the filter works while the operator types. `plane:office` selects a control plane and its watched
nodes. `vantage:nyc` selects the servers checked from there, `downfrom:nyc` those that are down from there.
`rtt>100`, `loss>=5%`, `uptime<99.9` and `since<1h` compare; a server without that value does not match.
`is:muted` tests a flag. `@name` is a saved filter. `fra|ams` and `state:down|degraded` are alternatives,
`/^fra[12]$/` is a regular expression. `!` before a term inverts it; alone before all terms it inverts the
whole filter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import field

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.control_planes import is_of_mesh
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.records import dataclass

KEYS = ("state", "tag", "verdict", "name", "endpoint", "is", "vantage", "downfrom", "plane")

MESH_TAG = "tag:"
"""How the tags of Tailscale and headscale begin. The filter `tag:web` finds the tag `tag:web` too."""

NUMERIC_KEYS = {"rtt": "rtt>", "loss": "loss>", "uptime": "uptime<", "since": "since<"}
"""The values that can be compared, each with its usual comparison."""

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


class SearchTexts:
    """Name, endpoint and tags of servers as case-folded texts: a key searches ten thousand of them."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[Server, str]] = {}

    def text_of(self, server: Server) -> str:
        """The text of a server, with a line for each part."""
        known = self._texts.get(server.name)
        if known is None or known[0] is not server:
            text = "\n".join((server.name, str(server.endpoint), *server.tags)).casefold()
            known = self._texts[server.name] = server, text
        return known[1]


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What a filter needs in addition to the server: the Unix time, the marked servers, and their texts."""

    now: float
    marked: Set[str] = frozenset()
    texts: SearchTexts = field(default_factory=SearchTexts)


def is_muted(server_state: ServerState, now: float) -> bool:
    """Whether the operator has muted the alerts of a server."""
    return server_state.muted_until is not None and server_state.muted_until > now


FLAPPING = "flapping"

FACTS: Mapping[str, Callable[[ServerState, FilterContext], bool]] = {
    "acknowledged": lambda server_state, _: (
        server_state.incident is not None and server_state.incident.acknowledged_at is not None
    ),
    FLAPPING: lambda server_state, _: server_state.flapping,
    "maintenance": lambda server_state, _: server_state.maintenance is not None,
    "marked": lambda server_state, context: server_state.server.name in context.marked,
    "muted": lambda server_state, context: is_muted(server_state, context.now),
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
    pattern: re.Pattern[str] | None = None
    """The regular expression, which replaces the text."""
    any_of: tuple[FilterTerm, ...] = ()
    """Alternatives, of which one must hold."""

    def begins(self, value: str) -> bool:
        """Whether a case-folded value starts with the text, or contains the pattern."""
        return bool(self.pattern.search(value)) if self.pattern else value.startswith(self.text)

    def occurs_in(self, value: str) -> bool:
        """Whether a case-folded value contains the text, or the pattern."""
        return bool(self.pattern.search(value)) if self.pattern else self.text in value

    def matches_value(self, figure: float | None) -> bool:
        """Whether the comparison with a value holds; False for None."""
        return figure is not None and _OPERATORS[self.comparison](figure, self.limit)


@dataclass(frozen=True, slots=True)
class RejectedWord:
    """A word of a filter line that cannot mean anything, and why in one sentence."""

    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms of a filter line. Without terms every server passes.

    `unfinished` are the words of the line that have no effect yet, `rejected` those that never will have one.
    """

    terms: tuple[FilterTerm, ...] = ()
    inverted: bool = False
    unfinished: tuple[str, ...] = field(default=(), compare=False)
    rejected: tuple[RejectedWord, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def passes(self, term_matches: Callable[[FilterTerm], bool]) -> bool:
        """Whether every term holds. `term_matches` tests one term, ignoring its inversion."""
        if not self.terms:
            return True
        return all(_is_met(term, term_matches) for term in self.terms) is not self.inverted

    def matches(self, server_state: ServerState, context: FilterContext) -> bool:
        """Whether a server meets every condition. A key in the filter line tests ten thousand servers."""
        for term in self.terms:
            if term.saved is not None:
                is_met = term.saved.matches(server_state, context)
            elif term.any_of:
                is_met = any(_TERM_MATCHERS[each.key](each, server_state, context) for each in term.any_of)
            else:
                is_met = _TERM_MATCHERS[term.key](term, server_state, context)
            if is_met is term.inverted:
                return self.inverted
        return not self.inverted or not self.terms

    def has_key(self, key: str) -> bool:
        """Whether one of its terms has this key."""
        return any(term.key == key or (term.saved and term.saved.has_key(key)) for term in self.terms)


def begins_a_tag(term: FilterTerm, tags: Iterable[str]) -> bool:
    """Whether a tag starts with the text of a term, with or without the prefix of a mesh."""
    folded = [tag.casefold() for tag in tags]
    return any(term.begins(tag) or term.begins(tag.removeprefix(MESH_TAG)) for tag in folded)


def _is_met(term: FilterTerm, term_matches: Callable[[FilterTerm], bool]) -> bool:
    if term.saved is not None:
        return term.saved.passes(term_matches) is not term.inverted
    return any(map(term_matches, term.any_of or (term,))) is not term.inverted


def _matches_anywhere(term: FilterTerm, server_state: ServerState, context: FilterContext) -> bool:
    text = context.texts.text_of(server_state.server)
    if term.pattern:  # it may refer to the beginning or the end of a part
        return any(map(term.pattern.search, (*text.split("\n"), server_state.status_word)))
    if term.text in text or term.text in server_state.status_word:
        return True
    # Only the whole word: "de" begins the name of a server more often than "degraded".
    return term.text == server_state.severity.word or (term.text == FLAPPING and server_state.flapping)


def _plane_of(server: Server) -> str:
    """The control plane that a server is, or is a node of; a blank, which nothing begins, for others."""
    return server.control_plane or (server.name if is_of_mesh(server) else " ")


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
    "": _matches_anywhere,
    "state": lambda term, server_state, _: term.begins(server_state.severity.word),
    "tag": lambda term, server_state, _: begins_a_tag(term, server_state.server.tags),
    "verdict": lambda term, server_state, _: term.begins(server_state.status_word),
    "name": lambda term, server_state, _: term.occurs_in(server_state.server.name.casefold()),
    "endpoint": lambda term, server_state, _: term.occurs_in(str(server_state.server.endpoint).casefold()),
    "is": _has_flag,
    "plane": lambda term, server_state, _: term.begins(_plane_of(server_state.server).casefold()),
    "vantage": lambda term, server_state, _: any(
        term.begins(name.casefold()) for name in _vantages_checking(server_state)
    ),
    "downfrom": lambda term, server_state, _: any(
        term.begins(name.casefold()) for name in _vantages_down(server_state)
    ),
    "rtt": lambda term, server_state, _: term.matches_value(server_state.rtt),
    "loss": lambda term, server_state, _: term.matches_value(server_state.samples.loss()),
    "uptime": lambda term, server_state, _: term.matches_value(server_state.uptime),
    "since": lambda term, server_state, context: term.matches_value(_age(server_state, context)),
}
"""For each key, the test of a term against a server, ignoring its inversion."""
