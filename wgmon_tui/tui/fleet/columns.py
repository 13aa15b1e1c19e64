"""The columns of the fleet table: their cells, and the layout for the width of the terminal.

Pure: a server state, a palette and glyphs in, styled text of an exact width out. Only visible rows are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rich.style import Style

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.freshness import format_stale_age
from wgmon_tui.output.expiry_text import severity_of
from wgmon_tui.records import dataclass
from wgmon_tui.text import DAY_S, format_recent_time, format_rtt, format_share, format_until, format_uptime
from wgmon_tui.tui import text_format as write
from wgmon_tui.tui.false_green import is_false_green, port_up
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

Part = tuple[str, Style]


@dataclass(frozen=True, slots=True)
class CellContext:
    """The context of all cells.

    `now` is Unix time, which decides whether a time was today. `vantages` are the vantages other than this
    machine. `interval` is the check interval in seconds that all servers share; None if they differ.
    """

    palette: Palette
    glyphs: Glyphs
    now: float
    vantages: tuple[str, ...] = ()
    interval: float | None = None


Cell = Callable[[ServerState, int, CellContext], list[Part]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `meaning` is for the help screen; `cell` draws a cell with an exact width."""

    key: str
    title: str
    width: int
    meaning: str
    cell: Cell
    align_right: bool = False


