"""Text of the incident view. Pure functions: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.alerts.delivery_log import Delivery, DeliveryState
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Cause, Severity
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import MAX_VERDICTS, Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Address
from wgmon_tui.text import count_repeated, format_count, format_recent_time
from wgmon_tui.tui.advice_text import advice_paragraphs
from wgmon_tui.tui.incident.details import IncidentDetails, KeptExchange
from wgmon_tui.tui.lists.alert_text import describe_delivery
from wgmon_tui.tui.lists.incident_text import acknowledgement_text, duration_text, note_lines
from wgmon_tui.tui.stage_lines import stage_lines
from wgmon_tui.tui.theme.text_style import TextStyle

_BULLET = 3
_UNDER_CAUSE = 8
_WITH_SUMMARY = 48
"""Width from which a summary stands beside its verdict."""

NO_PACKETS = (
    "No packets",
    "None were kept for this incident, or the time for which exchanges are kept is over.",
)


def headline(incident: Incident, now: float, text_style: TextStyle) -> Text:
    """The worst severity and verdict, the server, the summary, and from when to when."""
    glyphs, palette = text_style.glyphs, text_style.palette
    severity, verdict = incident.severity, incident.verdict
    line = Text().append(
        f"{glyphs.of(severity)} {severity.word}", text_style.state(severity) + Style(bold=True)
    )
    line.append(f"  {verdict.slug}", text_style.state(verdict.severity))
    line.append(f"  {glyphs.clean(incident.server)}", palette.text + Style(bold=True))
    is_open = incident.closed_at is None
    line.append("  open" if is_open else "  closed", palette.accent if is_open else palette.muted)
    if incident.flapping:
        line.append("  flapping", palette.text)
    began = format_recent_time(incident.opened_at, now, seconds=True)
    ended = "now" if is_open else format_recent_time(incident.closed_at or now, now, seconds=True)
    facts = [f"from {began} to {ended}", duration_text(incident, now)]
    if incident.vantage not in ("", LOCAL_VANTAGE):
        facts.append(f"seen from {incident.vantage.replace(',', ', ')}")
    known = incident.acknowledged_at is not None
    facts.append(acknowledgement_text(incident, now) if known else "not acknowledged")
    lines = [line, *text_style.paragraph(_dated_summary(incident, now), palette.text)]
    return Text("\n").join([*lines, *text_style.paragraph(", ".join(facts), palette.muted)])


def _dated_summary(incident: Incident, now: float) -> str:
    """The summary, after its time if that is later than the beginning: its evidence is of that time."""
    times = (each.at for each in incident.verdicts if each.verdict is incident.verdict)
    at = next(times, incident.opened_at)
    if at <= incident.opened_at:
        return incident.summary
    return f"{format_recent_time(at, now, seconds=True)}: {incident.summary}"


def overview(
    details: IncidentDetails,
    chosen: KeptExchange | None,
    outcome: Round | None,
    has_sinks: bool,
    now: float,
    text_style: TextStyle,
) -> Text:
    """The verdicts, the evidence and causes of the chosen exchange, who was notified, and the notes.

    `outcome` is the round of the chosen exchange; None if it is not loaded or no longer stored.
    """
    lines = [*_heading("Verdicts", text_style), *_verdicts(details.entry.incident, now, text_style)]
    lines += _evidence(details, chosen, outcome, now, text_style)
    lines += _heading("Notified", text_style)
    lines += _notified(details, has_sinks, now, text_style)
    lines += _heading("Notes", text_style)
    if details.entry.notes:
        lines += note_lines(details.entry.notes, now, text_style)
    else:
        lines += text_style.paragraph("None.", text_style.palette.muted)
    return Text("\n").join(lines[1:])


def caption(
    details: IncidentDetails,
    chosen: KeptExchange,
    outcome: Round,
    address: Address | None,
    comparison: Text | None,
    now: float,
    text_style: TextStyle,
) -> Text:
    """The lines above the packets: which exchange of how many, its verdict, address and time."""
    palette, verdict = text_style.palette, outcome.diagnosis.verdict
    number = details.exchanges.index(chosen) + 1 if chosen in details.exchanges else 1
    line = Text(f"exchange {number} of {len(details.exchanges)}: ", palette.muted)
    line.append(
        f"{text_style.glyphs.of(verdict.severity)} {verdict.slug}", text_style.state(verdict.severity)
    )
    line.append(f"  {format_recent_time(chosen.at, now, seconds=True)}", palette.text + Style(bold=True))
    parts = [f"from {chosen.vantage}"] if chosen.vantage else []
    if len(outcome.checks) > 1:
        parts.append(f"{address}, one of {len(outcome.checks)} addresses: < >")
    for part in parts:
        line.append(f"  {text_style.glyphs.clean(part)}", palette.muted)
    if comparison is None:
        return line
    beside = line.cell_len + comparison.cell_len + 3 <= text_style.width
    return Text("   " if beside else "\n").join([line, comparison])


def side_titles(check: Check, good: Check, now: float, text_style: TextStyle) -> tuple[Text, Text]:
    """The titles of the packets of that time, and of the last good ones beside them."""
    style = text_style.palette.text
    return (
        Text(f"then, {format_recent_time(check.started_at, now, seconds=True)}", style),
        Text(f"last good, {format_recent_time(good.started_at, now, seconds=True)}", style),
    )


def good_caption(good: Check, now: float, text_style: TextStyle, key: str) -> Text:
    """The line above the packets of the last good exchange, which are not those of the incident."""
    palette, when = text_style.palette, format_recent_time(good.started_at, now, seconds=True)
    line = Text("last good exchange, before the incident: ", palette.muted)
    line.append(f"{text_style.glyphs.of(Severity.UP)} {when}", text_style.state(Severity.UP))
    return line.append(f"  {key}: back", palette.accent)


def _heading(words: str, text_style: TextStyle, more: str = "") -> list[Text]:
    heading = Text(words, style=text_style.palette.muted + Style(bold=True))
    return [Text(""), heading.append(f"  {more}", text_style.palette.muted) if more else heading]


def _verdicts(incident: Incident, now: float, text_style: TextStyle) -> list[Text]:
    """The sequence, each with its time; of an incident of an earlier version only the headline."""
    if not incident.verdicts:
        words = "Only the headline is known: an earlier version opened this incident."
        return text_style.paragraph(words, text_style.palette.muted)
    times = [format_recent_time(each.at, now, seconds=True) for each in incident.verdicts]
    when, slug = max(map(len, times)), max(len(each.verdict.slug) for each in incident.verdicts)
    lines: list[Text] = []
    for number, (at, each) in enumerate(zip(times, incident.verdicts, strict=True)):
        if number == MAX_VERDICTS // 2 and incident.omitted_verdicts:
            lines.append(_omitted(incident, text_style))
        severity = each.verdict.severity
        line = Text(f"{at:>{when}}  ", style=text_style.palette.muted)
        line.append(
            f"{text_style.glyphs.of(severity)} {each.verdict.slug:<{slug}}", text_style.state(severity)
        )
        lines += _beside(line, each.summary, text_style)
    if len(incident.verdicts) <= MAX_VERDICTS // 2 and incident.omitted_verdicts:
        lines.append(_omitted(incident, text_style))
    return lines


def _omitted(incident: Incident, text_style: TextStyle) -> Text:
    count = format_count(incident.omitted_verdicts, "more verdict")
    return Text(f"{count} left out", style=text_style.palette.muted)


def _beside(line: Text, words: str, text_style: TextStyle) -> list[Text]:
    """Put wrapped words beside a line, or below it if there is little room."""
    indent = line.cell_len + 2
    if text_style.width - indent < _WITH_SUMMARY:
        below = text_style.paragraph(words, text_style.palette.text, " ", _BULLET)
        return [line, *below]
    first, *more = text_style.paragraph(words, text_style.palette.text, " ", indent)
    return [line.append_text(first[line.cell_len :]), *more]


def _evidence(
    details: IncidentDetails,
    chosen: KeptExchange | None,
    outcome: Round | None,
    now: float,
    text_style: TextStyle,
) -> list[Text]:
    """Evidence and causes of the chosen exchange; without packets, those that the messages repeat."""
    if chosen is not None and outcome is not None:
        evidence, causes = outcome.diagnosis.evidence, outcome.diagnosis.causes
        of = f"check of {format_recent_time(chosen.at, now, seconds=True)}, {outcome.diagnosis.verdict.slug}"
        if len(details.exchanges) > 1:
            of += f", {details.exchanges.index(chosen) + 1} of {len(details.exchanges)}"
    else:
        evidence, causes = details.notified_evidence
        of = "from the alert of that time" if evidence or causes else ""
    lines = _heading("Evidence", text_style, text_style.glyphs.clean(of))
    lines += stage_lines(outcome.check, outcome.diagnosis, text_style) if outcome else []
    for each in count_repeated(evidence):
        lines += text_style.paragraph(each, text_style.palette.text, text_style.glyphs.separator, _BULLET)
    if not evidence:
        why = "Not stored." if outcome is None else "None."
        lines += text_style.paragraph(why, text_style.palette.muted)
    if causes:
        lines += [
            *_heading("Possible causes at that time, most likely first", text_style),
            *_causes(causes, text_style),
        ]
    return lines


def _causes(causes: Sequence[Cause], text_style: TextStyle) -> Iterator[Text]:
    palette = text_style.palette
    for number, cause in enumerate(causes, 1):
        yield from text_style.paragraph(cause.cause, palette.text + Style(bold=True), f"{number}", _BULLET)
        yield from text_style.paragraph(cause.why, palette.text, f"{'':<{_BULLET}}why", _UNDER_CAUSE)
        yield from advice_paragraphs(cause.fix, text_style, f"{'':<{_BULLET}}next", _UNDER_CAUSE)


def _notified(details: IncidentDetails, has_sinks: bool, now: float, text_style: TextStyle) -> Iterator[Text]:
    deliveries, muted = details.deliveries, text_style.palette.muted
    if deliveries is None:
        yield from text_style.paragraph("This run stores no alerts.", muted)
    elif not deliveries:
        why = "no alert about it is stored" if has_sinks else "config.toml has no [[sink]]"
        nobody = "Nobody" if details.entry.incident.closed_at is not None else "Nobody yet"
        yield from text_style.paragraph(f"{nobody}: {why}.", muted)
    sink = max((cell_len(text_style.glyphs.clean(each.sink)) for each in deliveries or ()), default=0)
    for each in deliveries or ():
        yield from _delivery(each, sink, now, text_style)


def _delivery(delivery: Delivery, sink_width: int, now: float, text_style: TextStyle) -> list[Text]:
    """One message: when, to which sink, with which result, and what it said."""
    glyphs, palette = text_style.glyphs, text_style.palette
    word, has_failed = _outcome(delivery, now)
    name = glyphs.clean(delivery.sink)
    line = Text(f"{format_recent_time(delivery.at, now, seconds=True)}  ", style=palette.muted)
    line.append(f"{name}{' ' * (sink_width - cell_len(name))}  ", palette.text)
    line.append(glyphs.clean(word), text_style.state(Severity.DOWN) if has_failed else palette.text)
    lines = [line]
    lines += text_style.paragraph(describe_delivery(delivery, glyphs), palette.muted, " ", _BULLET)
    if delivery.reason and delivery.state is not DeliveryState.SENT:
        lines += text_style.paragraph(delivery.reason, palette.text, " ", _BULLET)
    return lines


def _outcome(delivery: Delivery, now: float) -> tuple[str, bool]:
    """What became of a delivery, and whether it failed."""
    done = format_recent_time(delivery.done_at or delivery.at, now, seconds=True)
    match delivery.state:
        case DeliveryState.SENT:
            return f"delivered {done}", False
        case DeliveryState.GIVEN_UP:
            return f"failed, given up {done}", True
        case DeliveryState.HELD:
            return "not sent", False
        case _ if delivery.is_failing:
            return f"{format_count(delivery.attempts, 'attempt')} failed, another one follows", True
        case _:
            return "not sent yet", False
