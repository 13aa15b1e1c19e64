"""What each vantage says of one server, side by side where there is room. Pure: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rich.style import Style
from rich.text import Text

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.probe.records import Check, Direction, Packet
from wgmon_tui.text import format_recent_time, format_rtt, format_share
from wgmon_tui.tui.format import fit
from wgmon_tui.tui.text_style import Ink
from wgmon_tui.wireguard.messages import label_of

_LEAST_WIDTH = 36
_GAP = 3
_MOST_PACKETS = 8
_RTTS = 20

_USUALLY_WAITING = 1000
"""Reports on their way, or not acknowledged yet, are no news: a large fleet makes so many in a second."""


@dataclass(frozen=True, slots=True)
class Seer:
    """One vantage, ours too. `last` is its last round, `exchange` the last of which the packets are here."""

    name: str
    severity: Severity
    last: Round | None = None
    exchange: Round | None = None
    current: bool = True
    rtts: tuple[float | None, ...] = ()
    up_at: float | None = None
    status: VantageStatus | None = None


def seers(row: Row, vantages: Sequence[str], statuses: Sequence[VantageStatus]) -> list[Seer]:
    """We ourselves, then the others in the order of config.toml; those too that were not heard of yet."""
    by_name = {status.name: status for status in statuses}
    found = [
        Seer(
            row.home,
            row.own_severity,
            row.last,
            row.last if row.last and row.last.check.exchange else None,
            rtts=tuple(row.samples.recent(_RTTS)),
        )
    ]
    for name in (*vantages, *(each for each in row.sights if each not in vantages)):
        sight, status = row.sights.get(name), by_name.get(name)
        if sight is None:
            found.append(Seer(name, Severity.UNKNOWN, status=status))
            continue
        found.append(
            Seer(
                name,
                Severity.PAUSED if row.paused else sight.severity,
                sight.last,
                sight.exchange,
                sight.current,
                sight.rtts,
                sight.up_at,
                status,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The page, and the line on which each vantage begins."""

    text: Text
    tops: tuple[int, ...]


def side_by_side(shown: Sequence[Seer], chosen: int, ink: Ink, now: float) -> SideBySide:
    """As many beside each other as there is room for, the rest below; the `chosen` one is marked."""
    beside = max(1, min(len(shown), (ink.width + _GAP) // (_LEAST_WIDTH + _GAP)))
    width = (ink.width - _GAP * (beside - 1)) // beside
    narrow = replace(ink, width=width)
    lines: list[Text] = []
    tops: list[int] = []
    for start in range(0, len(shown), beside):
        some = range(start, min(start + beside, len(shown)))
        blocks = [list(_block(shown[index], index == chosen, narrow, now)) for index in some]
        if lines:
            lines.append(Text(""))
        tops += [len(lines)] * len(blocks)
        for number in range(max(map(len, blocks))):
            cells = [block[number] if number < len(block) else Text("") for block in blocks]
            lines.append(_joined(cells, width))
    return SideBySide(Text("\n").join(lines), tuple(tops))


def _joined(cells: Sequence[Text], width: int) -> Text:
    line = Text(no_wrap=True)
    for number, cell in enumerate(cells):
        line.append_text(cell)
        if number < len(cells) - 1:
            line.append(" " * (width - cell.cell_len + _GAP))
    return line


def _block(seer: Seer, chosen: bool, ink: Ink, now: float) -> Iterator[Text]:
    palette, glyphs = ink.palette, ink.glyphs
    verdict = seer.last.diagnosis.verdict.slug if seer.last else "not heard of yet"
    words = f" {glyphs.of(seer.severity)} {glyphs.clean(seer.name)}  {seer.severity.word}  {verdict} "
    style = ink.state(seer.severity) + Style(bold=True)
    yield Text(fit(words, ink.width, glyphs), style=style + palette.cursor if chosen else style)
    if seer.status:
        yield from _line_of(seer.status, ink, now)
    if seer.last is None:
        return
    check = seer.last.check
    when = format_recent_time(check.started_at, now, seconds=True)
    yield from _fact("when", when if seer.current else f"{when}: too old to count", ink)
    if seer.up_at is not None and seer.severity is Severity.DOWN:
        yield from _fact("up", f"last at {format_recent_time(seer.up_at, now, seconds=True)}", ink)
    yield from _fact("at", str(check.address) if check.address else "no address", ink)
    yield from _fact("rtt", _round_trips(seer.rtts), ink)
    if check.tunnel:
        yield from _fact("tunnel", f"{check.tunnel.received} of {check.tunnel.sent} came back", ink)
    asked_as = check.asked_as or (seer.exchange.check.asked_as if seer.exchange else None)
    if asked_as:
        key = fit(str(asked_as.public_key), ink.width - len("as     "), glyphs).rstrip()
        yield Text.assemble(("as     ", palette.muted), (key, palette.text))
    if seer.last.diagnosis.verdict.severity is not Severity.UP:
        yield from ink.paragraph(seer.last.diagnosis.summary, palette.text, "says")
    yield from _packets(seer, ink, now)


def _fact(label: str, words: str, ink: Ink) -> list[Text]:
    return ink.paragraph(words, ink.palette.text, label)


def _line_of(status: VantageStatus, ink: Ink, now: float) -> Iterator[Text]:
    """How the line there is, where that is worth a word."""
    parts = (
        []
        if status.connected
        else [f"not connected since {format_recent_time(status.since, now, narrow=True)}"]
    )
    parts += [status.trouble] if status.trouble else []
    parts += [f"{status.waiting} reports wait there"] if status.waiting > _USUALLY_WAITING else []
    if parts:
        style = ink.palette.muted if status.connected else ink.state(Severity.DEGRADED)
        yield from ink.paragraph("; ".join(parts), style, "line")


def _round_trips(rtts: Sequence[float | None]) -> str:
    answered = [rtt for rtt in rtts if rtt is not None]
    if not rtts:
        return "not asked yet"
    last = "lost" if rtts[-1] is None else format_rtt(rtts[-1])
    middle = f", p50 {format_rtt(median(answered))}" if answered else ""
    return f"{last}{middle}, loss {format_share(1 - len(answered) / len(rtts))}"


def _packets(seer: Seer, ink: Ink, now: float) -> Iterator[Text]:
    """The last exchange of which the packets are here: routine ones come without them."""
    if seer.exchange is None or seer.last is None:
        return
    check = seer.exchange.check
    older = check.started_at != seer.last.check.started_at
    yield Text("")
    title = f"packets of {format_recent_time(check.started_at, now, seconds=True)}" if older else "packets"
    yield Text(fit(title, ink.width, ink.glyphs).rstrip(), style=ink.palette.muted)
    for packet in check.exchange[:_MOST_PACKETS]:
        yield _packet(packet, ink)
    if len(check.exchange) > _MOST_PACKETS:
        yield Text(f"{len(check.exchange) - _MOST_PACKETS} more", style=ink.palette.muted)
    if not _came(check):
        yield Text("nothing came back", style=ink.palette.lost)


def _packet(packet: Packet, ink: Ink) -> Text:
    sent = packet.direction is Direction.SENT
    arrow = ("->" if sent else "<-") if ink.glyphs.ascii_only else ("→" if sent else "←")
    label = label_of(packet.data).removeprefix("handshake ")
    words = f"{arrow} {format_rtt(packet.at):>8}  {len(packet.data):>4} B  {label}"
    return Text(fit(words, ink.width, ink.glyphs).rstrip(), style=ink.palette.text)


def _came(check: Check) -> bool:
    return any(packet.direction is Direction.RECEIVED for packet in check.exchange)
