"""Text of the Diagnosis tab: the full diagnosis. Pure functions: records in, Rich text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol_words import meaning_of
from wgmon_tui.checks.verdict import Diagnosis, causes_heading
from wgmon_tui.config.inspect_command import named_interface
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.text import count_repeated, format_rtt
from wgmon_tui.tui.advice_text import advice_paragraphs
from wgmon_tui.tui.server.header import data_path_and_port, failure_group_lines
from wgmon_tui.tui.stage_lines import stage_lines, stage_note_lines
from wgmon_tui.tui.theme.text_style import TextStyle

_BULLET = 3
_UNDER_CAUSE = 8


def full_diagnosis(
    server_state: ServerState,
    check: Check | None,
    diagnosis: Diagnosis,
    together: Sequence[FailureGroup],
    text_style: TextStyle,
    offer: str = "",
) -> Text:
    """Return the verdict's meaning, the stages, and everything else that is known of the failure.

    `offer` names a key that finds out more; it stands below the meaning.

    `check` is the check of the selected address in the last round. It is None if only other vantages have
    checked the server. `diagnosis` is the diagnosis of that check.
    """
    verdict = diagnosis.verdict
    title = Text(
        f"{text_style.glyphs.of(verdict.severity)} {verdict.slug}", style=text_style.state(verdict.severity)
    )
    lines = [title]
    if meaning := meaning_of(verdict, server_state.server.protocol):
        lines += text_style.paragraph(meaning, text_style.palette.text)
    if offer:
        lines += text_style.paragraph(offer, text_style.palette.accent)
    if check:
        lines += stage_lines(check, diagnosis, text_style)
        lines += stage_note_lines(check, diagnosis, text_style)
        lines += data_path_and_port(server_state, check, diagnosis, text_style)
    lines += failure_group_lines(server_state, together, text_style)
    if check and server_state.last and len(server_state.last.checks) > 1:
        lines += [
            *_heading("All addresses, worst first", text_style),
            *_addresses(server_state.last, check, text_style),
        ]
    if diagnosis.evidence:
        lines += _heading("Evidence", text_style)
        for evidence in count_repeated(diagnosis.evidence):
            lines += text_style.paragraph(
                evidence, text_style.palette.text, text_style.glyphs.separator, _BULLET
            )
    if diagnosis.causes:
        lines += [
            *_heading(causes_heading(diagnosis.causes), text_style),
            *_causes(diagnosis, named_interface(server_state.server), text_style),
        ]
    return Text("\n").join(lines)


def _heading(words: str, text_style: TextStyle) -> list[Text]:
    return [Text(""), Text(words, style=text_style.palette.muted)]


def _addresses(outcome: Round, chosen: Check, text_style: TextStyle) -> Iterator[Text]:
    longest = max(cell_len(str(check.address)) for check in outcome.checks)
    for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        severity = diagnosis.verdict.severity
        style = text_style.palette.text + Style(bold=check.address == chosen.address)
        line = Text.assemble((f"{text_style.glyphs.of(severity):<{_BULLET}}", text_style.state(severity)))
        line.append(f"{check.address!s:<{longest}}", style)
        line.append(f"  {diagnosis.verdict.slug}", text_style.state(severity))
        yield line.append(
            f"  {format_rtt(check.handshake.rtt) if check.handshake else 'lost'}", text_style.palette.muted
        )


def _causes(diagnosis: Diagnosis, interface: str | None, text_style: TextStyle) -> Iterator[Text]:
    text = text_style.palette.text
    for number, cause in enumerate(diagnosis.causes, 1):
        if number > 1:
            yield Text("")
        yield from text_style.paragraph(cause.cause, text + Style(bold=True), f"{number}", _BULLET)
        yield from text_style.paragraph(cause.why, text, f"{'':<{_BULLET}}why", _UNDER_CAUSE)
        yield from advice_paragraphs(
            cause.fix, text_style, f"{'':<{_BULLET}}next", _UNDER_CAUSE, interface=interface
        )
