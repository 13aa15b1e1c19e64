"""Prometheus text format 0.0.4 of all servers, one metric family after the other.

The renderer of prometheus-client took 3.5 s for ten thousand servers, all of it under the interpreter's lock.
This module writes the lines directly from the server states, a few servers at a time. In between, the caller
lets its event loop run.

Each server has about thirty series. A state that does not apply is left out if its absence is clear
(`wgmon_silenced`). A value out of many has one series, which Prometheus marks as stale when it is gone
(`wgmon_verdict`). Metrics of one vantage have its label; metrics of the server have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.prometheus_counters import RTT_BOUNDS_S, FleetCounters, ServerCounters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SEVERITY_CODES = {
    Severity.UP: 0,
    Severity.DEGRADED: 1,
    Severity.DOWN: 2,
    Severity.UNKNOWN: 3,
    Severity.PAUSED: 4,
}
"""Values of wgmon_severity. The first four equal the exit codes of `wgmon-tui probe`."""

_AT_ONCE = 40
"""Servers rendered before the caller's turn; they take a millisecond or two."""


@dataclass(frozen=True, slots=True)
class VantageSample:
    """A server as seen from one vantage. `tunnel` is true if the checks send data through the tunnel."""

    severity: Severity
    verdict: Verdict | None
    last: Round | None
    tally: ServerCounters
    tunnel: bool


@dataclass(frozen=True, slots=True)
class ServerSample:
    """A server's combined state, and its number of incidents."""

    server_state: ServerState
    incidents: int


@dataclass(frozen=True, slots=True)
class VantageMetric:
    """A metric per vantage. `render` returns its lines from the labels without braces."""

    name: str
    kind: str
    help: str
    render: Callable[[str, VantageSample], str]


@dataclass(frozen=True, slots=True)
class ServerMetric:
    """A metric per server. `render` returns its lines from the labels without braces."""

    name: str
    kind: str
    help: str
    render: Callable[[str, ServerSample], str]


def render_metrics(rows: Iterable[ServerState], tallies: FleetCounters) -> Iterator[list[bytes]]:
    """Yield empty items while rendering, and the whole text of these servers as the last item.

    Each step takes at most a few milliseconds, so other tasks can run in between.
    """
    pieces: list[list[bytes]] = [[] for _ in FAMILIES]
    waiting = iter(rows)
    while batch := tuple(islice(waiting, _AT_ONCE)):
        columns = zip(*(_lines(server_state, tallies) for server_state in batch), strict=True)
        for piece, column in zip(pieces, columns, strict=True):
            piece.append("".join(column).encode())
        yield []
    whole = []
    for family, piece in zip(FAMILIES, pieces, strict=True):
        if any(piece):
            whole.append(b"".join((_head(family), *piece)))
            yield []
    yield whole


def escape_label(text: str) -> str:
    """Escape text as a label value."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _head(family: VantageMetric | ServerMetric) -> bytes:
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n".encode()


def _lines(server_state: ServerState, tallies: FleetCounters) -> list[str]:
    """Return a server's lines of each family, in the order of FAMILIES."""
    name = server_state.server.name
    server = f'server="{escape_label(name)}"'
    known = ServerSample(server_state, tallies.incidents(name))
    said = [family.render(server, known) for family in _SERVER_METRICS]
    seen = _home_sample(server_state, tallies.counters_of(name, LOCAL_VANTAGE))
    labels = f'{server},vantage="{LOCAL_VANTAGE}"'
    here = [family.render(labels, seen) for family in _VANTAGE_METRICS]
    for vantage in server_state.vantage_states:
        there = f'{server},vantage="{escape_label(vantage)}"'
        seen = _vantage_sample(vantage, server_state, tallies.counters_of(name, vantage))
        here = [
            lines + family.render(there, seen) for lines, family in zip(here, _VANTAGE_METRICS, strict=True)
        ]
    return said + here


def _home_sample(server_state: ServerState, tally: ServerCounters) -> VantageSample:
    verdict = server_state.last.diagnosis.verdict if server_state.last else server_state.verdict
    severity = server_state.damping.severity or Severity.UNKNOWN
    if server_state.paused:
        severity = Severity.PAUSED
    elif server_state.is_stale or (verdict and verdict.severity is Severity.UNKNOWN):
        severity = Severity.UNKNOWN
    return VantageSample(
        severity,
        None if server_state.paused else verdict,
        server_state.last,
        tally,
        server_state.server.tunnel,
    )


def _vantage_sample(vantage: str, server_state: ServerState, tally: ServerCounters) -> VantageSample:
    vantage_state = server_state.vantage_states[vantage]
    severity = Severity.PAUSED if server_state.paused else vantage_state.severity
    verdict = vantage_state.verdict if vantage_state.current and not server_state.paused else None
    return VantageSample(severity, verdict, vantage_state.last, tally, server_state.server.tunnel)


