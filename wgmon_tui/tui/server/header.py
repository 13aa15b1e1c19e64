"""Text of the header of the server screen.

Pure functions: records in, Rich text out. Lines are wrapped here with a hanging indent, so that a command to
type is never cut. Text from outside is sanitised.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import NameMoved
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict, describe_likelihood
from wgmon_tui.config.inspect_command import named_interface
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.freshness import format_stale_age
from wgmon_tui.monitor.regional import describe_views
from wgmon_tui.net.naive_port_check import describe_answer
from wgmon_tui.text import (
    count_repeated,
    format_age,
    format_count,
    format_elapsed,
    format_recent_time,
    format_rtt,
    format_share,
    format_until,
)
from wgmon_tui.tui.advice_text import compact_advice
from wgmon_tui.tui.correlated_failures import describe_group
from wgmon_tui.tui.false_green import is_false_green, port_answer_at, port_up
from wgmon_tui.tui.server.tunnel_line import tunnel_line
from wgmon_tui.tui.text_format import progress, progress_words, sparkline
from wgmon_tui.tui.theme.text_style import LABEL_WIDTH, TextStyle

_EVIDENCE_IN_HEAD = 3
_SPARKLINE = 40


class HeaderDetail(IntEnum):
    """Amount of detail in the header. It depends on the terminal height and on the open tab."""

    BARE = 0
    TERSE = 1
    COMPACT = 2
    FULL = 3


def detail_for(height: int) -> HeaderDetail:
    """The detail that fits a terminal with `height` rows."""
    return HeaderDetail.TERSE if height < 24 else HeaderDetail.COMPACT if height < 36 else HeaderDetail.FULL


def server_header(
    server_state: ServerState,
    diagnosis: Diagnosis | None,
    check: Check | None,
    together: Sequence[FailureGroup],
    text_style: TextStyle,
    detail: HeaderDetail,
    now: float,
) -> Text:
    """Return state, name, endpoint, summary, evidence, next step, data path, port and figures.

    `together` holds the groups that this server fails with.
    """
    lines = _headline(server_state, check, text_style, detail, now)
    if diagnosis:
        lines += _evidence_lines(server_state, diagnosis, check, text_style, detail)
        if diagnosis.causes and detail > HeaderDetail.BARE:
            lines += _cause_lines(server_state, diagnosis.causes, text_style, detail)
        if detail is HeaderDetail.FULL:
            lines += failure_group_lines(server_state, together, text_style)
        if check and detail > HeaderDetail.TERSE:
            lines += data_path_and_port(
                server_state, check, diagnosis, text_style, quiet=detail is HeaderDetail.COMPACT
            )
    if len(server_state.samples):
        lines.append(_figures(server_state, text_style, now))
    return Text("\n").join(lines)


def _evidence_lines(
    server_state: ServerState,
    diagnosis: Diagnosis,
    check: Check | None,
    text_style: TextStyle,
    detail: HeaderDetail,
) -> list[Text]:
    """The summary, what the vantages see, the evidence of a failure, and addresses that changed."""
    palette, last = text_style.palette, server_state.last
    several = last is not None and len(last.checks) > 1 and not server_state.quorum_result
    whose = f"{check.address}: " if check and several else ""
    lines = text_style.paragraph(whose + diagnosis.summary, palette.text)
    seen_from = describe_views(server_state.views) if server_state.vantage_states else ""
    if seen_from and detail > HeaderDetail.BARE:
        lines += text_style.paragraph(seen_from, palette.text, "from")
    if detail is HeaderDetail.FULL and diagnosis.verdict.severity is not Severity.UP:
        other_evidence = count_repeated(each for each in diagnosis.evidence if each != seen_from)
        for number, evidence in enumerate(other_evidence[:_EVIDENCE_IN_HEAD]):
            lines += text_style.paragraph(evidence, palette.text, "" if number else "seen", LABEL_WIDTH)
    if check and detail > HeaderDetail.BARE:
        for moved in all_of_kind(NameMoved, check.evidence):
            lines += text_style.paragraph(describe_evidence(moved), palette.text, "name")
    return lines


def _cause_lines(
    server_state: ServerState, causes: Sequence[Cause], text_style: TextStyle, detail: HeaderDetail
) -> list[Text]:
    """The likeliest cause, why, and the next step to type."""
    palette, likeliest = text_style.palette, causes[0]
    lines: list[Text] = []
    if detail > HeaderDetail.TERSE:
        known_as = describe_likelihood(causes)
        lines += text_style.paragraph(f"{known_as}: {likeliest.cause}", palette.text, "cause")
    if detail is HeaderDetail.FULL:
        lines += text_style.paragraph(likeliest.why, palette.text, "why")
    interface = named_interface(server_state.server)
    return [*lines, *compact_advice(likeliest.fix, text_style, "next", interface=interface)]


_DATA_PATH_VERDICTS = frozenset(
    {Verdict.DATA_DEAD, Verdict.UNPROVEN, Verdict.INNER_DEAD, Verdict.MTU_BLACKHOLE}
)


def data_path_and_port(
    server_state: ServerState,
    check: Check,
    diagnosis: Diagnosis,
    text_style: TextStyle,
    *,
    quiet: bool = False,
) -> list[Text]:
    """The tunnel result and the result of a port monitor. With `quiet`, the port only if it is misleading."""
    lines: list[Text] = []
    verdict = diagnosis.verdict
    tunnel_text = tunnel_line(
        server_state.server,
        check,
        server_state.carried_evidence.get(check.address, ()),
        text_style.glyphs.separator,
    )
    if tunnel_text:
        style = (
            text_style.state(verdict.severity) if verdict in _DATA_PATH_VERDICTS else text_style.palette.text
        )
        lines += text_style.paragraph(tunnel_text, style, "tunnel")
    up, wrong = port_up(server_state), is_false_green(server_state)
    if up is not None and (wrong or not quiet):
        word = describe_answer(server_state.port_monitor, is_up=up)
        style = text_style.state(Severity.DEGRADED) if wrong else text_style.palette.text
        but = ", but the server is down" if wrong else ""
        age = _port_age(server_state, check)
        lines += text_style.paragraph(f"a port monitor reports {word}{age}{but}", style, "port")
    return lines


def _port_age(server_state: ServerState, check: Check) -> str:
    """The age of the port monitor's answer at the last check; "" if that check confirms it."""
    at = port_answer_at(server_state)
    if check.handshake or (at is not None and at >= check.started_at):
        return ""
    if at is None:
        return " (when is not known)"
    return f" ({format_age(check.started_at - at)})"


