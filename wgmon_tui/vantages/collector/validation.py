"""What is taken of a round that another vantage reports: its facts. The words are our own. Pure.

An agent may lie about what it saw, and about nothing else: the server and the vantage are those that we know,
times lie where they can, and what is shown as advice is never text that came over the line.
"""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.vantages.protocol import BadLineError

_MAX_AGE_S = 7 * 86400.0
_MAX_FUTURE_S = 5.0
_MAX_LINE_CHARS = 300
_MAX_LINES = 20
_MAX_RTT_S = 120.0
_MAX_COUNT = 10_000
_MAX_ADDRESS_CHARS = 64
"""Characters. An IPv6 address with a zone is shorter."""


def sanitize_report(outcome: Round, server: Server, vantage: str, clock_offset_s: float, now: float) -> Round:
    """The round as we write it down at the Unix time `now`; the clock there is so far ahead of ours.

    Raises BadLineError for what no check can find.
    """
    checks = tuple(_sanitize_check(check, server, vantage, clock_offset_s, now) for check in outcome.checks)
    diagnoses = tuple(
        _sanitize_diagnosis(check, reported, server)
        for check, reported in zip(checks, outcome.diagnoses, strict=True)
    )
    return Round(checks, diagnoses, outcome.port_monitor and outcome.port_monitor[:_MAX_LINE_CHARS])


def _sanitize_check(check: Check, server: Server, vantage: str, clock_offset_s: float, now: float) -> Check:
    if not _is_plausible(check):
        raise BadLineError("report: what no check finds")
    began_at = min(max(check.started_at - clock_offset_s, now - _MAX_AGE_S), now + _MAX_FUTURE_S)
    return replace(check, server=server.name, vantage=vantage, endpoint=server.endpoint, started_at=began_at)


def _is_plausible(check: Check) -> bool:
    """Whether the history has room for it."""
    handshake, tunnel = check.handshake, check.tunnel
    rtts = [handshake.rtt if handshake else None, tunnel.rtt if tunnel else None]
    counts: list[int | None] = [check.sent, handshake.retransmits if handshake else None]
    if tunnel:
        counts += [tunnel.sent, tunnel.received, tunnel.sent - tunnel.received, tunnel.mtu]
    if check.address and len(str(check.address)) > _MAX_ADDRESS_CHARS:
        return False
    return all(rtt is None or 0 <= rtt <= _MAX_RTT_S for rtt in rtts) and all(
        count is None or 0 <= count <= _MAX_COUNT for count in counts
    )


def _sanitize_diagnosis(check: Check, reported: Diagnosis, server: Server) -> Diagnosis:
    """Our own where it comes to the same verdict.

    Else theirs hangs on what only they know, such as earlier checks: then their summary and evidence are
    shown, and no causes, since those tell people what to type.
    """
    if reported.verdict is Verdict.REGIONAL:
        raise BadLineError("report: a single vantage cannot find that verdict")
    try:
        rediagnosed = diagnose(check, server)
    except Exception as fault:  # noqa: BLE001 - of evidence that no prober finds, whatever it is that breaks
        raise BadLineError(f"report: evidence that cannot be: {type(fault).__name__}") from None
    if rediagnosed.verdict is reported.verdict:
        return rediagnosed
    evidence = tuple(line[:_MAX_LINE_CHARS] for line in reported.evidence[:_MAX_LINES])
    return Diagnosis(reported.verdict, reported.summary[:_MAX_LINE_CHARS], evidence)
