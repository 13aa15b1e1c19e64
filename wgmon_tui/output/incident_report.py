"""Incident report to paste into a ticket: what is wrong, since when, the evidence, what to type.

Pure functions. Plain text or Markdown; times are UTC, because readers may be in any time zone. It contains no
private or preshared key, since its inputs have none; commands to type may contain public keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.packets import label_of
from wgmon_tui.checks.stage_text import format_stages, judged_stages
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, causes_heading
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import MAX_VERDICTS, Incident
from wgmon_tui.net.naive_port_check import describe_answer
from wgmon_tui.output.advice_lines import advice_lines
from wgmon_tui.store.models import Note
from wgmon_tui.text import (
    count_repeated,
    format_count,
    format_elapsed,
    format_offset,
    format_utc_time,
    printable,
)

_LABEL = 10
_PACKETS_SHOWN = 12
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#!|~]|^\+)")
"""A plus sign begins a list, and only at the start; keys in base64 have it, and are copied from here."""


@dataclass(frozen=True, slots=True)
class ReportedDelivery:
    """A message about the incident: Unix time of the event, sink, result, and why it was not sent."""

    at: float
    sink: str
    result: str
    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """Content of a report about one server. Times are Unix seconds.

    `status_word` is the verdict's slug or its substitute; `sentence` is its meaning here. `until` is its end,
    None while it lasts. `outcome` is the round with the evidence, if there is one. `quorum_result` is the
    common result of several vantages. `port_up` is the result of a port monitor at the time `port_at`,
    and `port_answer` its last answer in its own word.
    `together` has one sentence per group of servers that fail together.
    """

    server: str
    severity: Severity
    status_word: str
    sentence: str = ""
    endpoint: str = ""
    since: float | None = None
    until: float | None = None
    incident: Incident | None = None
    outcome: Round | None = None
    port_up: bool | None = None
    port_at: float | None = None
    port_answer: str | None = None
    together: tuple[str, ...] = ()
    muted_reason: str = ""
    """Why its alerts are suppressed, or ""."""
    notes: tuple[Note, ...] = ()
    quorum_result: Diagnosis | None = None
    good: Check | None = None
    """The last good check before `outcome`, whose packets stand beside those of that time."""
    notifications: tuple[ReportedDelivery, ...] | None = None
    """Messages about the incident; None if they are not known."""
    last_checked: float | None = None
    """When the server was checked last, if nobody checks it now."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        """Return the diagnosis with evidence and causes; None without a round."""
        return self.quorum_result or (self.outcome.diagnosis if self.outcome else None)


def report_of(server_state: ServerState) -> IncidentReport:
    """Build the report of a server's current state."""
    outcome = server_state.last
    return IncidentReport(
        server=server_state.server.name,
        severity=server_state.severity,
        status_word=server_state.status_word,
        sentence=server_state.diagnosis.summary if server_state.diagnosis and not server_state.paused else "",
        endpoint=str(server_state.server.endpoint),
        since=server_state.since,
        incident=server_state.incident,
        outcome=outcome,
        quorum_result=server_state.quorum_result.diagnosis if server_state.quorum_result else None,
        port_answer=server_state.port_monitor,
    )


def report_of_incident(incident: Incident, endpoint: str = "", notes: Sequence[Note] = ()) -> IncidentReport:
    """Build the report of a stored incident."""
    return IncidentReport(
        server=incident.server,
        severity=incident.severity,
        status_word=incident.verdict.slug,
        sentence=incident.summary,
        endpoint=endpoint,
        since=incident.opened_at,
        until=incident.closed_at,
        incident=incident,
        notes=tuple(notes),
    )


# Plain text


def as_text(incident_report: IncidentReport, now: float) -> str:
    """Return the report as plain text with unwrapped lines: the width of its destination is unknown."""
    return "\n".join(map(printable, _text_lines(incident_report, now))) + "\n"


