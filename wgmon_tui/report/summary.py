"""An incident as a text to paste into a ticket: what is wrong, since when, how we know it, what to type.

Pure. Plain text or Markdown; times are UTC, because readers sit anywhere. There is no private or preshared
key in it, since nothing that it is made from holds one; public keys stand in what is to be typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.diagnosis.verdict import Cause, Diagnosis, Severity
from wgmon_tui.history.records import Note
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.probe.records import Check
from wgmon_tui.text import format_count, format_elapsed, format_offset, format_utc_time, printable
from wgmon_tui.wireguard.messages import label_of

_LABEL = 10
_NAMED = 12
_OF_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~])")


@dataclass(frozen=True, slots=True)
class Account:
    """What is to be told of one server. Times are Unix seconds.

    `word` is the verdict's slug, or what stands for it; `sentence` what it means here. `until` is when it was
    over, None while it lasts. `outcome` is the round that proves it, as far as there is one, `agreed` what
    all vantages make of it where there are several. `port_up` is what a port monitor says, `together` who
    fails with it, each group as one sentence.
    """

    server: str
    severity: Severity
    word: str
    sentence: str = ""
    endpoint: str = ""
    since: float | None = None
    until: float | None = None
    incident: Incident | None = None
    outcome: Round | None = None
    port_up: bool | None = None
    together: tuple[str, ...] = ()
    silenced: str = ""
    """Why nothing of it is announced, where that is so."""
    notes: tuple[Note, ...] = ()
    agreed: Diagnosis | None = None

    @property
    def diagnosis(self) -> Diagnosis | None:
        """What it means, with evidence and causes; None where there is nothing that proves it."""
        return self.agreed or (self.outcome.diagnosis if self.outcome else None)


def account_of(row: Row) -> Account:
    """What the board knows of a server now."""
    outcome = row.last
    return Account(
        server=row.server.name,
        severity=row.severity,
        word=row.word,
        sentence=row.diagnosis.summary if row.diagnosis and not row.paused else "",
        endpoint=str(row.server.endpoint),
        since=row.since,
        incident=row.incident,
        outcome=outcome,
        agreed=row.agreed.diagnosis if row.agreed else None,
    )


def account_of_incident(incident: Incident, endpoint: str = "", notes: Sequence[Note] = ()) -> Account:
    """What is remembered of an incident."""
    return Account(
        server=incident.server,
        severity=incident.severity,
        word=incident.verdict.slug,
        sentence=incident.summary,
        endpoint=endpoint,
        since=incident.opened_at,
        until=incident.closed_at,
        incident=incident,
        notes=tuple(notes),
    )


# Plain text


def as_text(account: Account, now: float) -> str:
    """The account in plain text, its lines unwrapped: whoever pastes it knows the width."""
    return "\n".join(map(printable, _text_lines(account, now))) + "\n"


def _text_lines(account: Account, now: float) -> Iterator[str]:
    yield _title(account)
    if account.sentence:
        yield account.sentence
    yield ""
    for label, value in _facts(account, now):
        yield f"{label:<{_LABEL}}{value}"
    diagnosis = account.diagnosis
    if diagnosis and diagnosis.evidence:
        yield from ("", "What was seen")
        yield from (f"- {each}" for each in diagnosis.evidence)
    if diagnosis and diagnosis.causes:
        yield from ("", "What it can be, likeliest first")
        for number, cause in enumerate(diagnosis.causes, 1):
            yield f"{number}. {cause.cause}"
            yield f"   why:  {cause.why}"
            yield f"   next: {cause.fix}"
    if account.outcome and account.outcome.check.exchange:
        yield from ("", _exchange_title(account.outcome.check))
        yield from (f"  {line}" for line in _packets(account.outcome.check))
    if account.notes:
        yield from ("", "Notes")
        yield from (f"- {_note(note)}" for note in account.notes)


# Markdown


def as_markdown(account: Account, now: float) -> str:
    """The account in Markdown, as GitHub, GitLab and most trackers and chats read it."""
    return "\n".join(_markdown_lines(account, now)) + "\n"


def _markdown_lines(account: Account, now: float) -> Iterator[str]:
    yield f"### {_escaped(_title(account))}"
    if account.sentence:
        yield from ("", _escaped(account.sentence))
    yield ""
    for label, value in _facts(account, now):
        yield f"- **{label}:** {_escaped(value)}"
    diagnosis = account.diagnosis
    if diagnosis and diagnosis.evidence:
        yield from ("", "**What was seen**", "")
        yield from (f"- {_escaped(each)}" for each in diagnosis.evidence)
    if diagnosis and diagnosis.causes:
        yield from ("", "**What it can be, likeliest first**", "")
        for number, cause in enumerate(diagnosis.causes, 1):
            yield from _markdown_cause(number, cause)
    if account.outcome and account.outcome.check.exchange:
        yield from ("", f"**{_escaped(_exchange_title(account.outcome.check))}**", "", "```")
        yield from map(printable, _packets(account.outcome.check))
        yield "```"
    if account.notes:
        yield from ("", "**Notes**", "")
        yield from (f"- {_escaped(_note(note))}" for note in account.notes)


def _markdown_cause(number: int, cause: Cause) -> Iterator[str]:
    indent = " " * (len(str(number)) + 2)
    yield f"{number}. {_escaped(cause.cause)}"
    yield f"{indent}- why: {_escaped(cause.why)}"
    yield f"{indent}- next: {_code(cause.fix)}"


def _escaped(text: str) -> str:
    """Text from outside, which must not become a heading, a link or an image."""
    return _OF_MARKDOWN.sub(r"\\\1", printable(text))


def _code(text: str) -> str:
    """A code span: what is to be typed stays as it is."""
    text = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    blank = " " if fence != "`" else ""
    return f"{fence}{blank}{text}{blank}{fence}"


# What stands in both


def _title(account: Account) -> str:
    over = account.until is not None
    state = f"{'was ' if over else 'is '}{account.severity.word}"
    why = f": {account.word}" if account.word != account.severity.word else ""
    return f"{account.severity.glyph} {account.server} {state}{why}"


def _facts(account: Account, now: float) -> Iterator[tuple[str, str]]:
    check = account.outcome.check if account.outcome else None
    if account.endpoint:
        address = str(check.address) if check and check.address else ""
        resolved = f" ({address})" if address and not account.endpoint.strip("[").startswith(address) else ""
        yield "endpoint", f"{account.endpoint}{resolved}"
    vantage = check.vantage if check else account.incident.vantage if account.incident else ""
    if vantage:
        yield "seen from", vantage
    if account.since is not None:
        until = now if account.until is None else account.until
        end = "" if account.until is None else f" to {format_utc_time(account.until, seconds=False)}"
        lasted = format_elapsed(until - account.since)
        if account.until == account.since:
            yield "at", format_utc_time(account.since, seconds=False)
        else:
            yield (
                "from" if end else "since",
                f"{format_utc_time(account.since, seconds=False)}{end}, {lasted}",
            )
    if incident := account.incident:
        yield "incident", _incident(incident)
    if account.silenced:
        yield "quiet", account.silenced
    if account.port_up is not None:
        word = "UP (open|filtered)" if account.port_up else "down (closed)"
        wrong = account.port_up and account.severity is Severity.DOWN
        yield "port", f"a port monitor says: {word}{', but it is down' if wrong else ''}"
    for sentence in account.together:
        yield "with", sentence


def _incident(incident: Incident) -> str:
    parts = [incident.id, f"opened {format_utc_time(incident.opened_at, seconds=False)}"]
    parts += ["flapping"] if incident.flapping else []
    if incident.acknowledged_at is not None:
        by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else ""
        parts.append(f"acknowledged{by} {format_utc_time(incident.acknowledged_at, seconds=False)}")
    return ", ".join(parts)


def _exchange_title(check: Check) -> str:
    at = format_utc_time(check.started_at)
    return f"The exchange of {at}"


def _packets(check: Check) -> Iterator[str]:
    for packet in check.exchange[:_NAMED]:
        size, at = format_count(len(packet.data), "byte"), format_offset(packet.at)
        yield f"{packet.direction.value:<9}{at:>10}  {label_of(packet.data)}, {size}"
    if (more := len(check.exchange) - _NAMED) > 0:
        yield f"and {more} more"
    if check.handshake is None:
        yield "no authentic answer"


def _note(note: Note) -> str:
    who = f"{note.who}, " if note.who else ""
    return f"{who}{format_utc_time(note.at, seconds=False)}: {note.text}"