def _state(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    severity, glyphs = server_state.severity, cell_context.glyphs
    marks = _notice_marks(server_state, glyphs)
    word = (
        "flapping"
        if server_state.flapping and severity in (Severity.DOWN, Severity.DEGRADED)
        else severity.word
    )
    state = write.fit(f"{glyphs.of(severity)} {word}", width - 2, glyphs)
    style = cell_context.palette.muted if server_state.is_stale else cell_context.palette.severity[severity]
    return [
        (state, style),
        (f"{marks:>2}" if marks else "  ", cell_context.palette.muted),
    ]


def _notice_marks(server_state: ServerState, glyphs: Glyphs) -> str:
    """The marks of an acknowledged incident and of a muted server; "" for neither."""
    incident = server_state.incident
    is_acknowledged = incident is not None and incident.acknowledged_at is not None
    is_muted = server_state.muted_until is not None or server_state.maintenance is not None
    return (glyphs.acknowledged if is_acknowledged else "") + (glyphs.muted if is_muted else "")


def _name(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    name = cell_context.glyphs.clean(server_state.server.name)
    return [(write.fit(name, width, cell_context.glyphs), _normal_style(server_state, cell_context.palette))]


def _verdict(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    palette = cell_context.palette
    if server_state.paused:
        badge = _pause_badge(server_state, width, cell_context.now)
        return [(badge, palette.muted + Style(reverse=True)), (" " * (width - len(badge)), palette.muted)]
    if server_state.stale_age is not None:
        age = format_stale_age(server_state.stale_age)
        word, short = server_state.status_word, age.removesuffix(" old")
        dated = (f"{word}, {age}", f"{word}, {short}", f"{word} {short}")
        text = next((each for each in dated if len(each) <= width), word)
        return [(write.fit(text, width, cell_context.glyphs), palette.muted)]
    known = server_state.last is not None or server_state.verdict is not None
    severity = server_state.verdict_severity
    loud = known and severity in (Severity.DOWN, Severity.DEGRADED, Severity.UNKNOWN)
    style = palette.severity[severity] if loud and severity else palette.muted
    quiet = (
        ", muted"
        if server_state.muted_until is not None
        else ", planned"
        if server_state.maintenance is not None
        else ""
    )
    count = write.progress(server_state.progress)
    words = (
        f"{server_state.status_word}{count}{quiet}",
        f"{server_state.status_word}{quiet}",
        f"{server_state.status_word}{count}",
        server_state.status_word,
    )
    text = next((each for each in words if len(each) <= width), server_state.status_word)
    return [(write.fit(text, width, cell_context.glyphs), style)]


def _pause_badge(server_state: ServerState, width: int, now: float) -> str:
    """That the server is paused, and until when. The state beside it is "paused" too."""
    if server_state.paused_until is None:
        return " PAUSED "
    ends = format_until(server_state.paused_until, now)
    badges = (f" PAUSED {ends} ", f" {ends} ")
    return next((each for each in badges if len(each) <= width), " PAUSED ")


def _seen(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    """One mark per vantage, this machine first; blank for a vantage that does not check this server."""
    palette, glyphs = cell_context.palette, cell_context.glyphs
    parts = [(glyphs.of(server_state.own_severity), palette.severity[server_state.own_severity])]
    for name in cell_context.vantages:
        vantage_state = server_state.vantage_states.get(name)
        severity = (
            Severity.PAUSED
            if server_state.paused
            else vantage_state.severity
            if vantage_state
            else Severity.UNKNOWN
        )
        if vantage_state is None:
            parts.append((" ", palette.muted))
        elif not vantage_state.current:
            parts.append((glyphs.unseen, palette.muted))
        else:
            parts.append((glyphs.of(severity), palette.severity[severity]))
    return [*parts[:width], (" " * max(0, width - len(parts)), palette.muted)]


def _port(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    up = port_up(server_state)
    if up is None:
        return _absent(width, cell_context)
    if is_false_green(server_state):
        return [("but port: UP".rjust(width), cell_context.palette.severity[Severity.DEGRADED])]
    return [(("port: UP" if up else "port: down").rjust(width), cell_context.palette.muted)]


def _rtt(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    palette = cell_context.palette
    if server_state.rtt is not None:
        slow = (
            server_state.last is not None
            and server_state.last.diagnosis.verdict is Verdict.SLOW
            and not server_state.paused
            and not server_state.is_stale
        )
        style = palette.severity[Severity.DEGRADED] if slow else _normal_style(server_state, palette)
        return [(format_rtt(server_state.rtt).rjust(width), style)]
    counted = (
        server_state.last is not None and server_state.last.diagnosis.verdict.severity is not Severity.UNKNOWN
    )
    if counted and not server_state.paused:
        return [("lost".rjust(width), palette.muted if server_state.is_stale else palette.lost)]
    return _absent(width, cell_context)


def _checks(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    palette, lost = cell_context.palette, cell_context.glyphs.lost
    line = write.sparkline(server_state.samples.recent(width), width, cell_context.glyphs)
    calm = palette.muted if server_state.paused or server_state.is_stale else palette.sparkline
    parts: list[Part] = []
    start = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or (line[end] == lost) is not (line[start] == lost):
            parts.append((line[start:end], palette.lost if line[start] == lost else calm))
            start = end
    return parts


def _loss(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    loss = server_state.samples.loss()
    if loss is None:
        return _absent(width, cell_context)
    style = cell_context.palette.muted if loss == 0 else _normal_style(server_state, cell_context.palette)
    return [(format_share(loss).rjust(width), style)]


def _percentile(of: float) -> Cell:
    def cell(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
        (value,) = server_state.samples.percentiles(of)
        if value is None:
            return _absent(width, cell_context)
        return [(format_rtt(value).rjust(width), _normal_style(server_state, cell_context.palette))]

    return cell


def _endpoint(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    endpoint = cell_context.glyphs.clean(str(server_state.server.endpoint))
    return [(write.fit(endpoint, width, cell_context.glyphs), cell_context.palette.muted)]


def _uptime(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    if server_state.uptime is None:
        return _absent(width, cell_context)
    style = (
        cell_context.palette.muted
        if server_state.uptime >= 1
        else _normal_style(server_state, cell_context.palette)
    )
    return [(format_uptime(server_state.uptime).rjust(width), style)]


def _since(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    since = server_state.shown_since
    if since is None:
        return _absent(width, cell_context)
    return [
        (
            format_recent_time(since, cell_context.now, narrow=True).rjust(width),
            cell_context.palette.muted,
        )
    ]


def _expires(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    """What ends first. Days, because a running clock would repaint the line."""
    if not server_state.expiries:
        return _absent(width, cell_context)
    palette, now = cell_context.palette, cell_context.now
    at = server_state.expiries[0].at
    severity = severity_of(at, now)
    days = int((at - now) / DAY_S)
    text = "ended" if at <= now else f"{days} d" if days else "< 1 d"
    loud = severity is not Severity.UP and not server_state.paused
    style = palette.severity[severity] if loud else _normal_style(server_state, palette)
    return [(text.rjust(width), style)]


def _control(server_state: ServerState, width: int, cell_context: CellContext) -> list[Part]:
    """What the control plane says of a node, beside the verdict on its data path."""
    presence = server_state.presence
    if presence is None:
        return _absent(width, cell_context)
    palette = cell_context.palette
    word = {True: "online", False: "offline", None: "unknown"}[presence.online]
    if cell_context.now > presence.valid_until:
        return [(f"{word}?".ljust(width), palette.muted)]
    is_offline = presence.online is False and not server_state.paused
    style = palette.severity[Severity.DEGRADED] if is_offline else _normal_style(server_state, palette)
    return [(word.ljust(width), style)]


def _absent(width: int, cell_context: CellContext) -> list[Part]:
    return [(cell_context.glyphs.absent.rjust(width), cell_context.palette.muted)]


def _normal_style(server_state: ServerState, palette: Palette) -> Style:
    return palette.muted if server_state.paused or server_state.is_stale else palette.text


COLUMNS: Mapping[str, Column] = {
    column.key: column
    for column in (
        Column(
            "state",
            "state",
            12,
            "The severity, as glyph, word and colour. Marks after it: the incident is acknowledged; "
            "alerts are off because the server is muted or in maintenance",
            _state,
        ),
        Column("name", "name", 12, "The server's name in servers.toml", _name),
        Column(
            "verdict",
            "verdict",
            16,
            "The result of the last check; 1/2: one such check of the two needed to change the state",
            _verdict,
        ),
        Column(
            "seen",
            "seen",
            4,
            "The state from each vantage, one mark each: this machine, then the others as in config.toml",
            _seen,
        ),
        Column(
            "port",
            "port monitor",
            13,
            'What a port monitor would report; "but" marks a false green: UP for a server that is down',
            _port,
            align_right=True,
        ),
        Column(
            "rtt",
            "rtt",
            7,
            'Round-trip time of the last handshake; "lost" without an answer',
            _rtt,
            align_right=True,
        ),
        Column(
            "checks",
            "last checks",
            11,
            "Round-trip time of each check, newest on the right; a lost check has a special mark. The title "
            "says how many checks and how much time they are, if all servers have one interval",
            _checks,
        ),
        Column("loss", "loss", 5, "Share of the last 120 checks that were lost", _loss, align_right=True),
        Column(
            "p50", "p50", 7, "Half of the answered checks were faster", _percentile(0.5), align_right=True
        ),
        Column("p95", "p95", 7, "19 of 20 answered checks were faster", _percentile(0.95), align_right=True),
        Column("endpoint", "endpoint", 12, "The address and port of the server", _endpoint),
        Column(
            "uptime",
            "up 24h",
            6,
            "Share of the last 24 hours in which it was not down; time without checks does not count",
            _uptime,
            align_right=True,
        ),
        Column(
            "since",
            "since",
            6,
            "When it changed to this state; for old data, when it was checked last",
            _since,
            align_right=True,
        ),
        Column(
            "expires",
            "expires",
            7,
            "How long the certificate or key that ends first is still valid. Not shown by default",
            _expires,
            align_right=True,
        ),
        Column(
            "control",
            "control",
            8,
            "What the control plane says of a node; with ? if that is old. Not shown by default",
            _control,
        ),
    )
}
