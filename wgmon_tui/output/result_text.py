"""The result of one check round as text: a line, what explains a failure, or everything that is known."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.packets import label_of
from wgmon_tui.checks.stage_text import format_stages, judged_stages, stage_notes
from wgmon_tui.checks.verdict import Diagnosis, Severity
from wgmon_tui.config.protocol_settings import settings_of
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.common_causes import format_causes
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, lay_out, role_of
from wgmon_tui.text import count_repeated, format_count, format_offset, format_rtt, printable

_INDENT = 4
_REMARK = 6
_LABEL = 14


def format_result(outcome: Round, text_format: TextFormat, *, with_causes: bool = True) -> str:
    """Return one server's result: one line per address, and unless it is up, evidence and next steps.

    A lost initiation is shown for a server that is up, too: a client waits seconds before its next one.
    """
    diagnosis = outcome.diagnosis
    lines = [_headline(outcome, position, text_format) for position in range(len(outcome.checks))]
    if diagnosis.verdict.severity is Severity.UP:
        return "\n".join([*lines, *(_remark(each, text_format) for each in _remarks(outcome))])
    lines.append(_sentence(diagnosis.summary, text_format))
    lines += [_remark(each, text_format) for each in count_repeated(diagnosis.evidence)]
    if with_causes:
        lines += format_causes(diagnosis.causes, text_format)
    return "\n".join(lines)


def format_brief(outcome: Round, text_format: TextFormat) -> str:
    """Return one line for one server, which is not wrapped: with several addresses, that of the worst."""
    more = len(outcome.checks) - 1
    spans = _headline_spans(outcome, 0, text_format)
    if more:
        spans.append(Span(f", worst of {more + 1} addresses"))
    return lay_out(spans, TextFormat(None, text_format.has_colour, text_format.ascii_only))


def format_verbose(outcome: Round, text_format: TextFormat, *, with_causes: bool = True) -> str:
    """Return everything about one server: of each address its stages, evidence and packets."""
    lines = []
    for position, (check, diagnosis) in enumerate(zip(outcome.checks, outcome.diagnoses, strict=True)):
        lines.append(_headline(outcome, position, text_format))
        lines.append(_sentence(diagnosis.summary, text_format))
        lines += _stages(check, diagnosis, text_format)
        lines += [_fact(*each, text_format) for each in _measurements(check)]
        evidence = diagnosis.evidence or tuple(map(describe_evidence, check.evidence))
        lines += [_remark(each, text_format) for each in count_repeated(evidence)]
        lines += [
            _fact("" if number else "packets", each, text_format)
            for number, each in enumerate(_packets(check))
        ]
    if outcome.port_monitor is not None:
        lines.append(_fact("port monitor", outcome.port_monitor, text_format))
    if with_causes:
        lines += format_causes(outcome.diagnosis.causes, text_format)
    return "\n".join(lines)


def _stages(check: Check, diagnosis: Diagnosis, text_format: TextFormat) -> list[str]:
    """The stages up to the one that failed, and notes on those that are not known or did not run."""
    stages = judged_stages(check, diagnosis)
    if not stages:
        return []
    shown = [format_stages(stages, ascii_only=text_format.ascii_only), *stage_notes(stages)]
    return [_fact("" if number else "stages", each, text_format) for number, each in enumerate(shown)]


def _measurements(check: Check) -> Iterator[tuple[str, str]]:
    """Yield what the stages of a check measured."""
    host = check.endpoint.host
    if str(check.address) != host:
        yield "name", f"{host} is {check.address}" if check.address else f"{host} has no address"
    if not settings_of(check.protocol).server_keys:  # no handshake of its own, no tunnel: the stages say all
        return
    handshake, tunnel = check.handshake, check.tunnel
    if handshake is None:
        yield "handshake", f"none after {format_count(check.sent, 'initiation')}"
    else:
        lost = f", {format_count(handshake.retransmits, 'initiation')} lost" if handshake.retransmits else ""
        cookie = ", after a cookie" if handshake.cookie else ""
        yield "handshake", f"{format_rtt(handshake.rtt)}{lost}{cookie}"
    if tunnel is None:
        yield "tunnel", "not tested"
        return
    took = f", {format_rtt(tunnel.rtt)}" if tunnel.rtt is not None else ""
    size = f", packets of {tunnel.mtu} bytes pass" if tunnel.mtu else ""
    what = "first hop" if tunnel.passive else "echoes and services"
    yield "tunnel", f"{tunnel.received} of {tunnel.sent} answers ({what}){took}{size}"


def _packets(check: Check) -> Iterator[str]:
    if not check.exchange:
        yield "none was sent" if settings_of(check.protocol).server_keys else "only those of a ping are shown"
    for packet in check.exchange:
        size = format_count(len(packet.data), "byte")
        yield f"{packet.direction.value:<9}{format_offset(packet.at):>10}  {label_of(check, packet)}, {size}"


def _remarks(outcome: Round) -> list[str]:
    """What is worth a line although the server is up."""
    soaks = [each for check in outcome.checks for each in check.evidence if isinstance(each, Soak)]
    lost = sum(check.handshake.retransmits for check in outcome.checks if check.handshake)
    initiations = (
        f"{format_count(lost, 'initiation')} got no answer: a client waits 5 s before it sends another"
    )
    return [*([initiations] if lost else []), *(_soak_text(outcome, each) for each in soaks)]


def _soak_text(outcome: Round, soak: Soak) -> str:
    """A soak in the words of its protocol, as its diagnosis has it."""
    usual = describe_evidence(soak)
    texts = (text for diagnosis in outcome.diagnoses for text in diagnosis.evidence)
    return next((text for text in texts if text.partition(":")[0] == usual.partition(":")[0]), usual)


def _headline(outcome: Round, position: int, text_format: TextFormat) -> str:
    return lay_out(_headline_spans(outcome, position, text_format), text_format, hanging=12)


def _headline_spans(outcome: Round, position: int, text_format: TextFormat) -> list[Span]:
    check, diagnosis = outcome.checks[position], outcome.diagnoses[position]
    severity = diagnosis.verdict.severity
    role = role_of(severity)
    rtt = format_rtt(check.handshake.rtt) if check.handshake else "lost"
    where = (
        f" ({printable(str(check.address))})"
        if check.address and str(check.address) != check.endpoint.host
        else ""
    )
    return [
        Span(f"{text_format.glyph(severity)} {severity.word:<8}", role),
        Span("  "),
        Span(printable(check.server), TextRole.NAME),
        Span("  "),
        Span(diagnosis.verdict.slug, role),
        Span(f"  {rtt}  {printable(str(check.endpoint))}{where}"),
    ]


def _sentence(text: str, text_format: TextFormat) -> str:
    return lay_out([Span(printable(text))], text_format, indent=_INDENT, hanging=_INDENT)


def _remark(text: str, text_format: TextFormat) -> str:
    return lay_out(
        [Span(f"{text_format.bullet} {printable(text)}")], text_format, indent=_INDENT, hanging=_REMARK
    )


def _fact(label: str, text: str, text_format: TextFormat) -> str:
    """Return a line of a list with labels; without a label, it continues the line above."""
    column = _INDENT + _LABEL
    spans = [Span(f"{label:<{_LABEL}}", is_whole=True)] if label else []
    indent = _INDENT if label else column
    return lay_out([*spans, Span(printable(text))], text_format, indent=indent, hanging=column)