def failure_group_lines(
    server_state: ServerState, together: Sequence[FailureGroup], text_style: TextStyle
) -> list[Text]:
    """The servers that fail together with this one."""
    return [
        line
        for group in together
        for line in text_style.paragraph(
            f"fails together with {describe_group(group, server_state.server.name)}",
            text_style.palette.text,
            "with",
        )
    ]


def _headline(
    server_state: ServerState, check: Check | None, text_style: TextStyle, detail: HeaderDetail, now: float
) -> list[Text]:
    severity = server_state.severity
    line = Text().append(
        f"{text_style.glyphs.of(severity)} {severity.word}", text_style.state(severity) + Style(bold=True)
    )
    if server_state.stale_age is not None:
        when = server_state.last_check.at if server_state.last_check else now
        line.append(
            f"  {server_state.status_word} as of {format_recent_time(when, now, seconds=True)}, "
            f"{format_stale_age(server_state.stale_age)}",
            text_style.palette.muted,
        )
    elif server_state.status_word != severity.word:
        is_up = server_state.verdict_severity is Severity.UP
        count = progress_words(server_state.progress) if is_up else progress(server_state.progress)
        line.append(
            f"  {server_state.status_word}{count}",
            text_style.state(server_state.verdict_severity or severity),
        )
    line.append(
        f"  {text_style.glyphs.clean(server_state.server.name)}", text_style.palette.text + Style(bold=True)
    )
    if server_state.flapping:
        line.append("  flapping", text_style.palette.text)
    if server_state.incident and server_state.incident.acknowledged_at is not None:
        who = text_style.glyphs.clean(server_state.incident.acknowledged_by)
        line.append(f"  {text_style.glyphs.acknowledged} {who}".rstrip(), text_style.palette.muted)
    if server_state.maintenance is not None:
        line.append(
            f"  {text_style.glyphs.muted} {text_style.glyphs.clean(server_state.maintenance)}",
            text_style.palette.muted,
        )
    elif server_state.muted_until is not None:
        line.append(
            f"  {text_style.glyphs.muted} muted {format_until(server_state.muted_until, now)}",
            text_style.palette.muted,
        )
    location = text_style.glyphs.clean(str(server_state.server.endpoint))
    if check and check.address and str(check.address) != server_state.server.endpoint.host:
        location += f" {'->' if text_style.glyphs.ascii_only else '→'} {check.address}"
    gap = text_style.width - line.cell_len - cell_len(location)
    if gap >= 2:
        return [line.append(" " * gap + location, text_style.palette.muted)]
    return [line] if detail is HeaderDetail.TERSE else [line, Text(location, style=text_style.palette.muted)]


def _figures(server_state: ServerState, text_style: TextStyle, now: float) -> Text:
    median, slowest = server_state.samples.percentiles(0.5, 0.95)
    lost = server_state.samples.loss()
    figures = [
        ("p50", _duration_or_absent(median, text_style)),
        ("p95", _duration_or_absent(slowest, text_style)),
        ("loss", text_style.glyphs.absent if lost is None else format_share(lost)),
        (
            "since",
            text_style.glyphs.absent
            if server_state.shown_since is None
            else format_recent_time(server_state.shown_since, now, narrow=True),
        ),
    ]
    line = _figures_line(server_state, figures, text_style)
    while line.cell_len > text_style.width and figures:
        figures = figures[1:]
        line = _figures_line(server_state, figures, text_style)
    available_width = min(_SPARKLINE, text_style.width - line.cell_len - 2)
    if available_width >= 5:
        line.append("  ").append_text(_sparkline(server_state, available_width, text_style))
        checks = min(len(server_state.samples), available_width)
        label = f" {format_count(checks, 'check')}, {format_elapsed(checks * server_state.server.interval)}"
        if line.cell_len + len(label) <= text_style.width:
            line.append(label, text_style.palette.muted)
    return line


def _sparkline(server_state: ServerState, width: int, text_style: TextStyle) -> Text:
    palette, glyphs, drawn = text_style.palette, text_style.glyphs, Text()
    for mark in sparkline(server_state.samples.recent(width), width, glyphs).lstrip():
        drawn.append(mark, palette.lost if mark == glyphs.lost else palette.sparkline)
    return drawn


def _figures_line(
    server_state: ServerState, figures: Sequence[tuple[str, str]], text_style: TextStyle
) -> Text:
    line = Text().append(f"{'rtt':<{LABEL_WIDTH}}", text_style.palette.muted)
    line.append(_duration_or_absent(server_state.rtt, text_style), text_style.palette.text)
    for name, value in figures:
        line.append(f"  {name} ", text_style.palette.muted).append(value, text_style.palette.text)
    return line


def _duration_or_absent(seconds: float | None, text_style: TextStyle) -> str:
    return text_style.glyphs.absent if seconds is None else format_rtt(seconds)
