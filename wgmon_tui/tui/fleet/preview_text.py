"""Text of the preview pane: the server or the group under the cursor, in as many lines as there are.

Pure functions: records in, Rich text out. Text from outside is sanitised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Diagnosis, Severity, describe_likelihood
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.freshness import format_stale_age
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.output.next_command import NextCommand, command_of
from wgmon_tui.text import (
    count_repeated,
    format_clock,
    format_count,
    format_elapsed,
    format_limit,
    format_list,
    format_recent_time,
    format_rtt,
    format_share,
    format_until,
    format_uptime,
)
from wgmon_tui.tui.correlated_failures import describe_group
from wgmon_tui.tui.fleet.preview_queries import CELL_S, CELLS, PreviewHistory
from wgmon_tui.tui.fleet.tag_groups import UNTAGGED, TagGroup
from wgmon_tui.tui.heat_marks import HeatCell, cell_marks, legend, worst_state
from wgmon_tui.tui.stage_lines import stage_lines
from wgmon_tui.tui.text_format import progress, progress_words
from wgmon_tui.tui.theme.text_style import TextStyle

_LABEL = 10
_PLACES = {"": "type", "here": "type", "on the server": "on server"}
"""The labels of commands, by their usual places."""

_INDENT = 1
_MOST_CAUSES = 3
_MOST_EVIDENCE = 3
_MOST_NAMES = 30
_MOST_DETAIL = 5
_FIRST_TO_GROW = (0, 2, 1, 4, 3)
"""The parts of a preview in the order in which they get lines that are left: what is wrong, then advice."""

_MINUTE_S = 60.0
_WORST_FIRST = sorted(Severity, key=lambda severity: severity.rank)


def server_preview(
    server_state: ServerState,
    history: PreviewHistory | None,
    together: Sequence[FailureGroup],
    text_style: TextStyle,
    now: float,
    height: int,
) -> list[Text]:
    """The most detailed text that fits `height` lines; `history` is None until it is read.

    All parts have the same detail. Where the next detail of all does not fit, single parts get it: else a
    sentence would be cut above empty lines.
    """
    title, inner = _title(server_state, text_style, now), _inside(text_style)
    diagnosis = _with_causes(server_state, history)
    parts: Sequence[Callable[[int], Iterable[Text]]] = (
        lambda detail: _what(server_state, inner, now, detail),
        lambda detail: _stages(server_state, inner) if detail else (),
        lambda detail: _advice(server_state, diagnosis, inner, detail),
        lambda detail: _context(server_state, together, inner) if detail > 3 else (),
        lambda detail: _past(server_state, history, inner, now, detail),
    )
    return _under(title, _most_detailed(parts, height - 1), height)


def _most_detailed(parts: Sequence[Callable[[int], Iterable[Text]]], height: int) -> list[Text]:
    """The lines of all parts, each with the most detail for which all of them fit."""
    found: list[list[Text]] = []
    for detail in reversed(range(_MOST_DETAIL + 1)):
        found = [list(part(detail)) for part in parts]
        if sum(map(len, found)) <= height:
            break
    for more, at in product(range(detail + 1, _MOST_DETAIL + 1), _FIRST_TO_GROW):
        longer = list(parts[at](more))
        if sum(map(len, found)) - len(found[at]) + len(longer) <= height:
            found[at] = longer
    return [line for lines in found for line in lines]


def group_preview(
    group: TagGroup, states: Mapping[str, ServerState], text_style: TextStyle, fold_key: str, height: int
) -> list[Text]:
    """A group: how many servers of each state, and which of them are not up."""
    glyphs, palette = text_style.glyphs, text_style.palette
    tag = "Servers without a tag" if group.tag == UNTAGGED else f"Group {group.tag}"
    count = format_count(len(group.names), "server")
    title = Text(f" {glyphs.clean(tag)}: {count}", palette.text + Style(bold=True))
    lines, inner = [], _inside(text_style)
    for severity in _WORST_FIRST:
        names = [name for name in group.names if name in states and states[name].severity is severity]
        if names and severity is not Severity.UP:
            label = f"{glyphs.of(severity)} {severity.word}"
            words = f"{len(names)}: {', '.join(names[:_MOST_NAMES])}"
            lines += _shortened(inner.paragraph(words, palette.text, label, _LABEL + 2), 2, inner)
    if not lines:
        lines += inner.paragraph("All of them are up.", palette.text)
    verb = "unfold" if group.folded else "fold"
    lines.append(Text(f"{fold_key}: {verb} this group", palette.muted))
    return _under(_bar(title, Text(), text_style), lines, height)


def empty_preview(text_style: TextStyle) -> list[Text]:
    """The pane if no line is under the cursor."""
    return [_bar(Text(" No server under the cursor", text_style.palette.muted), Text(), text_style)]


def _inside(text_style: TextStyle) -> TextStyle:
    """The style of the lines below the title, which are indented."""
    return replace(text_style, width=text_style.width - _INDENT)


def _under(title: Text, lines: Sequence[Text], height: int) -> list[Text]:
    return [title, *(Text.assemble(" " * _INDENT, line) for line in lines)][:height]


# The server


def _title(server_state: ServerState, text_style: TextStyle, now: float) -> Text:
    glyphs, palette, severity = text_style.glyphs, text_style.palette, server_state.severity
    title = Text.assemble(
        (f" {glyphs.clean(server_state.server.name)}", palette.text + Style(bold=True)),
        (f"  {glyphs.of(severity)} {severity.word}", palette.severity[severity]),
    )
    title.append(_state_words(server_state, now), palette.muted)
    endpoint = Text(f"{glyphs.clean(str(server_state.server.endpoint))} ", palette.muted)
    return _bar(title, endpoint, text_style)


def _state_words(server_state: ServerState, now: float) -> str:
    """Since when it is in this state; for a stale server, when it was checked last and what it was then."""
    if server_state.is_stale and server_state.last_check:
        at, before = format_recent_time(server_state.last_check.at, now), server_state.known_severity
        was = "" if before is Severity.UNKNOWN else f" (was {before.word})"
        return f", no check since {at}{was}"
    words = "" if server_state.since is None else f" since {format_recent_time(server_state.since, now)}"
    if server_state.flapping:
        words += ", flapping"
    is_up = server_state.verdict_severity is Severity.UP
    return words + (progress_words(server_state.progress) if is_up else progress(server_state.progress))


def _bar(left: Text, right: Text, text_style: TextStyle) -> Text:
    """A line in the style of a table header, which separates the pane from the table."""
    gap = text_style.width - left.cell_len - right.cell_len
    line = Text.assemble(left, " " * gap, right) if gap > 0 else left
    line.truncate(text_style.width, pad=True)
    whole = Text(style=text_style.palette.header)
    return whole.append_text(line)


def _what(server_state: ServerState, text_style: TextStyle, now: float, detail: int) -> list[Text]:
    """The summary sentence. Another process's verdict has none until its round is here."""
    palette, diagnosis = text_style.palette, server_state.diagnosis
    if server_state.paused:
        by = f" by {server_state.paused_by}" if server_state.paused_by else ""
        ends = f" {format_until(server_state.paused_until, now)}" if server_state.paused_until else ""
        sentence = f"Paused{by}{ends}: nothing is sent."
    elif diagnosis:
        sentence = diagnosis.summary
    elif server_state.incident:
        sentence = server_state.incident.summary
    elif server_state.verdict:
        sentence = server_state.verdict.meaning
    else:
        sentence = "Not checked yet."
    if server_state.stale_age is not None:
        sentence = f"{format_stale_age(server_state.stale_age)}: {sentence}"
    lines = text_style.paragraph(sentence, palette.muted if server_state.is_stale else palette.text)
    return lines if detail > 2 else _shortened(lines, 2 if detail else 1, text_style)


