"""Text around the packets of an exchange: caption, comparison, fields, and why there are no packets.

Pure functions: records in, Rich text out.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.protocol_words import NOT_STORED, explain_no_packets
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.text import format_limit, format_recent_time
from wgmon_tui.tui.server.exchange_layout import ExchangeComparison, FieldExplanation
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle


def caption(
    check: Check,
    outcome: Round,
    newer: bool,
    comparison: Text | None,
    text_style: TextStyle,
    now: float,
    *,
    source: str = "",
    follow: str = "f",
) -> Text:
    """The line above the packets: time, address, newer checks, and the result of the comparison.

    `source` names the origin of an exchange that is not the newest local one, so that it is not taken for the
    current state. `follow` is the key that shows the newest again.
    """
    text, key = text_style.palette.text, text_style.palette.accent
    when = format_recent_time(check.started_at, now, seconds=True)
    parts = [Text(f"check of {when}", style=text_style.palette.muted)]
    if source:
        title = f"from {text_style.glyphs.clean(source)}: {outcome.diagnosis.verdict.slug}, {when}"
        parts = [Text(title, style=key + Style(bold=True))]
    if len(outcome.checks) > 1:
        parts.append(_addresses(check, outcome, text_style))
    if source:
        parts.append(Text.assemble(("press ", text), (follow, key), (" to follow live again", text)))
    elif newer:
        parts.append(
            Text.assemble(("newer check available, press ", text), (follow, key), (" to follow", text))
        )
    if comparison:
        parts.append(comparison)
    lines = parts[:1]
    for part in parts[1:]:
        if lines[-1].cell_len + part.cell_len + 3 <= text_style.width:
            lines[-1] = Text("   ").join([lines[-1], part])
        else:
            lines.append(part)
    return Text("\n").join(lines)


def _addresses(check: Check, outcome: Round, text_style: TextStyle) -> Text:
    line = Text()
    for other, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        severity = diagnosis.verdict.severity
        style = (
            text_style.palette.text + Style(bold=True)
            if other.address == check.address
            else text_style.palette.muted
        )
        line.append(f"{text_style.glyphs.of(severity)} ", text_style.state(severity)).append(
            f"{other.address}  ", style
        )
    return line.append("< >", text_style.palette.accent)


def comparison_line(
    check: Check, good: Check, found: ExchangeComparison, text_style: TextStyle, now: float
) -> Text:
    """The result of the comparison with the last good exchange."""
    if good is check:
        return Text("this is the last good exchange", style=text_style.palette.muted)
    counts = (
        (len(found.missing), "packet missing", "packets missing"),
        (len(found.extra), "extra packet", "extra packets"),
        (len(found.differing), "field differs", "fields differ"),
    )
    differences = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    style = text_style.state(Severity.DEGRADED) if differences else text_style.palette.muted
    return Text(
        f"compared to the last good one, {format_recent_time(good.started_at, now, seconds=True)}: "
        f"{differences or 'same structure'}",
        style=style,
    )


_NOTHING_SENT = {
    Verdict.DNS_FAILURE: "The name did not resolve, so there is no address to send to.",
    Verdict.MISCONFIGURED: "Fix the configuration first. Without it, nothing can be sent.",
    Verdict.LOCAL_FAULT: "This machine could not send, so nothing came back.",
}


def no_packets(
    server_state: ServerState,
    diagnosis: Diagnosis | None,
    text_style: TextStyle,
    *,
    outage: str = "",
    read_only: bool = False,
) -> Text:
    """The text shown when there are no packets, with the reason.

    `outage` says that nobody checks, "" while somebody does. With `read_only` no key is offered.
    """
    is_known = server_state.last_check is not None
    if diagnosis and diagnosis.verdict in _NOTHING_SENT:
        title, why = "No packets: nothing was sent", _NOTHING_SENT[diagnosis.verdict]
    elif diagnosis:
        title, why = "No packets", explain_no_packets(server_state.server.protocol)
    elif server_state.paused:
        title = "Paused" if is_known else "Paused before the first check"
        why = "Nothing is sent." + ("" if read_only else " Press p to resume and check at once.")
    elif outage:
        title, why = ("No packets", f"{NOT_STORED} {outage}") if is_known else ("No check yet", outage)
    else:
        title = f"Waiting for the {'next' if is_known else 'first'} check"
        limit = format_limit(server_state.server.interval)
        why = f"It runs within {limit}. Its packets then appear here."
        why += "" if read_only else " Press r to check now."
    lines = [Text(title, style=text_style.palette.text + Style(bold=True)), Text("")]
    return Text("\n").join([*lines, *text_style.paragraph(why, text_style.palette.muted)])


def field_panel(found: FieldExplanation, text_style: TextStyle) -> Text:
    """The field under the cursor, explained in two to five lines."""
    name = Text(found.name, style=text_style.palette.field_style(found.name) + Style(bold=True))
    muted = text_style.palette.muted
    lines = [Text.assemble(name, (f"  {found.packet}, {found.location}", muted))]
    if lines[0].cell_len > text_style.width:
        lines = [Text.assemble(name, (f"  {found.packet}", muted)), Text(found.location, style=muted)]
    lines += text_style.paragraph(found.meaning, text_style.palette.text)
    if found.value is not None:
        lines += text_style.paragraph(found.value, text_style.palette.text + Style(bold=True), "=", 2)
    return Text("\n").join(lines)


def legend(fields: Sequence[PacketField], under_cursor: int, text_style: TextStyle) -> Text:
    """Legend of the dump: every field of the current packet, in its colour."""
    lines = []
    for index, each in enumerate(fields):
        chosen = index == under_cursor
        highlight = Style(bold=chosen, reverse=chosen)
        style = text_style.palette.field_style(each.name)
        numbers = f" {each.offset:>5}  {each.length:>4} "
        name = f" {fit(each.name, 11, text_style.glyphs)}"
        lines.append(
            Text.assemble(
                (name, style + highlight),
                (numbers, (style if chosen else text_style.palette.muted) + highlight),
            )
        )
    heading = Text(f" {'field':<11} {'byte':>5}  {'len':>4}", style=text_style.palette.muted)
    return Text("\n").join([heading, *lines])
