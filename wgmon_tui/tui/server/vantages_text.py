"""Text of the Vantages tab: the state of one server as each vantage sees it.

Pure functions: records in, Rich text out. Vantages are shown side by side if the width allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.packets import label_of
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.freshness import coarse_age_s, format_stale_age
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.text import format_recent_time, format_rtt, format_share
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

_MIN_WIDTH = 36
_GAP = 3
_MAX_PACKETS = 8
_RTTS = 20

_NORMAL_BACKLOG = 1000
"""Queued reports up to this count are not shown: a large fleet makes that many in a second."""


@dataclass(frozen=True, slots=True)
class VantageColumn:
    """One vantage, this machine included.

    `last` is its last round. `exchange` is the last round whose packets are available here.
    """

    name: str
    severity: Severity
    last: Round | None = None
    exchange: Round | None = None
    current: bool = True
    rtts: tuple[float | None, ...] = ()
    up_at: float | None = None
    status: VantageStatus | None = None


def vantage_columns(
    server_state: ServerState, vantages: Sequence[str], statuses: Sequence[VantageStatus]
) -> list[VantageColumn]:
    """This machine first, then the others in the order of config.toml, also those without a report yet."""
    by_name = {status.name: status for status in statuses}
    found = [
        VantageColumn(
            server_state.home,
            Severity.UNKNOWN if server_state.is_stale else server_state.own_severity,
            server_state.last,
            server_state.last if server_state.last and server_state.last.check.exchange else None,
            current=not server_state.is_stale,
            rtts=tuple(server_state.samples.recent(_RTTS)),
        )
    ]
    for name in (*vantages, *(each for each in server_state.vantage_states if each not in vantages)):
        vantage_state, status = server_state.vantage_states.get(name), by_name.get(name)
        if vantage_state is None:
            found.append(VantageColumn(name, Severity.UNKNOWN, status=status))
            continue
        found.append(
            VantageColumn(
                name,
                Severity.PAUSED if server_state.paused else vantage_state.severity,
                vantage_state.last,
                vantage_state.exchange,
                vantage_state.current,
                vantage_state.rtts,
                vantage_state.last_up_at,
                status,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class VantageComparison:
    """The page, and the line number on which each vantage begins."""

    text: Text
    first_lines: tuple[int, ...]


VANTAGE = "vantage"
"""The number of the vantage in the style of its heading, for a click on it."""


def compare_vantages(
    shown: Sequence[VantageColumn], chosen: int, text_style: TextStyle, now: float
) -> VantageComparison:
    """As many columns side by side as fit, the rest below. The `chosen` one is marked."""
    per_line = max(1, min(len(shown), (text_style.width + _GAP) // (_MIN_WIDTH + _GAP)))
    width = (text_style.width - _GAP * (per_line - 1)) // per_line
    narrow = replace(text_style, width=width)
    lines: list[Text] = []
    first_lines: list[int] = []
    for start in range(0, len(shown), per_line):
        some = range(start, min(start + per_line, len(shown)))
        blocks = [list(_block(shown[index], index == chosen, narrow, now)) for index in some]
        for index, block in zip(some, blocks, strict=True):
            block[0].stylize(Style(meta={VANTAGE: index}))
        if lines:
            lines.append(Text(""))
        first_lines += [len(lines)] * len(blocks)
        for number in range(max(map(len, blocks))):
            cells = [block[number] if number < len(block) else Text("") for block in blocks]
            lines.append(_joined(cells, width))
    return VantageComparison(Text("\n").join(lines), tuple(first_lines))


def _joined(cells: Sequence[Text], width: int) -> Text:
    line = Text(no_wrap=True)
    for number, cell in enumerate(cells):
        line.append_text(cell)
        if number < len(cells) - 1:
            line.append(" " * (width - cell.cell_len + _GAP))
    return line


def _block(column: VantageColumn, chosen: bool, text_style: TextStyle, now: float) -> Iterator[Text]:
    palette, glyphs = text_style.palette, text_style.glyphs
    verdict = column.last.diagnosis.verdict.slug if column.last else "no report yet"
    words = f" {glyphs.of(column.severity)} {glyphs.clean(column.name)}  {column.severity.word}  {verdict} "
    style = text_style.state(column.severity) + Style(bold=True)
    yield Text(fit(words, text_style.width, glyphs), style=style + palette.cursor if chosen else style)
    if column.status:
        yield from _connection_lines(column.status, text_style, now)
    if column.last is None:
        return
    check = column.last.check
    when = format_recent_time(check.started_at, now, seconds=True)
    age = format_stale_age(coarse_age_s(max(0.0, now - check.started_at)))
    yield from _labelled("when", when if column.current else f"{when}, {age}: too old to count", text_style)
    if column.up_at is not None and column.severity is Severity.DOWN:
        yield from _labelled(
            "up", f"last at {format_recent_time(column.up_at, now, seconds=True)}", text_style
        )
    yield from _labelled("addr", str(check.address) if check.address else "no address", text_style)
    yield from _labelled("rtt", _round_trips(column.rtts), text_style)
    if check.tunnel:
        yield from _labelled("tunnel", f"{check.tunnel.received} of {check.tunnel.sent} echoes", text_style)
    probed_as = check.probed_as or (column.exchange.check.probed_as if column.exchange else None)
    if probed_as:
        key = fit(str(probed_as.public_key), text_style.width - len("key    "), glyphs).rstrip()
        yield Text.assemble(("key    ", palette.muted), (key, palette.text))
    if column.last.diagnosis.verdict.severity is not Severity.UP:
        yield from text_style.paragraph(column.last.diagnosis.summary, palette.text, "result")
    yield from _packets(column, text_style, now)


def _labelled(label: str, words: str, text_style: TextStyle) -> list[Text]:
    return text_style.paragraph(words, text_style.palette.text, label)


def _connection_lines(status: VantageStatus, text_style: TextStyle, now: float) -> Iterator[Text]:
    """The connection to the vantage, if it has a problem."""
    parts = (
        []
        if status.connected
        else [f"not connected since {format_recent_time(status.since, now, narrow=True)}"]
    )
    parts += [status.trouble] if status.trouble else []
    parts += [f"{status.waiting} reports queued there"] if status.waiting > _NORMAL_BACKLOG else []
    if parts:
        style = text_style.palette.muted if status.connected else text_style.state(Severity.DEGRADED)
        yield from text_style.paragraph("; ".join(parts), style, "link")


def _round_trips(rtts: Sequence[float | None]) -> str:
    answered = [rtt for rtt in rtts if rtt is not None]
    if not rtts:
        return "no checks yet"
    last = "lost" if rtts[-1] is None else format_rtt(rtts[-1])
    middle = f", p50 {format_rtt(median(answered))}" if answered else ""
    return f"{last}{middle}, loss {format_share(1 - len(answered) / len(rtts))}"


def _packets(column: VantageColumn, text_style: TextStyle, now: float) -> Iterator[Text]:
    """The last exchange whose packets are available here. Routine reports carry no packets."""
    if column.exchange is None or column.last is None:
        return
    check = column.exchange.check
    older = check.started_at != column.last.check.started_at
    yield Text("")
    title = f"packets of {format_recent_time(check.started_at, now, seconds=True)}" if older else "packets"
    yield Text(fit(title, text_style.width, text_style.glyphs).rstrip(), style=text_style.palette.muted)
    for packet in check.exchange[:_MAX_PACKETS]:
        yield _packet(check, packet, text_style)
    if len(check.exchange) > _MAX_PACKETS:
        yield Text(f"{len(check.exchange) - _MAX_PACKETS} more packets", style=text_style.palette.muted)
    if not _has_received(check):
        yield Text("nothing came back", style=text_style.palette.lost)


def _packet(check: Check, packet: Packet, text_style: TextStyle) -> Text:
    sent = packet.direction is Direction.SENT
    arrow = ("->" if sent else "<-") if text_style.glyphs.ascii_only else ("→" if sent else "←")
    label = label_of(check, packet).removeprefix("handshake ")
    words = f"{arrow} {format_rtt(packet.at):>8}  {len(packet.data):>4} B  {label}"
    return Text(fit(words, text_style.width, text_style.glyphs).rstrip(), style=text_style.palette.text)


def _has_received(check: Check) -> bool:
    return any(packet.direction is Direction.RECEIVED for packet in check.exchange)