# Of a server


def _info(labels: str, known: ServerSample) -> str:
    server = known.server_state.server
    tags = escape_label(f",{','.join(server.tags)}," if server.tags else "")
    return f'wgmon_server_info{{{labels},endpoint="{escape_label(str(server.endpoint))}",tags="{tags}"}} 1\n'


def _severity(labels: str, known: ServerSample) -> str:
    return f"wgmon_severity{{{labels}}} {SEVERITY_CODES[known.server_state.severity]}\n"


def _since(labels: str, known: ServerSample) -> str:
    since = known.server_state.since
    return "" if since is None else f"wgmon_state_since_timestamp_seconds{{{labels}}} {since:.3f}\n"


def _interval(labels: str, known: ServerSample) -> str:
    return f"wgmon_check_interval_seconds{{{labels}}} {known.server_state.server.interval!r}\n"


def _incident(labels: str, known: ServerSample) -> str:
    return f"wgmon_incident_open{{{labels}}} {int(known.server_state.incident is not None)}\n"


def _incident_since(labels: str, known: ServerSample) -> str:
    incident = known.server_state.incident
    if incident is None:
        return ""
    return f"wgmon_incident_opened_timestamp_seconds{{{labels}}} {incident.opened_at:.3f}\n"


def _incidents(labels: str, known: ServerSample) -> str:
    return f"wgmon_incidents_total{{{labels}}} {known.incidents}\n"


def _flapping(labels: str, known: ServerSample) -> str:
    return f"wgmon_flapping{{{labels}}} {int(known.server_state.flapping)}\n"


def _silenced(labels: str, known: ServerSample) -> str:
    server_state = known.server_state
    reasons = (
        ("paused", server_state.paused),
        ("muted", server_state.muted_until),
        ("maintenance", server_state.maintenance),
    )
    return "".join(f'wgmon_silenced{{{labels},reason="{reason}"}} 1\n' for reason, holds in reasons if holds)


def _expiries(labels: str, known: ServerSample) -> str:
    return "".join(
        f'wgmon_expires_timestamp_seconds{{{labels},what="{escape_label(each.what)}"'
        f',name="{escape_label(each.name)}"}} {each.at:.3f}\n'
        for each in known.server_state.expiries
    )


_SERVER_METRICS = (
    ServerMetric(
        "wgmon_server_info",
        "gauge",
        "Always 1; labels hold the server's endpoint and tags (,eu,edge,).",
        _info,
    ),
    ServerMetric(
        "wgmon_severity",
        "gauge",
        "State after damping, by quorum if there is one: 0 up, 1 degraded, 2 down, 3 unknown, 4 paused.",
        _severity,
    ),
    ServerMetric("wgmon_state_since_timestamp_seconds", "gauge", "Start of the current state.", _since),
    ServerMetric("wgmon_check_interval_seconds", "gauge", "Configured check interval.", _interval),
    ServerMetric("wgmon_incident_open", "gauge", "1 while an incident is open, else 0.", _incident),
    ServerMetric(
        "wgmon_incident_opened_timestamp_seconds",
        "gauge",
        "When the open incident was opened; absent if none is open.",
        _incident_since,
    ),
    ServerMetric("wgmon_incidents_total", "counter", "Incidents opened.", _incidents),
    ServerMetric(
        "wgmon_flapping", "gauge", "1 while the server alternates between down and up too often.", _flapping
    ),
    ServerMetric(
        "wgmon_silenced",
        "gauge",
        "1 for each reason why alerts are suppressed: paused, muted, maintenance; absent if there is none.",
        _silenced,
    ),
    ServerMetric(
        "wgmon_expires_timestamp_seconds",
        "gauge",
        "Until when a certificate, key or invitation is valid, for each of them; absent if none is known.",
        _expiries,
    ),
)

# Of a vantage


def _up(labels: str, seen: VantageSample) -> str:
    if seen.severity in (Severity.UNKNOWN, Severity.PAUSED):
        return ""
    return f"wgmon_up{{{labels}}} {int(seen.severity is not Severity.DOWN)}\n"


def _verdict(labels: str, seen: VantageSample) -> str:
    return f'wgmon_verdict{{{labels},verdict="{seen.verdict.slug}"}} 1\n' if seen.verdict else ""


def _stage_durations(labels: str, seen: VantageSample) -> str:
    stages = seen.last.check.stages if seen.last else ()
    return "".join(
        f'wgmon_stage_duration_seconds{{{labels},stage="{escape_label(each.name)}"}} {each.seconds!r}\n'
        for each in stages
        if each.seconds is not None
    )


