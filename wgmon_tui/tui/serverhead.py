"""What the server screen says in words: head, caption over the packets, field panel.

Pure: records in, Rich texts out. Lines are wrapped here, with their hanging indent, so that a command to type
is never cut. Every text from outside is cleaned on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.diagnosis.neighbours import Together
from wgmon_tui.diagnosis.vantages import in_words
from wgmon_tui.diagnosis.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.probe.records import Check
from wgmon_tui.text import format_limit, format_recent_time, format_rtt, format_share, format_until
from wgmon_tui.tui.exchangelines import Comparison, Explanation
from wgmon_tui.tui.format import fit, progress, sparkline
from wgmon_tui.tui.port import falsely_up, port_up
from wgmon_tui.tui.text_style import LABEL_WIDTH, Ink
from wgmon_tui.tui.together import fails_with
from wgmon_tui.tui.tunnelline import tunnel_line
from wgmon_tui.wireguard.messages import Field

_EVIDENCE_IN_HEAD = 3
_SPARKLINE = 40


class Detail(IntEnum):
    """How much the head may say: by the height of the terminal, and least where the diagnosis says it all."""

    BARE = 0
    TERSE = 1
    COMPACT = 2
    FULL = 3


def detail_for(height: int) -> Detail:
    """What a terminal of so many rows has room for."""
    return Detail.TERSE if height < 24 else Detail.COMPACT if height < 36 else Detail.FULL


def server_head(
    row: Row,
    diagnosis: Diagnosis | None,
    check: Check | None,
    together: Sequence[Together],
    ink: Ink,
    detail: Detail,
    now: float,
) -> Text:
    """State, name and place; the verdict in a sentence; its evidence; the next step; data path and port; the
    figures. `together` are the groups that this server fails with.
    """
    lines = _headline(row, check, ink, detail, now)
    if diagnosis:
        several = row.last is not None and len(row.last.checks) > 1 and not row.agreed
        whose = f"{check.address}: " if check and several else ""
        lines += ink.paragraph(whose + diagnosis.summary, ink.palette.text)
        seen_from = in_words(row.views) if row.sights else ""
        if seen_from and detail > Detail.BARE:
            lines += ink.paragraph(seen_from, ink.palette.text, "from")
        if detail is Detail.FULL and diagnosis.verdict.severity is not Severity.UP:
            told = [each for each in diagnosis.evidence if each != seen_from]
            for number, evidence in enumerate(told[:_EVIDENCE_IN_HEAD]):
                lines += ink.paragraph(evidence, ink.palette.text, "" if number else "seen", LABEL_WIDTH)
        if diagnosis.causes and detail > Detail.BARE:
            likeliest = diagnosis.causes[0]
            if detail > Detail.TERSE:
                lines += ink.paragraph(likeliest.cause, ink.palette.text, "cause")
            if detail is Detail.FULL:
                lines += ink.paragraph(likeliest.why, ink.palette.text, "why")
            lines += ink.paragraph(likeliest.fix, ink.palette.accent, "next")
        if detail is Detail.FULL:
            lines += beside_it(row, together, ink)
        if check and detail > Detail.TERSE:
            lines += data_path_and_port(row, check, diagnosis, ink, quiet=detail is Detail.COMPACT)
    if len(row.samples):
        lines.append(_figures(row, ink, now))
    return Text("\n").join(lines)


_OF_THE_DATA_PATH = frozenset(
    {Verdict.DATA_DEAD, Verdict.UNPROVEN, Verdict.INNER_DEAD, Verdict.MTU_BLACKHOLE}
)


def data_path_and_port(
    row: Row, check: Check, diagnosis: Diagnosis, ink: Ink, *, quiet: bool = False
) -> list[Text]:
    """What passes through the tunnel, and what a port monitor says: if `quiet`, only where it is wrong."""
    lines: list[Text] = []
    verdict = diagnosis.verdict
    said = tunnel_line(row.server, check, row.standing.get(check.address, ()), ink.glyphs.separator)
    if said:
        style = ink.state(verdict.severity) if verdict in _OF_THE_DATA_PATH else ink.palette.text
        lines += ink.paragraph(said, style, "tunnel")
    up, wrong = port_up(row), falsely_up(row)
    if up is not None and (wrong or not quiet):
        word = "UP (open|filtered)" if up else "down (closed)"
        style = ink.state(Severity.DEGRADED) if wrong else ink.palette.text
        but = ", but it is down" if wrong else ""
        lines += ink.paragraph(f"a port monitor says: {word}{but}", style, "port")
    return lines


def beside_it(row: Row, together: Sequence[Together], ink: Ink) -> list[Text]:
    """Who fails together with this server."""
    return [
        line
        for group in together
        for line in ink.paragraph(
            f"fails together with {fails_with(group, row.server.name)}", ink.palette.text, "with"
        )
    ]


def _headline(row: Row, check: Check | None, ink: Ink, detail: Detail, now: float) -> list[Text]:
    severity = row.severity
    line = Text().append(f"{ink.glyphs.of(severity)} {severity.word}", ink.state(severity) + Style(bold=True))
    if row.word != severity.word:
        line.append(f"  {row.word}{progress(row.progress)}", ink.state(severity))
    line.append(f"  {ink.glyphs.clean(row.server.name)}", ink.palette.text + Style(bold=True))
    if row.flapping:
        line.append("  flapping", ink.palette.text)
    if row.incident and row.incident.acknowledged_at is not None:
        who = ink.glyphs.clean(row.incident.acknowledged_by)
        line.append(f"  {ink.glyphs.acknowledged} {who}".rstrip(), ink.palette.muted)
    if row.maintenance is not None:
        line.append(f"  {ink.glyphs.muted} {ink.glyphs.clean(row.maintenance)}", ink.palette.muted)
    elif row.muted_until is not None:
        line.append(f"  {ink.glyphs.muted} muted {format_until(row.muted_until, now)}", ink.palette.muted)
    place = ink.glyphs.clean(str(row.server.endpoint))
    if check and check.address and str(check.address) != row.server.endpoint.host:
        place += f" {'->' if ink.glyphs.ascii_only else '→'} {check.address}"
    gap = ink.width - line.cell_len - cell_len(place)
    if gap >= 2:
        return [line.append(" " * gap + place, ink.palette.muted)]
    return [line] if detail is Detail.TERSE else [line, Text(place, style=ink.palette.muted)]


def _figures(row: Row, ink: Ink, now: float) -> Text:
    median, slowest = row.samples.percentiles(0.5, 0.95)
    lost = row.samples.loss()
    figures = [
        ("p50", _or_absent(median, ink)),
        ("p95", _or_absent(slowest, ink)),
        ("loss", ink.glyphs.absent if lost is None else format_share(lost)),
        (
            "since",
            ink.glyphs.absent if row.since is None else format_recent_time(row.since, now, narrow=True),
        ),
    ]
    line = _figures_line(row, figures, ink)
    while line.cell_len > ink.width and figures:
        figures = figures[1:]
        line = _figures_line(row, figures, ink)
    room = min(_SPARKLINE, ink.width - line.cell_len - 2)
    if room >= 5:
        line.append("  ")
        for mark in sparkline(row.samples.recent(room), room, ink.glyphs).lstrip():
            line.append(mark, ink.palette.lost if mark == ink.glyphs.lost else ink.palette.sparkline)
    return line


def _figures_line(row: Row, figures: Sequence[tuple[str, str]], ink: Ink) -> Text:
    line = Text().append(f"{'rtt':<{LABEL_WIDTH}}", ink.palette.muted)
    line.append(_or_absent(row.rtt, ink), ink.palette.text)
    for name, value in figures:
        line.append(f"  {name} ", ink.palette.muted).append(value, ink.palette.text)
    return line


def _or_absent(seconds: float | None, ink: Ink) -> str:
    return ink.glyphs.absent if seconds is None else format_rtt(seconds)


def caption(
    check: Check,
    outcome: Round,
    newer: bool,
    comparison: Text | None,
    ink: Ink,
    now: float,
    *,
    whence: str = "",
    follow: str = "f",
) -> Text:
    """Over the packets: when they went, to which address, whether newer ones came, what comparing found.

    One that is not the newest of our own says `whence` it is, so that nobody takes it for what is true now.
    `follow` is the key that shows the newest again.
    """
    text, key = ink.palette.text, ink.palette.accent
    when = format_recent_time(check.started_at, now, seconds=True)
    parts = [Text(f"check of {when}", style=ink.palette.muted)]
    if whence:
        title = f"from {ink.glyphs.clean(whence)}: {outcome.diagnosis.verdict.slug}, {when}"
        parts = [Text(title, style=key + Style(bold=True))]
    if len(outcome.checks) > 1:
        parts.append(_addresses(check, outcome, ink))
    if whence:
        parts.append(Text.assemble((follow, key), (" follows live again", text)))
    elif newer:
        parts.append(
            Text.assemble(("newer check available, press ", text), (follow, key), (" to follow", text))
        )
    if comparison:
        parts.append(comparison)
    lines = parts[:1]
    for part in parts[1:]:
        if lines[-1].cell_len + part.cell_len + 3 <= ink.width:
            lines[-1] = Text("   ").join([lines[-1], part])
        else:
            lines.append(part)
    return Text("\n").join(lines)


def _addresses(check: Check, outcome: Round, ink: Ink) -> Text:
    line = Text()
    for other, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        severity = diagnosis.verdict.severity
        style = ink.palette.text + Style(bold=True) if other.address == check.address else ink.palette.muted
        line.append(f"{ink.glyphs.of(severity)} ", ink.state(severity)).append(f"{other.address}  ", style)
    return line.append("< >", ink.palette.accent)


def comparison_line(check: Check, good: Check, found: Comparison, ink: Ink, now: float) -> Text:
    """What the comparison with the last good exchange came to."""
    if good is check:
        return Text("this is the last good exchange itself", style=ink.palette.muted)
    counts = (
        (len(found.missing), "packet missing", "packets missing"),
        (len(found.extra), "packet more", "packets more"),
        (len(found.differing), "field differs", "fields differ"),
    )
    differences = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    style = ink.state(Severity.DEGRADED) if differences else ink.palette.muted
    return Text(
        f"against the last good one of {format_recent_time(good.started_at, now, seconds=True)}: "
        f"{differences or 'the same form'}",
        style=style,
    )


_NOTHING_SENT = {
    Verdict.DNS_FAILURE: "Without an address there is nowhere to send an initiation.",
    Verdict.MISCONFIGURED: "Our own configuration must be mended before an initiation can be made.",
}


def no_packets(row: Row, diagnosis: Diagnosis | None, ink: Ink) -> Text:
    """What stands in the place of the packets where there are none, and why."""
    if diagnosis:
        title = "No packets: nothing was sent"
        why = _NOTHING_SENT.get(diagnosis.verdict, "Our own system let nothing out, so nothing came back.")
    elif row.paused:
        title, why = "Paused before the first check", "Nothing is sent. p goes on, and checks at once."
    else:
        title = "Waiting for the first check"
        why = (
            f"It comes within {format_limit(row.server.interval)}, and its packets appear here. r checks now."
        )
    lines = [Text(title, style=ink.palette.text + Style(bold=True)), Text("")]
    return Text("\n").join([*lines, *ink.paragraph(why, ink.palette.muted)])


def field_panel(found: Explanation, ink: Ink) -> Text:
    """The field under the cursor, in two to five lines."""
    name = Text(found.name, style=ink.palette.fields[found.name] + Style(bold=True))
    muted = ink.palette.muted
    lines = [Text.assemble(name, (f"  {found.packet}, {found.place}", muted))]
    if lines[0].cell_len > ink.width:
        lines = [Text.assemble(name, (f"  {found.packet}", muted)), Text(found.place, style=muted)]
    lines += ink.paragraph(found.meaning, ink.palette.text)
    if found.value is not None:
        lines += ink.paragraph(found.value, ink.palette.text + Style(bold=True), "=", 2)
    return Text("\n").join(lines)


def legend(fields: Sequence[Field], under_cursor: int, ink: Ink) -> Text:
    """Every field of the packet under the cursor, in its colour: what the colours of the dump mean."""
    lines = []
    for index, each in enumerate(fields):
        chosen = index == under_cursor
        lit = Style(bold=chosen, reverse=chosen)
        style = ink.palette.fields[each.name]
        numbers = f" {each.offset:>5}  {each.length:>4} "
        name = f" {fit(each.name, 11, ink.glyphs)}"
        lines.append(
            Text.assemble((name, style + lit), (numbers, (style if chosen else ink.palette.muted) + lit))
        )
    heading = Text(f" {'field':<11} {'byte':>5}  {'long':>4}", style=ink.palette.muted)
    return Text("\n").join([heading, *lines])
