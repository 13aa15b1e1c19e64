"""What a verdict and the columns of a row mean, for who asks on the spot. Pure: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text

from wgmon_tui.diagnosis.telling import TELLINGS
from wgmon_tui.diagnosis.verdict import Verdict
from wgmon_tui.monitor.board import Row
from wgmon_tui.text import format_recent_time, format_until
from wgmon_tui.tui.actions import Action
from wgmon_tui.tui.columns import Column, Drawing
from wgmon_tui.tui.filter import muted
from wgmon_tui.tui.keymap import key_of
from wgmon_tui.tui.text_style import Ink

_LABEL = 9
_WIDEST_CELL = 24


def verdict_lines(verdict: Verdict, ink: Ink) -> list[Text]:
    """A verdict: what it means, how it is told, what to do first."""
    style = ink.state(verdict.severity) + Style(bold=True)
    severity = verdict.severity
    title = f"{ink.glyphs.of(severity)} {verdict.slug}"
    lines = [Text.assemble((title, style), (f"  {severity.word}", ink.palette.muted))]
    telling = TELLINGS[verdict]
    for label, words in (("means", verdict.meaning), ("told by", telling.how), ("do", telling.do)):
        lines += ink.paragraph(words, ink.palette.text, label, _LABEL)
    return lines


def standing_lines(row: Row, now: float, ink: Ink, actions: Sequence[Action]) -> list[Text]:
    """What else is true of a server now: not looked at yet, paused, known of, muted, flapping."""
    found: list[str] = []
    if row.paused:
        by = f" by {row.paused_by}" if row.paused_by else ""
        found.append(f"Paused{by}: nobody looks, and nothing is counted. {key_of('pause', actions)} goes on.")
    elif row.last is None and row.verdict is None:
        found.append("Waiting for the first check.")
    if row.progress:
        count, of = row.progress
        found.append(f"{count} of the {of} checks in a row that change the state have spoken against it.")
    if row.flapping:
        found.append("Flapping: it went down and came back so often that one good check is not believed.")
    if row.incident and row.incident.acknowledged_at is not None:
        by = f" by {row.incident.acknowledged_by}" if row.incident.acknowledged_by else ""
        found.append(
            f"Its incident is acknowledged{by}, {format_recent_time(row.incident.acknowledged_at, now)}."
        )
    if row.maintenance is not None:
        found.append(f'In the maintenance "{row.maintenance}": incidents are kept, and nobody is told.')
    if muted(row, now) and row.muted_until is not None:
        by = f" by {row.muted_by}" if row.muted_by else ""
        found.append(
            f"Muted{by} {format_until(row.muted_until, now)}: nobody is told."
            f" {key_of('unmute', actions)} ends that."
        )
    return [line for each in found for line in ink.paragraph(each, ink.palette.text, "now", _LABEL)]


def column_lines(row: Row, columns: Iterable[Column], drawing: Drawing, ink: Ink) -> list[Text]:
    """Every column of a row: its title, what stands there, what that means."""
    lines: list[Text] = []
    for column in columns:
        cell = Text.assemble(*column.cell(row, min(column.width, _WIDEST_CELL), drawing))
        title = Text(f"{column.title}  ", style=ink.palette.text + Style(bold=True))
        lines += [
            Text.assemble(title, _stripped(cell)),
            *ink.paragraph(column.meaning, ink.palette.muted, indent=2),
        ]
    return lines


def _stripped(cell: Text) -> Text:
    cell.rstrip()
    return cell[len(cell.plain) - len(cell.plain.lstrip()) :]