def _stage_failed(labels: str, seen: VantageSample) -> str:
    """The stage that a verdict blames. Stages and verdicts are few, so the series of a server are too."""
    stage = seen.last.diagnosis.failed_stage if seen.last else ""
    if not stage or seen.verdict is None:
        return ""
    stage = escape_label(stage)
    return f'wgmon_stage_failed{{{labels},stage="{stage}",reason="{seen.verdict.slug}"}} 1\n'


def _last_check(labels: str, seen: VantageSample) -> str:
    if seen.last is None:
        return ""
    return f"wgmon_last_check_timestamp_seconds{{{labels}}} {seen.last.check.started_at:.3f}\n"


def _checks(labels: str, seen: VantageSample) -> str:
    return "".join(
        f'wgmon_checks_total{{{labels},verdict="{verdict.slug}"}} {count}\n'
        for verdict, count in seen.tally.checks.items()
    )


def _lost(labels: str, seen: VantageSample) -> str:
    return f"wgmon_handshakes_lost_total{{{labels}}} {seen.tally.lost}\n"


_BOUNDS = (*(f'"{bound!r}"' for bound in RTT_BOUNDS_S), '"+Inf"')


def _rtts(labels: str, seen: VantageSample) -> str:
    tally = seen.tally
    lines = [
        f"wgmon_handshake_rtt_seconds_bucket{{{labels},le={bound}}} {count}\n"
        for bound, count in zip(_BOUNDS, accumulate(tally.rtts), strict=True)
    ]
    lines.append(f"wgmon_handshake_rtt_seconds_sum{{{labels}}} {tally.rtts_sum!r}\n")
    lines.append(f"wgmon_handshake_rtt_seconds_count{{{labels}}} {sum(tally.rtts)}\n")
    return "".join(lines)


def _last_rtt(labels: str, seen: VantageSample) -> str:
    handshake = seen.last.check.handshake if seen.last else None
    return f"wgmon_last_handshake_rtt_seconds{{{labels}}} {handshake.rtt!r}\n" if handshake else ""


def _tunnel_sent(labels: str, seen: VantageSample) -> str:
    return f"wgmon_tunnel_packets_sent_total{{{labels}}} {seen.tally.tunnel_sent}\n" if seen.tunnel else ""


def _tunnel_received(labels: str, seen: VantageSample) -> str:
    if not seen.tunnel:
        return ""
    return f"wgmon_tunnel_packets_received_total{{{labels}}} {seen.tally.tunnel_received}\n"


def _tunnel_rtt(labels: str, seen: VantageSample) -> str:
    tunnel = seen.last.check.tunnel if seen.last else None
    if tunnel is None or tunnel.rtt is None:
        return ""
    return f"wgmon_last_tunnel_rtt_seconds{{{labels}}} {tunnel.rtt!r}\n"


_VANTAGE_METRICS = (
    VantageMetric(
        "wgmon_up",
        "gauge",
        "1 up or degraded, 0 down, after damping; absent if unknown or paused.",
        _up,
    ),
    VantageMetric(
        "wgmon_verdict",
        "gauge",
        "1 for the verdict of the last check; no other verdict has a series.",
        _verdict,
    ),
    VantageMetric(
        "wgmon_stage_duration_seconds",
        "gauge",
        "Time until the answer of each stage of the last check; absent if it was not measured.",
        _stage_durations,
    ),
    VantageMetric(
        "wgmon_stage_failed",
        "gauge",
        "1 for the stage at which the last check failed; the label reason holds the verdict.",
        _stage_failed,
    ),
    VantageMetric("wgmon_last_check_timestamp_seconds", "gauge", "Start of the last check.", _last_check),
    VantageMetric("wgmon_checks_total", "counter", "Checks of all addresses, by verdict.", _checks),
    VantageMetric(
        "wgmon_handshakes_lost_total",
        "counter",
        "Checks without a handshake, except those that could not be sent.",
        _lost,
    ),
    VantageMetric(
        "wgmon_handshake_rtt_seconds",
        "histogram",
        "Round-trip times of handshakes, with kernel timestamps if available.",
        _rtts,
    ),
    VantageMetric(
        "wgmon_last_handshake_rtt_seconds",
        "gauge",
        "Round-trip time of the last check's handshake; absent if there was none.",
        _last_rtt,
    ),
    VantageMetric(
        "wgmon_tunnel_packets_sent_total",
        "counter",
        "Echo requests and service queries sent through the tunnel.",
        _tunnel_sent,
    ),
    VantageMetric(
        "wgmon_tunnel_packets_received_total",
        "counter",
        "Replies received through the tunnel.",
        _tunnel_received,
    ),
    VantageMetric(
        "wgmon_last_tunnel_rtt_seconds",
        "gauge",
        "Median round-trip time through the tunnel in the last check; absent if there was no reply.",
        _tunnel_rtt,
    ),
)

FAMILIES: tuple[VantageMetric | ServerMetric, ...] = (*_SERVER_METRICS, *_VANTAGE_METRICS)
"""All metric families, in the order of the output."""
