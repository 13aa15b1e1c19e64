"""The stages of a check of a proxy. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.stage import (
    DIRECT,
    FETCH,
    HANDSHAKE,
    REACH,
    TLS,
    UDP,
    WEBSOCKET,
    Stage,
    StageOutcome,
)
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.findings import OK, SAME, of_kind
from wgmon_tui.protocols.proxies.link_layers import OUTER_TLS, path_of, tls_of
from wgmon_tui.protocols.proxies.links.records import StreamLink
from wgmon_tui.protocols.proxies.page_fetch import PageFetch
from wgmon_tui.protocols.proxies.reality.words import REALITY, VERIFIED
from wgmon_tui.text import format_list

_FAILED, _PASSED = StageOutcome.FAILED, StageOutcome.PASSED
_NOT_KNOWN, _NOT_RUN = StageOutcome.NOT_KNOWN, StageOutcome.NOT_RUN
_EARLIER = "an earlier stage failed"


def stages_of(
    link: StreamLink, through: Sequence[PageFetch], evidence: Sequence[Evidence]
) -> tuple[Stage, ...]:
    """The stages of the first fetch, and of what was compared with it."""
    first = through[0]
    stages = [_reach(first)]
    opened = dict(first.opened)
    tls = tls_of(link)
    layers = [(TLS, REALITY if tls.reality else OUTER_TLS)] if tls else []
    layers += [(WEBSOCKET, name) for name in ("websocket", "http-upgrade") if path_of(link)][:1]
    for stage, layer in layers:
        at = opened.get(layer, opened.get("http-upgrade") if stage == WEBSOCKET else None)
        detail = VERIFIED if layer == REALITY else ""
        stages.append(_layer(stage, at, first, detail, has_failed=_has_failed(stages)))
    stages.append(_handshake(through, evidence, has_failed=_has_failed(stages)))
    stages.append(_fetch(first, has_failed=_has_failed(stages)))
    stages += _compared(evidence)
    return tuple(stages)


def _has_failed(stages: Sequence[Stage]) -> bool:
    return any(each.outcome is _FAILED for each in stages)


def _reach(first: PageFetch) -> Stage:
    if first.connected is not None:
        return Stage(REACH, _PASSED, first.connected)
    match first.fault:
        case "refused" | "reset":
            return Stage(REACH, _FAILED, first.ended, "the port refuses connections")
        case "unreachable":
            return Stage(REACH, _FAILED, first.ended, "the path reports that it cannot be reached")
        case _:
            return Stage(REACH, _FAILED, None, "no connection within the timeout")


def _layer(name: str, at: float | None, first: PageFetch, detail: str, *, has_failed: bool) -> Stage:
    if has_failed:
        return Stage(name, _NOT_RUN, None, _EARLIER)
    if at is not None:
        return Stage(name, _PASSED, at, detail)
    return Stage(name, _FAILED, first.ended, first.reason or "no answer")


def _handshake(through: Sequence[PageFetch], evidence: Sequence[Evidence], *, has_failed: bool) -> Stage:
    if has_failed:
        return Stage(HANDSHAKE, _NOT_RUN, None, _EARLIER)
    is_anybody = any(each.values[0] == SAME for each in of_kind(findings.WRONG_SECRET, evidence))
    for each in through:
        if each.is_proven or (each.fault is None and not is_anybody):
            return Stage(HANDSHAKE, _PASSED, each.responded)
    first = through[0]
    if first.layer or first.fault is None or first.status is not None:
        reason = first.reason or "the answer is not the proxy's"
        return Stage(HANDSHAKE, _FAILED, first.ended, reason)
    return Stage(HANDSHAKE, _FAILED, first.ended, "nothing authentic came back")


def _fetch(first: PageFetch, *, has_failed: bool) -> Stage:
    if has_failed:
        return Stage(FETCH, _NOT_RUN, None, _EARLIER)
    if first.fault is None:
        return Stage(FETCH, _PASSED, first.ended)
    return Stage(FETCH, _FAILED, first.ended, first.reason)


def _compared(evidence: Sequence[Evidence]) -> list[Stage]:
    """UDP, and the pages without the proxy: what they show of others never makes the check fail."""
    stages: list[Stage] = []
    if asked := of_kind(findings.UDP, evidence):
        wrong = [each.values[1] for each in asked if each.values[1] != OK]
        outcome = _FAILED if wrong else _PASSED
        stages.append(Stage(UDP, outcome, asked[0].at, format_list(wrong)))
    if direct := of_kind(findings.DIRECT, evidence):
        well = any(each.values[1] == OK for each in direct)
        detail = "" if well else "no page answers directly either"
        stages.append(Stage(DIRECT, _PASSED if well else _NOT_KNOWN, None, detail))
    return stages