def _stages(server_state: ServerState, text_style: TextStyle) -> list[Text]:
    """How far the last check came; nothing while the state is older than that."""
    if server_state.paused or server_state.is_stale or server_state.last is None:
        return []
    return stage_lines(server_state.last.check, server_state.last.diagnosis, text_style, _LABEL)


def _with_causes(server_state: ServerState, history: PreviewHistory | None) -> Diagnosis | None:
    """The current diagnosis. A viewer's has no causes: then the stored one, if the verdict is the same."""
    current, stored = server_state.diagnosis, history.diagnosis if history else None
    verdict = current.verdict if current else server_state.verdict
    has_causes = current is not None and bool(current.causes)
    return stored if stored and stored.verdict is verdict and not has_causes else current


def _advice(
    server_state: ServerState, diagnosis: Diagnosis | None, text_style: TextStyle, detail: int
) -> Iterator[Text]:
    """Likely causes, then the command to type, alone on its line."""
    palette = text_style.palette
    if server_state.paused or diagnosis is None or not diagnosis.causes:
        return
    yield from _causes(diagnosis, text_style, detail)
    command = command_of(server_state.server, diagnosis)
    if command is None:
        yield from text_style.paragraph(diagnosis.causes[0].fix, palette.text, "next", _LABEL)
        return
    label = _PLACES.get(command.place, "set" if command.is_setting else "type")
    yield from text_style.paragraph(command.line, palette.accent, label, _LABEL)
    about = _about_command(command) if detail > 1 else []
    lines = [line for each in about for line in text_style.paragraph(each, palette.muted, "", _LABEL)]
    yield from lines if detail > 2 else _shortened(lines, 1, text_style)


