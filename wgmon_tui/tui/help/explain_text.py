"""Explanations of verdicts, states and columns. Pure functions: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.protocol_words import help_on, meaning_of
from wgmon_tui.checks.stage_help import STAGE_HELP
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import WIREGUARD
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.text import format_recent_time, format_until
from wgmon_tui.tui.filter.query import is_muted
from wgmon_tui.tui.fleet.columns import CellContext, Column
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.text_style import TextStyle

_LABEL_WIDTH = 9
_WIDEST_CELL = 24


def verdict_lines(verdict: Verdict, text_style: TextStyle, protocol: str = WIREGUARD) -> list[Text]:
    """Explain a verdict: its meaning, its evidence, and what to do first, as its protocol decides it."""
    style = text_style.state(verdict.severity) + Style(bold=True)
    severity = verdict.severity
    title = f"{text_style.glyphs.of(severity)} {verdict.slug}"
    lines = [Text.assemble((title, style), (f"  {severity.word}", text_style.palette.muted))]
    explained = []
    if meaning := meaning_of(verdict, protocol):
        explained.append(("means", meaning))
    if help_text := help_on(verdict, protocol):
        explained += [("evidence", help_text.explanation), ("do first", help_text.first_step)]
    for label, words in explained:
        lines += text_style.paragraph(words, text_style.palette.text, label, _LABEL_WIDTH)
    return lines


def failed_stage_lines(diagnosis: Diagnosis, text_style: TextStyle) -> list[Text]:
    """Explain the stage that failed; empty if none did."""
    name = diagnosis.failed_stage
    if name not in STAGE_HELP:
        return []
    words = f"{name} failed. When it passes: {STAGE_HELP[name]}"
    return text_style.paragraph(words, text_style.palette.text, "stage", _LABEL_WIDTH)


def state_lines(
    server_state: ServerState, now: float, text_style: TextStyle, actions: Sequence[Action]
) -> list[Text]:
    """Describe the state of a server: waiting, paused, acknowledged, muted, flapping."""
    found: list[str] = []
    if server_state.paused:
        by = f" by {server_state.paused_by}" if server_state.paused_by else ""
        ends = f" {format_until(server_state.paused_until, now)}" if server_state.paused_until else ""
        found.append(f"Paused{by}{ends}: no checks run. Press {key_of('pause', actions)} to resume.")
    elif server_state.last is None and server_state.verdict is None:
        found.append("Waiting for the first check.")
    if server_state.progress:
        count, of = server_state.progress
        found.append(f"{count} of {of} consecutive checks needed to change the state.")
    if server_state.flapping:
        found.append("Flapping: it goes down and comes back so often that one good check is not enough.")
    if server_state.incident and server_state.incident.acknowledged_at is not None:
        by = f" by {server_state.incident.acknowledged_by}" if server_state.incident.acknowledged_by else ""
        when = format_recent_time(server_state.incident.acknowledged_at, now)
        found.append(f"Its incident is acknowledged{by}, {when}.")
    if server_state.maintenance is not None:
        found.append(
            f'In maintenance "{server_state.maintenance}": incidents are recorded, no alerts are sent.'
        )
    if is_muted(server_state, now) and server_state.muted_until is not None:
        by = f" by {server_state.muted_by}" if server_state.muted_by else ""
        found.append(
            f"Muted{by} {format_until(server_state.muted_until, now)}: no alerts are sent."
            f" Press {key_of('unmute', actions)} to unmute."
        )
    return [
        line
        for each in found
        for line in text_style.paragraph(each, text_style.palette.text, "now", _LABEL_WIDTH)
    ]


def column_lines(
    server_state: ServerState, columns: Iterable[Column], cell_context: CellContext, text_style: TextStyle
) -> list[Text]:
    """Describe every column of a row: its title, content and meaning."""
    lines: list[Text] = []
    for column in columns:
        cell = Text.assemble(*column.cell(server_state, min(column.width, _WIDEST_CELL), cell_context))
        title = Text(f"{column.title}  ", style=text_style.palette.text + Style(bold=True))
        lines += [
            Text.assemble(title, _strip(cell)),
            *text_style.paragraph(column.meaning, text_style.palette.muted, indent=2),
        ]
    return lines


def _strip(cell: Text) -> Text:
    cell.rstrip()
    return cell[len(cell.plain) - len(cell.plain.lstrip()) :]