def _text_lines(incident_report: IncidentReport, now: float) -> Iterator[str]:
    yield _title(incident_report)
    if incident_report.sentence:
        yield incident_report.sentence
    yield ""
    for label, value in _facts(incident_report, now):
        yield f"{label:<{_LABEL}}{value}"
    if verdicts := _verdicts(incident_report.incident):
        yield from ("", "Verdicts")
        yield from (f"- {each}" for each in verdicts)
    diagnosis = incident_report.diagnosis
    if diagnosis and diagnosis.evidence:
        yield from ("", "Evidence")
        yield from (f"- {each}" for each in count_repeated(diagnosis.evidence))
    if diagnosis and diagnosis.causes:
        yield from ("", causes_heading(diagnosis.causes))
        for number, cause in enumerate(diagnosis.causes, 1):
            yield f"{number}. {cause.cause}"
            yield f"   why:  {cause.why}"
            for place, line in enumerate(advice_lines(cause.fix)):
                yield f"{'         ' if place else '   next: '}{line.text}"
    if incident_report.outcome and incident_report.outcome.check.exchange:
        yield from ("", _exchange_title(incident_report.outcome.check))
        yield from (f"  {line}" for line in _packets(incident_report.outcome.check))
    if incident_report.good and incident_report.good.exchange:
        yield from ("", _good_title(incident_report.good))
        yield from (f"  {line}" for line in _packets(incident_report.good))
    if incident_report.notifications is not None:
        yield from ("", "Notified")
        yield from (f"- {each}" for each in _notified(incident_report.notifications))
    if incident_report.notes:
        yield from ("", "Notes")
        yield from (f"- {_note(note)}" for note in incident_report.notes)


# Markdown


def as_markdown(incident_report: IncidentReport, now: float) -> str:
    """Return the report as Markdown for GitHub, GitLab and most trackers and chats."""
    return "\n".join(_markdown_lines(incident_report, now)) + "\n"


def _markdown_lines(incident_report: IncidentReport, now: float) -> Iterator[str]:
    yield f"### {_escaped(_title(incident_report))}"
    if incident_report.sentence:
        yield from ("", _escaped(incident_report.sentence))
    yield ""
    for label, value in _facts(incident_report, now):
        yield f"- **{label}:** {_escaped(value)}"
    if verdicts := _verdicts(incident_report.incident):
        yield from ("", "**Verdicts**", "")
        yield from (f"- {_escaped(each)}" for each in verdicts)
    diagnosis = incident_report.diagnosis
    if diagnosis and diagnosis.evidence:
        yield from ("", "**Evidence**", "")
        yield from (f"- {_escaped(each)}" for each in count_repeated(diagnosis.evidence))
    if diagnosis and diagnosis.causes:
        yield from ("", f"**{causes_heading(diagnosis.causes)}**", "")
        for number, cause in enumerate(diagnosis.causes, 1):
            yield from _markdown_cause(number, cause)
    if incident_report.outcome and incident_report.outcome.check.exchange:
        yield from ("", f"**{_escaped(_exchange_title(incident_report.outcome.check))}**", "", "```")
        yield from map(printable, _packets(incident_report.outcome.check))
        yield "```"
    if incident_report.good and incident_report.good.exchange:
        yield from ("", f"**{_escaped(_good_title(incident_report.good))}**", "", "```")
        yield from map(printable, _packets(incident_report.good))
        yield "```"
    if incident_report.notifications is not None:
        yield from ("", "**Notified**", "")
        yield from (f"- {_escaped(each)}" for each in _notified(incident_report.notifications))
    if incident_report.notes:
        yield from ("", "**Notes**", "")
        yield from (f"- {_escaped(_note(note))}" for note in incident_report.notes)


def _markdown_cause(number: int, cause: Cause) -> Iterator[str]:
    indent = " " * (len(str(number)) + 2)
    yield f"{number}. {_escaped(cause.cause)}"
    yield f"{indent}- why: {_escaped(cause.why)}"
    first, *more = advice_lines(cause.fix)
    yield f"{indent}- next: {_escaped(first.text)}"
    for line in more:
        yield f"{indent}  {_code(line.text) if line.is_typed else _escaped(line.text)}"


