"""The diagnosis in full: what a terminal's head has no room for. Pure: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.diagnosis.neighbours import Together
from wgmon_tui.diagnosis.verdict import Diagnosis
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.probe.records import Check
from wgmon_tui.text import format_rtt
from wgmon_tui.tui.serverhead import beside_it, data_path_and_port
from wgmon_tui.tui.text_style import Ink

_BULLET = 3
_UNDER_CAUSE = 8


def full_diagnosis(
    row: Row, check: Check | None, diagnosis: Diagnosis, together: Sequence[Together], ink: Ink
) -> Text:
    """What the verdict means, the data path and the port, who fails with it, every address, all evidence,
    every cause with why and what to type. `check` is of the chosen address in the last round, None
    where only others have seen the server; `diagnosis` is what is made of it.
    """
    verdict = diagnosis.verdict
    title = Text(f"{ink.glyphs.of(verdict.severity)} {verdict.slug}", style=ink.state(verdict.severity))
    lines = [title, *ink.paragraph(verdict.meaning, ink.palette.text)]
    if check:
        lines += data_path_and_port(row, check, diagnosis, ink)
    lines += beside_it(row, together, ink)
    if check and row.last and len(row.last.checks) > 1:
        lines += [*_heading("Every address of it, the worst first", ink), *_addresses(row.last, check, ink)]
    if diagnosis.evidence:
        lines += _heading("What was seen", ink)
        for evidence in diagnosis.evidence:
            lines += ink.paragraph(evidence, ink.palette.text, ink.glyphs.separator, _BULLET)
    if diagnosis.causes:
        lines += [*_heading("What it can be, likeliest first", ink), *_causes(diagnosis, ink)]
    return Text("\n").join(lines)


def _heading(words: str, ink: Ink) -> list[Text]:
    return [Text(""), Text(words, style=ink.palette.muted)]


def _addresses(outcome: Round, chosen: Check, ink: Ink) -> Iterator[Text]:
    longest = max(cell_len(str(check.address)) for check in outcome.checks)
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        severity = diagnosis.verdict.severity
        style = ink.palette.text + Style(bold=check.address == chosen.address)
        line = Text.assemble((f"{ink.glyphs.of(severity):<{_BULLET}}", ink.state(severity)))
        line.append(f"{check.address!s:<{longest}}", style)
        line.append(f"  {diagnosis.verdict.slug}", ink.state(severity))
        yield line.append(
            f"  {format_rtt(check.handshake.rtt) if check.handshake else 'lost'}", ink.palette.muted
        )


def _causes(diagnosis: Diagnosis, ink: Ink) -> Iterator[Text]:
    text = ink.palette.text
    for number, cause in enumerate(diagnosis.causes, 1):
        if number > 1:
            yield Text("")
        yield from ink.paragraph(cause.cause, text + Style(bold=True), f"{number}", _BULLET)
        yield from ink.paragraph(cause.why, text, f"{'':<{_BULLET}}why", _UNDER_CAUSE)
        yield from ink.paragraph(cause.fix, ink.palette.accent, f"{'':<{_BULLET}}next", _UNDER_CAUSE)