def _about_command(command: NextCommand) -> list[str]:
    """Where to type it and which words to replace; on a line of its own, what to look for."""
    where = "" if command.place in _PLACES else command.place
    words = f"replace {format_list(command.placeholders)}" if command.placeholders else ""
    return [each for each in (", ".join(filter(None, (where, words))), command.look_for) if each]


def _causes(diagnosis: Diagnosis, text_style: TextStyle, detail: int) -> Iterator[Text]:
    palette, causes = text_style.palette, diagnosis.causes
    first = f"{describe_likelihood(causes)}: {causes[0].cause}"
    lines = text_style.paragraph(first, palette.text, "cause", _LABEL)
    yield from lines if detail else _shortened(lines, 1, text_style)
    if detail > 2:
        for cause in causes[1:_MOST_CAUSES]:
            yield from text_style.paragraph(cause.cause, palette.muted, "or", _LABEL)


def _context(
    server_state: ServerState, together: Sequence[FailureGroup], text_style: TextStyle
) -> Iterator[Text]:
    """What a tall pane adds: evidence, servers that fail together, and figures."""
    palette, name = text_style.palette, server_state.server.name
    for group in together:
        words = f"fails together with {describe_group(group, name)}"
        yield from text_style.paragraph(words, palette.text, "with", _LABEL)
    diagnosis = server_state.diagnosis
    if diagnosis and diagnosis.verdict.severity is not Severity.UP:
        for number, evidence in enumerate(count_repeated(diagnosis.evidence)[:_MOST_EVIDENCE]):
            yield from text_style.paragraph(evidence, palette.text, "" if number else "seen", _LABEL)
    median, slowest = server_state.samples.percentiles(0.5, 0.95)
    loss = server_state.samples.loss()
    if median is not None and slowest is not None and loss is not None:
        checks = format_count(len(server_state.samples), "check")
        words = f"p50 {format_rtt(median)}, p95 {format_rtt(slowest)}, loss {format_share(loss)}"
        yield from text_style.paragraph(f"{words} in the last {checks}", palette.text, "rtt", _LABEL)


# The past


