"""What the store keeps, written for others: checks, incidents and exchanges as JSON lines, CSV or pcapng.

Servers come by name, what is of one server in the order of time; everything streams, a part at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wgmon_tui.history.reading import History
from wgmon_tui.history.records import Note, PastCheck, StoredExchange
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.report.captures import by_address, captured
from wgmon_tui.report.csv_lines import csv_lines
from wgmon_tui.report.json_lines import Json, in_ms, json_object, one_line, packet_object, utc

Kind = Literal["checks", "incidents", "exchange"]
Format = Literal["json", "csv", "pcapng"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to export: of which servers, from `since` on and before `until`, both Unix seconds."""

    kind: Kind
    form: Format
    names: Sequence[str]
    since: float
    until: float


def unfit(kind: Kind, form: Format) -> str | None:
    """Why these two do not go together, or None where they do."""
    if form == "pcapng" and kind != "exchange":
        return f"{kind} have no packets: pcapng is for exchange; type --format json or --format csv"
    return None


def exported(history: History, request: Request) -> Iterator[bytes]:
    """The export, part by part. Raises StoreUnavailableError."""
    if request.form == "pcapng":
        return captured(each.round for each in _exchanges(history, request))
    objects = _objects(history, request)
    if request.form == "csv":
        return (line.encode() for line in csv_lines(COLUMNS[request.kind], objects))
    return (f"{one_line(each)}\n".encode() for each in objects)


# What there is, as the objects of the JSON


def check_object(server: str, past: PastCheck) -> Json:
    """A check of the past. The keys are those of `probe --json`, as far as they are kept."""
    tunnel = past.tunnel_sent is not None
    return {
        "server": server,
        "vantage": past.vantage,
        "address": str(past.address) if past.address else None,
        "verdict": past.verdict.slug,
        "severity": past.verdict.severity.word,
        "decides": past.decides,
        "rtt_ms": in_ms(past.rtt),
        "tunnel": {
            "sent": past.tunnel_sent,
            "received": past.tunnel_received,
            "rtt_ms": in_ms(past.tunnel_rtt),
        }
        if tunnel
        else None,
        "started_at": utc(past.at),
    }


def incident_object(incident: Incident, notes: Sequence[Note]) -> Json:
    """An incident with its notes; `closed_at` and `duration_s` are null while it is open."""
    closed_at, acknowledged_at = incident.closed_at, incident.acknowledged_at
    return {
        "id": incident.id,
        "server": incident.server,
        "vantage": incident.vantage,
        "verdict": incident.verdict.slug,
        "severity": incident.severity.word,
        "summary": incident.summary,
        "opened_at": utc(incident.opened_at),
        "closed_at": None if closed_at is None else utc(closed_at),
        "duration_s": None if closed_at is None else round(closed_at - incident.opened_at, 3),
        "flapping": incident.flapping,
        "acknowledged_at": None if acknowledged_at is None else utc(acknowledged_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "notes": [{"at": utc(note.at), "who": note.who, "text": note.text} for note in notes],
    }


def exchange_objects(stored: StoredExchange) -> Iterator[Json]:
    """A stored round as `probe --json` writes it, an object for each address, and why it was kept."""
    for outcome in by_address(stored.round):
        yield {**json_object(outcome), **_kept(stored)}


def packet_objects(stored: StoredExchange) -> Iterator[Json]:
    """The same, an object for each packet."""
    for outcome in by_address(stored.round):
        check, verdict = outcome.check, outcome.diagnosis.verdict
        for packet in check.exchange:
            yield {
                **_kept(stored),
                "server": check.server,
                "vantage": check.vantage,
                "endpoint": str(check.endpoint),
                "address": str(check.address),
                "verdict": verdict.slug,
                "severity": verdict.severity.word,
                "started_at": utc(check.started_at),
                **packet_object(packet),
            }


def _kept(stored: StoredExchange) -> Json:
    return {"id": stored.line.id, "kind": stored.line.kind, "incident": stored.line.incident}


def _checks(history: History, request: Request) -> Iterator[Json]:
    for name in request.names:
        for past in history.checks(name, request.since, request.until):
            yield check_object(name, past)


def _incidents(history: History, request: Request) -> Iterator[Json]:
    for name in request.names:
        for incident in reversed(history.incidents(name, since=request.since, limit=None)):
            open_then = incident.closed_at is None or incident.closed_at >= request.since
            if open_then and incident.opened_at < request.until:
                yield incident_object(incident, history.notes(incident.id))


def _exchanges(history: History, request: Request) -> Iterator[StoredExchange]:
    for name in request.names:
        for line in reversed(history.exchanges(name, request.since, request.until, limit=None)):
            stored = history.exchange(line.id)
            if stored:  # else forgotten since the list was read
                yield stored


def _objects(history: History, request: Request) -> Iterator[Json]:
    match request.kind:
        case "checks":
            return _checks(history, request)
        case "incidents":
            return _incidents(history, request)
        case "exchange":
            split = packet_objects if request.form == "csv" else exchange_objects
            return (each for stored in _exchanges(history, request) for each in split(stored))


# The same as rows


COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "checks": (
        "server", "vantage", "address", "verdict", "severity", "decides", "rtt_ms",
        "tunnel_sent", "tunnel_received", "tunnel_rtt_ms", "started_at",
    ),
    "incidents": (
        "id", "server", "vantage", "verdict", "severity", "summary", "opened_at", "closed_at", "duration_s",
        "flapping", "acknowledged_at", "acknowledged_by", "notes",
    ),
    "exchange": (
        "id", "kind", "incident", "server", "vantage", "endpoint", "address", "verdict", "severity",
        "started_at", "t", "dir", "type", "len", "hex",
    ),
}  # fmt: skip
"""The keys of the JSON, those of an object inside it behind its name. An exchange has a row a packet."""
