"""Export of the stored history: checks, incidents and exchanges as JSON lines, CSV or pcapng.

The order is by server, then by time. All output is streamed in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.csv_format import csv_lines
from wgmon_tui.output.json_lines import Json, in_ms, json_object, one_line, packet_object
from wgmon_tui.output.pcapng_export import by_address, pcapng_of
from wgmon_tui.store.history import History
from wgmon_tui.store.models import ExchangeSummary, Note, StoredCheck
from wgmon_tui.text import format_iso_time

Kind = Literal["checks", "incidents", "exchange"]
Format = Literal["json", "csv", "pcapng", "markdown"]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export: servers by name, from `since` until before `until` (Unix seconds).

    `vantage` selects one vantage; None selects all.
    """

    kind: Kind
    form: Format
    names: Sequence[str]
    since: float
    until: float
    vantage: str | None = None
    incident: str | None = None
    """The id of the only incident to export; None exports all."""


def format_problem(kind: Kind, form: Format) -> str | None:
    """Return why kind and format do not fit together; None if they do."""
    if form == "pcapng" and kind != "exchange":
        return f"{kind} have no packets, and pcapng needs packets; add --format json or --format csv"
    if form == "markdown" and kind != "incidents":
        return (
            f"a report in Markdown is about incidents, not {kind}; type: export incidents --format markdown"
        )
    return None


def export_parts(history: History, request: ExportRequest) -> Iterator[bytes]:
    """Yield the export part by part. Raises StoreUnavailableError."""
    if request.form == "pcapng":
        return pcapng_of(outcome for outcome, _ in _exchanges(history, request))
    objects = _objects(history, request)
    if request.form == "csv":
        return (line.encode() for line in csv_lines(COLUMNS[request.kind], objects))
    return (f"{one_line(each)}\n".encode() for each in objects)


# JSON objects


def check_object(server: str, past: StoredCheck) -> Json:
    """Return a stored check. The keys are those of `probe --json`, as far as they are stored."""
    tunnel = past.tunnel_sent is not None
    return {
        "server": server,
        "vantage": past.vantage,
        "address": str(past.address) if past.address else None,
        "verdict": past.verdict.slug,
        "severity": past.verdict.severity.word,
        "decides": past.is_deciding,
        "rtt_ms": in_ms(past.rtt),
        "tunnel": {
            "sent": past.tunnel_sent,
            "received": past.tunnel_received,
            "rtt_ms": in_ms(past.tunnel_rtt),
        }
        if tunnel
        else None,
        "started_at": format_iso_time(past.at),
    }


def incident_object(incident: Incident, notes: Sequence[Note]) -> Json:
    """Return an incident with its verdicts and notes; `closed_at` and `duration_s` are null while it is open.

    `verdict` is that of its worst time, `verdict_now` the latest one.
    """
    closed_at, acknowledged_at = incident.closed_at, incident.acknowledged_at
    return {
        "id": incident.id,
        "server": incident.server,
        "vantage": incident.vantage,
        "verdict": incident.verdict.slug,
        "severity": incident.severity.word,
        "summary": incident.summary,
        "opened_at": format_iso_time(incident.opened_at),
        "closed_at": None if closed_at is None else format_iso_time(closed_at),
        "duration_s": None if closed_at is None else round(closed_at - incident.opened_at, 3),
        "flapping": incident.flapping,
        "acknowledged_at": None if acknowledged_at is None else format_iso_time(acknowledged_at),
        "acknowledged_by": incident.acknowledged_by or None,
        "notes": [{"at": format_iso_time(note.at), "who": note.who, "text": note.text} for note in notes],
        "verdict_now": incident.latest.verdict.slug,
        "verdicts": [
            {"at": format_iso_time(each.at), "verdict": each.verdict.slug, "summary": each.summary}
            for each in incident.verdicts
        ],
        "verdicts_omitted": incident.omitted_verdicts,
    }


def exchange_objects(outcome: Round, line: ExchangeSummary) -> Iterator[Json]:
    """Yield a stored round in the form of `probe --json`, one object per address, with why it was kept."""
    for each in by_address(outcome):
        yield {**json_object(each), **_kept(line)}


def packet_objects(stored: Round, line: ExchangeSummary) -> Iterator[Json]:
    """Yield a stored round as one object per packet."""
    for outcome in by_address(stored):
        check, verdict = outcome.check, outcome.diagnosis.verdict
        for packet in check.exchange:
            yield {
                **_kept(line),
                "server": check.server,
                "vantage": check.vantage,
                "endpoint": str(check.endpoint),
                "address": str(check.address),
                "verdict": verdict.slug,
                "severity": verdict.severity.word,
                "started_at": format_iso_time(check.started_at),
                **packet_object(check, packet),
            }


def _kept(line: ExchangeSummary) -> Json:
    if line.vantage != LOCAL_VANTAGE:
        return {"id": None, "kind": "sight", "incident": None}  # as earlier versions wrote it
    return {"id": line.id, "kind": line.kind, "incident": line.incident}


def _checks(history: History, request: ExportRequest) -> Iterator[Json]:
    for name in request.names:
        for past in history.checks(name, request.since, request.until, request.vantage):
            yield check_object(name, past)


def _incidents(history: History, request: ExportRequest) -> Iterator[Json]:
    for incident in requested_incidents(history, request):
        yield incident_object(incident, history.notes(incident.id))


def requested_incidents(history: History, request: ExportRequest) -> Iterator[Incident]:
    """Yield the incidents of a request, ascending for each server."""
    for name in request.names:
        for incident in reversed(history.incidents(name, since=request.since, limit=None)):
            open_then = incident.closed_at is None or incident.closed_at >= request.since
            seen = request.vantage is None or request.vantage in incident.vantage.split(",")
            named = request.incident in (None, incident.id)
            if named and seen and open_then and incident.opened_at < request.until:
                yield incident


def _exchanges(history: History, request: ExportRequest) -> Iterator[tuple[Round, ExchangeSummary]]:
    for name in request.names:
        lines = history.exchanges(name, request.since, request.until, limit=None, vantage=request.vantage)
        for line in reversed(lines):
            if stored := history.exchange(line.id):  # it may have been deleted since the list was read
                yield stored.round, stored.line


def _objects(history: History, request: ExportRequest) -> Iterator[Json]:
    match request.kind:
        case "checks":
            return _checks(history, request)
        case "incidents":
            return _incidents(history, request)
        case "exchange":
            split = packet_objects if request.form == "csv" else exchange_objects
            return (each for stored in _exchanges(history, request) for each in split(*stored))


# CSV columns


COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "checks": (
        "server", "vantage", "address", "verdict", "severity", "decides", "rtt_ms",
        "tunnel_sent", "tunnel_received", "tunnel_rtt_ms", "started_at",
    ),
    "incidents": (
        "id", "server", "vantage", "verdict", "severity", "summary", "opened_at", "closed_at", "duration_s",
        "flapping", "acknowledged_at", "acknowledged_by", "notes", "verdict_now", "verdicts",
        "verdicts_omitted",
    ),
    "exchange": (
        "id", "kind", "incident", "server", "vantage", "endpoint", "address", "verdict", "severity",
        "started_at", "t", "dir", "type", "len", "hex",
    ),
}  # fmt: skip
"""The JSON keys as columns; keys of a nested object follow its name. An exchange has one row per packet."""