def _past(
    server_state: ServerState, history: PreviewHistory | None, text_style: TextStyle, now: float, detail: int
) -> Iterator[Text]:
    """The last incident, and the last 24 hours."""
    palette = text_style.palette
    incident = server_state.incident or (history.incident if history else None)
    if incident:
        words = _incident_words(incident, now)
        lines = text_style.paragraph(words, palette.text, "incident", _LABEL)
        yield from lines if detail > 1 else _shortened(lines, 1, text_style)
    elif history and not history.error:
        yield from text_style.paragraph("none stored", palette.muted, "incident", _LABEL)
    if history is None:
        return
    if history.error:
        yield from text_style.paragraph(history.error, palette.muted, "last 24 h", _LABEL)
        return
    yield from _strip(server_state, history, text_style, detail)


def _incident_words(incident: Incident, now: float) -> str:
    opened, what = format_recent_time(incident.opened_at, now), incident.verdict.slug
    if incident.closed_at is None:
        open_s = now - incident.opened_at
        lasted = "under 1 min" if open_s < _MINUTE_S else format_elapsed(open_s // _MINUTE_S * _MINUTE_S)
        known = ", acknowledged" if incident.acknowledged_at is not None else ""
        return f"{what} since {opened}, for {lasted}{known}"
    return f"last: {what}, {opened}, lasted {format_elapsed(incident.closed_at - incident.opened_at)}"


def _strip(
    server_state: ServerState, history: PreviewHistory, text_style: TextStyle, detail: int
) -> Iterator[Text]:
    """The last 24 hours, newest on the right; below it, which time is where."""
    palette = text_style.palette
    cells = strip_cells(history)
    if text_style.width < _LABEL + CELLS:
        cells = [_worse(*cells[at : at + 2]) for at in range(0, CELLS, 2)]
    line = Text(f"{'last 24 h':<{_LABEL}}", palette.muted)
    for cell in cells:
        marks, style = cell_marks(cell, text_style)
        line.append(marks[0], style)
    up = "" if server_state.uptime is None else f"  {format_uptime(server_state.uptime)} up"
    if line.cell_len + cell_len(up) <= text_style.width:
        line.append(up, palette.text)
    yield line
    if detail > 2:
        yield Text(" " * _LABEL + _ticks(history.start, len(cells)), palette.muted)
    if detail > 4:
        length = format_limit(CELL_S * CELLS / len(cells))
        yield Text("")
        yield from text_style.paragraph(f"a mark is {length}, the worst of it:", palette.muted)
        yield from legend(text_style)


def strip_cells(history: PreviewHistory) -> list[HeatCell]:
    """The marks of the strip, oldest first. A longer bucket, of older data, covers several marks."""
    cells = [HeatCell()] * CELLS
    for bucket in history.buckets:
        first = int((bucket.start - history.start) // CELL_S)
        last = int((bucket.start + bucket.length - history.start - 1) // CELL_S)
        cell = HeatCell(worst_state(bucket.seen), bucket.seen.loss or 0.0)
        for at in range(max(0, first), min(CELLS - 1, last) + 1):
            cells[at] = _worse(cells[at], cell)
    return cells


def _worse(one: HeatCell, other: HeatCell) -> HeatCell:
    states = [cell.worst for cell in (one, other) if cell.worst is not None]
    return HeatCell(min(states, key=lambda state: state.rank, default=None), max(one.loss, other.loss))


def _ticks(start: float, cells: int) -> str:
    """The local time of every sixth hour under a strip that begins at `start`, and "now" at its end."""
    line, hour = "", cells // 24
    for at in range(0, cells - 8, 6 * hour):
        line = f"{line:<{at}}{format_clock(start + at / hour * 3600.0)}"
    return f"{line:<{cells - 3}}now"


def _shortened(lines: list[Text], most: int, text_style: TextStyle) -> list[Text]:
    """At most so many lines, with an ellipsis where more would follow."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    last.truncate(text_style.width - 1)
    return [*lines[: most - 1], last.append(text_style.glyphs.ellipsis, text_style.palette.muted)]
