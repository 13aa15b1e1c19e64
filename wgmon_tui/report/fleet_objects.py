"""The fleet as it stands, a flat object a server: what the table shows, in figures for other programs."""

from __future__ import annotations

from wgmon_tui.diagnosis.vantages import in_words
from wgmon_tui.monitor.board import Row
from wgmon_tui.report.json_lines import Json, in_ms
from wgmon_tui.text import format_iso_time

COLUMNS = (
    "server", "endpoint", "severity", "verdict", "since", "rtt_ms", "loss", "p50_ms", "p95_ms", "uptime",
    "port_monitor", "incident", "flapping", "seen_from",
)  # fmt: skip


def fleet_object(row: Row) -> Json:
    """One server. `loss` of the last checks and `uptime` of the last 24 hours are shares, 0 to 1; what is not
    known is null.
    """
    verdict = row.diagnosis.verdict if row.diagnosis else row.verdict
    p50, p95 = row.samples.percentiles(0.5, 0.95)
    loss = row.samples.loss()
    return {
        "server": row.server.name,
        "endpoint": str(row.server.endpoint),
        "severity": row.severity.word,
        "verdict": verdict.slug if verdict else None,
        "since": None if row.since is None else format_iso_time(row.since),
        "rtt_ms": in_ms(row.rtt),
        "loss": None if loss is None else round(loss, 4),
        "p50_ms": in_ms(p50),
        "p95_ms": in_ms(p95),
        "uptime": None if row.uptime is None else round(row.uptime, 6),
        "port_monitor": row.port_monitor,
        "incident": row.incident.id if row.incident else None,
        "flapping": row.flapping,
        "seen_from": _seen_from(row),
    }


def _seen_from(row: Row) -> str | None:
    """Who sees what, in words: one cell of a table as well. Null where only we look at it."""
    return in_words(row.views) or None if row.sights else None
