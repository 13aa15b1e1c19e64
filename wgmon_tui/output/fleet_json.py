"""JSON of the fleet's current state: one flat object per server, with the values of the table."""

from __future__ import annotations

from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.regional import describe_views
from wgmon_tui.output.json_lines import Json, in_ms
from wgmon_tui.text import format_iso_time

COLUMNS = (
    "server", "endpoint", "severity", "verdict", "since", "rtt_ms", "loss", "p50_ms", "p95_ms", "uptime",
    "port_monitor", "incident", "flapping", "seen_from",
)  # fmt: skip


def fleet_object(server_state: ServerState) -> Json:
    """Return the object of one server. Unknown values are null.

    `loss` of the last checks and `uptime` of the last 24 hours are fractions from 0 to 1.
    """
    verdict = server_state.diagnosis.verdict if server_state.diagnosis else server_state.verdict
    p50, p95 = server_state.samples.percentiles(0.5, 0.95)
    loss = server_state.samples.loss()
    return {
        "server": server_state.server.name,
        "endpoint": str(server_state.server.endpoint),
        "severity": server_state.severity.word,
        "verdict": verdict.slug if verdict else None,
        "since": None if server_state.since is None else format_iso_time(server_state.since),
        "rtt_ms": in_ms(server_state.rtt),
        "loss": None if loss is None else round(loss, 4),
        "p50_ms": in_ms(p50),
        "p95_ms": in_ms(p95),
        "uptime": None if server_state.uptime is None else round(server_state.uptime, 6),
        "port_monitor": server_state.port_monitor,
        "incident": server_state.incident.id if server_state.incident else None,
        "flapping": server_state.flapping,
        "seen_from": _seen_from(server_state),
    }


def _seen_from(server_state: ServerState) -> str | None:
    """Return the views of all vantages as text, fit for a table cell. None if only this machine checks it."""
    return describe_views(server_state.views) or None if server_state.vantage_states else None