def _escaped(text: str) -> str:
    """Escape text from outside, so that it cannot become a heading, a link or an image."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", printable(text))


def _code(text: str) -> str:
    """Return a code span with the unchanged text."""
    text = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    blank = " " if fence != "`" else ""
    return f"{fence}{blank}{text}{blank}{fence}"


# Parts of both formats


def _title(incident_report: IncidentReport) -> str:
    checked = incident_report.last_checked if incident_report.until is None else None
    over = incident_report.until is not None or checked is not None
    state = f"{'was ' if over else 'is '}{incident_report.severity.word}"
    why = (
        f": {incident_report.status_word}"
        if incident_report.status_word != incident_report.severity.word
        else ""
    )
    when = f", when last checked at {format_utc_time(checked, seconds=False)}" if checked is not None else ""
    return f"{incident_report.severity.glyph} {incident_report.server} {state}{why}{when}"


def _facts(incident_report: IncidentReport, now: float) -> Iterator[tuple[str, str]]:
    check = incident_report.outcome.check if incident_report.outcome else None
    if incident_report.endpoint:
        address = str(check.address) if check and check.address else ""
        resolved = (
            f" ({address})" if address and not incident_report.endpoint.strip("[").startswith(address) else ""
        )
        yield "endpoint", f"{incident_report.endpoint}{resolved}"
    vantage = check.vantage if check else incident_report.incident.vantage if incident_report.incident else ""
    if vantage:
        yield "seen from", vantage
    if incident_report.since is not None:
        last = now if incident_report.last_checked is None else incident_report.last_checked
        until = last if incident_report.until is None else incident_report.until
        end = (
            ""
            if incident_report.until is None
            else f" to {format_utc_time(incident_report.until, seconds=False)}"
        )
        lasted = format_elapsed(until - incident_report.since)
        if incident_report.until == incident_report.since:
            yield "at", format_utc_time(incident_report.since, seconds=False)
        else:
            yield (
                "from" if end else "since",
                f"{format_utc_time(incident_report.since, seconds=False)}{end}, {lasted}",
            )
    if incident_report.last_checked is not None and incident_report.until is None:
        yield "checked", f"{format_utc_time(incident_report.last_checked)}; nobody has checked since"
    if incident := incident_report.incident:
        yield "incident", _incident(incident)
    if incident_report.muted_reason:
        yield "alerts", incident_report.muted_reason
    if incident_report.port_up is not None and incident_report.port_at is not None:
        word = describe_answer(incident_report.port_answer, is_up=incident_report.port_up)
        wrong = incident_report.port_up and incident_report.severity is Severity.DOWN
        asked = format_utc_time(incident_report.port_at)
        but = ", but the server is down" if wrong else ""
        yield "port", f"a port monitor reports {word}, asked {asked}{but}"
    for sentence in incident_report.together:
        yield "with", sentence
    if incident_report.outcome and (stages := _stages(incident_report.outcome)):
        yield "stages", stages


def _stages(outcome: Round) -> str:
    """The stages of the deciding check, up to the one that failed."""
    return format_stages(judged_stages(outcome.check, outcome.diagnosis))


def _incident(incident: Incident) -> str:
    parts = [incident.id, f"opened {format_utc_time(incident.opened_at, seconds=False)}"]
    parts += ["flapping"] if incident.flapping else []
    if incident.acknowledged_at is not None:
        by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
        parts.append(f"acknowledged{by} {format_utc_time(incident.acknowledged_at, seconds=False)}")
    return ", ".join(parts)


def _verdicts(incident: Incident | None) -> list[str]:
    """Return the sequence of verdicts with their times; empty if it is not known."""
    if incident is None:
        return []
    lines = [f"{format_utc_time(each.at)}, {each.verdict.slug}: {each.summary}" for each in incident.verdicts]
    if incident.omitted_verdicts:
        lines.insert(MAX_VERDICTS // 2, f"{incident.omitted_verdicts} more")
    return lines


def _exchange_title(check: Check) -> str:
    at = format_utc_time(check.started_at)
    return f"Packets of {at}"


def _good_title(check: Check) -> str:
    return f"Packets of the last good exchange, {format_utc_time(check.started_at)}"


def _notified(notifications: Sequence[ReportedDelivery]) -> list[str]:
    return [*map(_notification, notifications)] or ["nobody: no alert about it is stored"]


def _notification(notification: ReportedDelivery) -> str:
    why = f" ({notification.reason})" if notification.reason else ""
    at = format_utc_time(notification.at)
    return f"{at}, {notification.sink}: {notification.result}{why}: {notification.message}"


def _packets(check: Check) -> Iterator[str]:
    for packet in check.exchange[:_PACKETS_SHOWN]:
        size, at = format_count(len(packet.data), "byte"), format_offset(packet.at)
        yield f"{packet.direction.value:<9}{at:>10}  {label_of(check, packet)}, {size}"
    if (more := len(check.exchange) - _PACKETS_SHOWN) > 0:
        yield f"and {more} more"
    if check.handshake is None:
        yield "no authentic answer"


def _note(note: Note) -> str:
    who = f"{note.who}, " if note.who else ""
    return f"{who}{format_utc_time(note.at, seconds=False)}: {note.text}"
