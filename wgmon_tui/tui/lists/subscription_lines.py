"""Lines of the screen of subscriptions: lists, what differs, details. Pure: records in, Rich texts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.subscriptions_toml import Subscription
from wgmon_tui.subscriptions.state_file import SubscriptionState
from wgmon_tui.text import format_age, format_elapsed, format_local_time
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.line_list import ListLine

FIRST_SUBSCRIPTION = '[[subscription]]\nname = "provider"\nurl_file = "provider.url"'
"""The smallest [[subscription]] of a config.toml."""

_NAME = 16
_GAP = "  "
_INDENT = "    "
_MARKS = {"+": Severity.UP, "~": Severity.DEGRADED, "-": Severity.DOWN, "?": Severity.UNKNOWN}
_RULES = {
    "ask": "nothing is applied without a question",
    "add": "new servers are added without a question",
    "all": "everything is applied without a question",
}


@dataclass(frozen=True, slots=True)
class SubscriptionOverview:
    """The lists of config.toml, and what is known of each. `fetching` are being fetched or applied now."""

    subscriptions: tuple[Subscription, ...] = ()
    states: Mapping[str, SubscriptionState] = field(default_factory=dict)
    fetching: frozenset[str] = frozenset()

    def state(self, name: str) -> SubscriptionState:
        """What is known of a list."""
        return self.states.get(name, SubscriptionState())

    def subscription_at(self, key: str | None) -> Subscription | None:
        """The list of the line with this key."""
        name = _split(key)[0]
        return next((each for each in self.subscriptions if each.name == name), None)

    def server_at(self, key: str | None) -> str | None:
        """The server of servers.toml that the line with this key names; None for a new one."""
        found = _split(key)[1]
        words = found[2:].split(_GAP)
        return words[0] if found.startswith(("~ ", "- ")) else None


def _key(name: str, line: str = "") -> str:
    return f"{name}\0{line}"


def _split(key: str | None) -> tuple[str, str]:
    name, _, line = (key or "").partition("\0")
    return name, line


def severity_of(state: SubscriptionState, now: float) -> Severity:
    """The severity of a list: up if nothing is to be done."""
    if state.fetched_at is None and not state.problem:
        return Severity.UNKNOWN
    is_ending = state.quota is not None and bool(state.quota.warning(now))
    return Severity.DEGRADED if state.problem or state.lines or is_ending else Severity.UP


def lines(overview: SubscriptionOverview, now: float, text_style: TextStyle) -> list[ListLine]:
    """A line for each list, then what differs in it."""
    found: list[ListLine] = []
    for each in overview.subscriptions:
        state = overview.state(each.name)
        heading = _heading(overview, each, state, now, text_style)
        found.append(ListLine(heading, _key(each.name)))
        found += (ListLine(_difference(line, text_style), _key(each.name, line)) for line in _shown(state))
    return found


def _shown(state: SubscriptionState) -> Iterator[str]:
    yield from state.lines
    yield from (f"? {each}" for each in state.unread)


def _heading(
    overview: SubscriptionOverview,
    subscription: Subscription,
    state: SubscriptionState,
    now: float,
    text_style: TextStyle,
) -> Text:
    palette, glyphs = text_style.palette, text_style.glyphs
    severity = severity_of(state, now)
    style = palette.severity[severity]
    text = Text().append(f"{glyphs.of(severity)} ", style)
    text.append(fit(glyphs.clean(subscription.name), _NAME, glyphs), palette.text + Style(bold=True))
    parts = [_standing(overview, subscription, state), *_dates(state, now)]
    rest = _GAP + f" {glyphs.separator} ".join(glyphs.clean(each) for each in parts if each)
    return text.append(fit(rest, max(0, text_style.width - text.cell_len), glyphs).rstrip(), style)


def _standing(overview: SubscriptionOverview, subscription: Subscription, state: SubscriptionState) -> str:
    if subscription.name in overview.fetching:
        return "fetching now"
    if state.problem:
        return "the last fetch failed"
    if state.fetched_at is None:
        return "not fetched yet"
    return state.summary or f"no difference, {state.same} servers"


def _dates(state: SubscriptionState, now: float) -> Iterator[str]:
    if state.quota and state.quota.ends_at is not None:
        rest = state.quota.ends_at - now
        yield f"ends in {format_elapsed(rest)}" if rest > 0 else f"ended {format_age(-rest)}"
    if state.quota and state.quota.left:
        yield state.quota.left
    if state.fetched_at is not None:
        yield f"fetched {format_age(max(0.0, now - state.fetched_at))}"


def _difference(line: str, text_style: TextStyle) -> Text:
    palette, glyphs = text_style.palette, text_style.glyphs
    severity = _MARKS.get(line[:1], Severity.UNKNOWN)
    width = max(0, text_style.width - len(_INDENT))
    text = Text(_INDENT).append(f"{line[:2]}", palette.severity[severity])
    return text.append(fit(glyphs.clean(line[2:]), max(0, width - 2), glyphs).rstrip(), palette.text)


def detail(overview: SubscriptionOverview, key: str | None, now: float, text_style: TextStyle) -> Text | None:
    """The line with this key in full; None if there is none."""
    subscription = overview.subscription_at(key)
    if subscription is None:
        return None
    palette, state, line = text_style.palette, overview.state(subscription.name), _split(key)[1]
    if line:
        return _joined(text_style.paragraph(f"{_WORDS.get(line[:1], '')}: {line[2:]}", palette.text))
    every = format_elapsed(subscription.every)
    rule = f"It is fetched every {every}; {_RULES[subscription.apply]}."
    found = text_style.paragraph(f"{subscription.name}: {rule}", palette.text)
    if state.problem:
        found += text_style.paragraph(state.problem, palette.severity[Severity.DEGRADED])
    if says := list(_provider_says(state)):
        found += text_style.paragraph(f"The provider says: {', '.join(says)}.", palette.muted)
    if state.fetched_at is not None:
        age = format_age(max(0.0, now - state.fetched_at))
        found += text_style.paragraph(f"It was fetched {age}.", palette.muted)
    return _joined(found)


def _provider_says(state: SubscriptionState) -> Iterator[str]:
    """Expiry date and traffic of a subscription, as phrases."""
    if state.quota and state.quota.ends_at is not None:
        yield f"it ends {format_local_time(state.quota.ends_at, seconds=False, zone=True)}"
    if state.quota and state.quota.left:
        yield state.quota.left


_WORDS = {
    "+": "new in the list",
    "~": "changed in the list",
    "-": "no longer in the list",
    "?": "not read",
}


def _joined(found: Sequence[Text]) -> Text:
    return Text("\n").join(found)
