"""Validation of rounds from other vantages. Pure functions that keep the facts and regenerate the text.

An agent can only falsify its own observations. Server and vantage names come from this machine's
configuration, times are limited to a plausible range, and advice is never text from the agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.stage import STAGE_NAMES, Stage
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.vantages.protocol import BadLineError

_MAX_AGE_S = 7 * 86400.0
_MAX_FUTURE_S = 5.0
_MAX_LINE_CHARS = 300
_MAX_LINES = 20
_MAX_RTT_S = 120.0
_MAX_COUNT = 10_000
_MAX_ADDRESS_CHARS = 64
"""In characters. An IPv6 address with a zone is shorter."""


def sanitize_report(outcome: Round, server: Server, vantage: str, clock_offset_s: float, now: float) -> Round:
    """The round to store, corrected for the agent's clock.

    `clock_offset_s` is how far the agent's clock is ahead, in seconds; `now` is a Unix time. Raises
    BadLineError for values that no check can produce.
    """
    checks = tuple(_sanitize_check(check, server, vantage, clock_offset_s, now) for check in outcome.checks)
    diagnoses = tuple(
        _sanitize_diagnosis(check, reported, server)
        for check, reported in zip(checks, outcome.diagnoses, strict=True)
    )
    return Round(checks, diagnoses, outcome.port_monitor and outcome.port_monitor[:_MAX_LINE_CHARS])


def _sanitize_check(check: Check, server: Server, vantage: str, clock_offset_s: float, now: float) -> Check:
    if not _is_plausible(check):
        raise BadLineError("report: values out of range")
    began_at = min(max(check.started_at - clock_offset_s, now - _MAX_AGE_S), now + _MAX_FUTURE_S)
    return replace(
        check,
        server=server.name,
        vantage=vantage,
        endpoint=server.endpoint,
        started_at=began_at,
        stages=_sanitize_stages(check.stages),
    )


def _sanitize_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Keep each known stage once, with a detail of limited length. Newer agents may report others."""
    by_name = {each.name: each for each in reversed(stages)}
    known = [by_name[name] for name in STAGE_NAMES if name in by_name]
    return tuple(replace(each, detail=each.detail[:_MAX_LINE_CHARS]) for each in known)


def _is_plausible(check: Check) -> bool:
    """Whether all values are within the ranges that a check can produce."""
    handshake, tunnel = check.handshake, check.tunnel
    rtts = [handshake.rtt if handshake else None, tunnel.rtt if tunnel else None]
    rtts += [each.seconds for each in check.stages]
    counts: list[int | None] = [check.sent, handshake.retransmits if handshake else None]
    if tunnel:
        counts += [tunnel.sent, tunnel.received, tunnel.sent - tunnel.received, tunnel.mtu]
    if check.address and len(str(check.address)) > _MAX_ADDRESS_CHARS:
        return False
    return all(rtt is None or 0 <= rtt <= _MAX_RTT_S for rtt in rtts) and all(
        count is None or 0 <= count <= _MAX_COUNT for count in counts
    )


def _sanitize_diagnosis(check: Check, reported: Diagnosis, server: Server) -> Diagnosis:
    """The local diagnosis of the same evidence, if its verdict is the reported one.

    Otherwise the agent's verdict depends on facts that only the agent has, such as earlier checks. Then its
    summary and evidence are used, without causes: those tell people what to type.
    """
    if reported.verdict is Verdict.REGIONAL:
        raise BadLineError("report: a single vantage cannot reach this verdict")
    try:
        rediagnosed = _diagnose_again(check, server)
    except Exception as fault:  # noqa: BLE001 - invalid evidence can raise anything
        raise BadLineError(f"report: invalid evidence: {type(fault).__name__}") from None
    if rediagnosed and rediagnosed.verdict is reported.verdict:
        return rediagnosed
    evidence = tuple(line[:_MAX_LINE_CHARS] for line in reported.evidence[:_MAX_LINES])
    failed_stage = reported.failed_stage if reported.failed_stage in STAGE_NAMES else ""
    return Diagnosis(reported.verdict, reported.summary[:_MAX_LINE_CHARS], evidence, (), failed_stage)


def _diagnose_again(check: Check, server: Server) -> Diagnosis | None:
    try:
        return find_protocol(server.protocol).diagnose(check, server)
    except UnknownProtocolError:
        return None
