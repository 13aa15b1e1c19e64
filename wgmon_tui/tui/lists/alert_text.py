"""Text of the alerts screen: sinks, deliveries and details. Pure: records in, Rich texts out."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.alerts.delivery_log import Delivery, DeliveryCounts, DeliveryState
from wgmon_tui.alerts.models import AnnouncementKind
from wgmon_tui.alerts.rendering import title
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.text import format_count, format_recent_time
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.line_list import ListLine

_GAP = "  "
_STATE, _WHEN, _SINK = 11, 12, 12
_SINK_KEY, _ALERT_KEY = "sink ", "alert "

FIRST_SINK = '[[sink]]\nname = "me"\ntype = "bell"'
"""The smallest [[sink]] of a config.toml."""


@dataclass(frozen=True, slots=True)
class AlertOverview:
    """The names of the sinks in config.toml, and the latest deliveries, newest first."""

    sinks: tuple[str, ...]
    deliveries: tuple[Delivery, ...]

    def of(self, sink: str) -> tuple[Delivery, ...]:
        """The deliveries to a sink."""
        return tuple(each for each in self.deliveries if each.sink == sink)

    def first_line(self, word: str) -> str | None:
        """The key of the line of the first delivery that the title counts under this word."""
        return next((_key(each) for each in self.deliveries if COUNTED[word](each)), None)

    def delivery_at(self, key: str | None) -> Delivery | None:
        """The delivery whose line has this key."""
        return next((each for each in self.deliveries if _key(each) == key), None)

    def sink_at(self, key: str | None) -> str | None:
        """The sink of the line with this key, or of its delivery; None if config.toml no longer has it."""
        delivery = self.delivery_at(key)
        name = delivery.sink if delivery else (key or "").removeprefix(_SINK_KEY)
        return name if name in self.sinks else None

    def retryable_at(self, key: str | None) -> Delivery | None:
        """The delivery to retry: the one of this line, or the oldest failing one of a sink.

        When that one succeeds, the dispatcher retries the others at once.
        """
        delivery = self.delivery_at(key)
        if delivery:
            waits = delivery.state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
            return delivery if waits and delivery.sink in self.sinks else None
        failing = [each for each in self.of(self.sink_at(key) or "") if each.is_failing]
        return failing[-1] if failing else None

    def unacknowledged_at(self, key: str | None) -> UnacknowledgedFailure | None:
        """What can be acknowledged: the failed delivery of this line, or all failed ones of a sink.

        If the sink is no longer in config.toml it has no line, so its deliveries are acknowledged together.
        """
        delivery = self.delivery_at(key)
        if delivery and not delivery.is_unacknowledged:
            return None
        if delivery and delivery.sink in self.sinks:
            return UnacknowledgedFailure(delivery.sink, delivery.id, 1)
        sink = delivery.sink if delivery else self.sink_at(key) or ""
        unacknowledged = sum(each.is_unacknowledged for each in self.of(sink))
        return UnacknowledgedFailure(sink, 0, unacknowledged) if unacknowledged else None


@dataclass(frozen=True, slots=True)
class UnacknowledgedFailure:
    """Unacknowledged deliveries that were given up: one by id, or with id 0 all of the sink."""

    sink: str
    delivery_id: int
    count: int


def badge_text(counts: DeliveryCounts) -> str:
    """The badge in the top line; "" if no delivery needs attention."""
    parts = [(counts.failing, "failing"), (counts.given_up, "given up")]
    words = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"alerts: {words}" if words else ""


def summary(log: AlertOverview, style: Style) -> Text:
    """The counts next to the title. A click on one goes to the first of them."""
    words = Text()
    if count := len(log.sinks):
        words.append(format_count(count, "sink"), style)
    for word, is_counted in COUNTED.items():
        if count := sum(map(is_counted, log.deliveries)):
            words.append(", " if words else "", style)
            words.append(f"{count} {word}", style + Style(meta={"@click": f"screen.go_to('{word}')"}))
    return words


COUNTED: Mapping[str, Callable[[Delivery], bool]] = {
    "failing": lambda each: each.is_failing,
    "pending": lambda each: each.state is DeliveryState.PENDING and not each.is_failing,
    "given up": lambda each: each.is_unacknowledged,
}
"""The deliveries that the title counts."""


def lines(
    log: AlertOverview, now: float, text_style: TextStyle, actions: Sequence[Action] = ACTIONS
) -> list[ListLine]:
    """The lines of the list: the sinks, then the deliveries."""
    quiet = text_style.palette.muted
    found = [
        ListLine(_sink_line(name, log.of(name), now, text_style), f"{_SINK_KEY}{name}") for name in log.sinks
    ]
    found += [ListLine(Text()), ListLine(Text(_heading(), quiet))]
    found += [ListLine(_line(each, now, text_style), _key(each)) for each in log.deliveries]
    if not log.deliveries:
        test = key_of("test_sink", actions)
        found.append(ListLine(Text(f"No alerts sent yet. Press {test} to send a test.", quiet)))
    return found


def _key(delivery: Delivery) -> str:
    return f"{_ALERT_KEY}{delivery.id}"


def _heading() -> str:
    return _GAP.join((f"{'state':<{_STATE}}", f"{'when':>{_WHEN}}", f"{'sink':<{_SINK}}", "what"))


def _sink_line(name: str, deliveries: Sequence[Delivery], now: float, text_style: TextStyle) -> Text:
    """A sink and the state of its deliveries, according to the last finished attempt."""
    failing = [each for each in deliveries if each.is_failing]
    sent = next((each for each in deliveries if each.state is DeliveryState.SENT), None)
    waiting = sum(each.state is DeliveryState.PENDING for each in deliveries) - len(failing)
    words, style = "nothing sent yet", text_style.palette.muted
    if failing:
        due = min(each.due_at for each in failing)
        words = f"{len(failing)} failing, {_next_attempt_text(due, now)}: {failing[0].reason}"
        style = text_style.state(Severity.DOWN)
    elif sent:
        words = f"last sent {format_recent_time(sent.done_at or sent.at, now)}"
    if waiting:
        words += f", {waiting} pending"
    if unacknowledged := sum(each.is_unacknowledged for each in deliveries):
        words, style = f"{unacknowledged} given up, {words}", text_style.state(Severity.DOWN)
    found = Text("sink ", text_style.palette.muted)
    found.append(
        fit(text_style.glyphs.clean(name), _STATE + _WHEN, text_style.glyphs), text_style.palette.text
    )
    return _truncate(found.append(_GAP).append(text_style.glyphs.clean(words), style), text_style)


def _line(delivery: Delivery, now: float, text_style: TextStyle) -> Text:
    word, style = _state(delivery, text_style)
    found = Text().append(fit(word, _STATE, text_style.glyphs), style)
    calm = text_style.palette.text if _needs_attention(delivery) else text_style.palette.muted
    found.append(f"{_GAP}{format_recent_time(delivery.at, now):>{_WHEN}}{_GAP}", calm)
    found.append(fit(text_style.glyphs.clean(delivery.sink), _SINK, text_style.glyphs), calm)
    found.append(f"{_GAP}{describe_delivery(delivery, text_style.glyphs)}", calm)
    if delivery.reason and delivery.state is not DeliveryState.SENT:
        found.append(f"{_GAP}{text_style.glyphs.clean(delivery.reason)}", style)
    return _truncate(found, text_style)


def _truncate(line: Text, text_style: TextStyle) -> Text:
    if cell_len(line.plain) > text_style.width:
        line.truncate(text_style.width - 1)
        line.append(text_style.glyphs.ellipsis, text_style.palette.muted)
    return line


def _state(delivery: Delivery, text_style: TextStyle) -> tuple[str, Style]:
    loud = text_style.state(Severity.DOWN)
    if delivery.state is DeliveryState.PENDING:
        if delivery.is_failing:
            return f"failing {delivery.attempts}x", loud
        return "sending" if delivery.sending else "pending", text_style.palette.text
    return delivery.state.value, loud if delivery.is_unacknowledged else text_style.palette.muted


def _needs_attention(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.PENDING or delivery.is_unacknowledged


def describe_delivery(delivery: Delivery, glyphs: Glyphs) -> str:
    """What was sent, in one line, with the glyphs of the terminal."""
    if delivery.announcement.kind is AnnouncementKind.TEST:
        return "a test"  # its title claims that alerts arrive, which is unknown before it is sent
    words = title(delivery.announcement)
    for severity in Severity:
        words = words.replace(severity.glyph, glyphs.of(severity))
    return glyphs.clean(words)


def alerted_server(delivery: Delivery, known: Container[str]) -> str | None:
    """The first server of a delivery that is still in the fleet: the worst of them."""
    return next((name for name in delivery.announcement.servers if name in known), None)


def detail(
    delivery: Delivery, now: float, text_style: TextStyle, actions: Sequence[Action] = ACTIONS
) -> Text:
    """One delivery in full: alert, sink, outcome and the time of the next attempt."""
    palette = text_style.palette
    found = text_style.paragraph(describe_delivery(delivery, text_style.glyphs), palette.text)
    outcome = _outcome_text(delivery, now, actions)
    facts = [f"to {delivery.sink}", format_recent_time(delivery.at, now, seconds=True), outcome]
    found += text_style.paragraph(", ".join(facts), palette.muted)
    if delivery.reason and delivery.state is not DeliveryState.SENT:
        label = "held" if delivery.state is DeliveryState.HELD else "why"
        found += text_style.paragraph(delivery.reason, palette.text, label)
    return Text("\n").join(found)


def _outcome_text(delivery: Delivery, now: float, actions: Sequence[Action]) -> str:
    done = format_recent_time(delivery.done_at or delivery.at, now, seconds=True)
    match delivery.state:
        case DeliveryState.SENT:
            return f"sent {done}"
        case DeliveryState.GIVEN_UP:
            if delivery.seen_at is None:
                again, seen = key_of("retry", actions), key_of("see", actions)
                return f"given up {done}; press {again} to retry, {seen} to acknowledge"
            seen_at = format_recent_time(delivery.seen_at, now, seconds=True)
            return f"given up {done}, acknowledged by {delivery.seen_by} {seen_at}"
        case DeliveryState.HELD:
            return "not sent"
        case _ if delivery.sending:
            return "being sent now"
        case _:
            failed = f"{format_count(delivery.attempts, 'attempt')} failed"
            tried = f"{failed}, " if delivery.attempts else "not tried yet, "
            return f"{tried}{_next_attempt_text(delivery.due_at, now)}"


def _next_attempt_text(due: float, now: float) -> str:
    """When the next attempt starts. A due delivery may still wait for the back-off of its sink."""
    return f"next try {format_recent_time(due, now, seconds=True)}" if due > now else "next try soon"
