"""JSON lines of check results, for scripts: one object per server. Missing values are null."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import url_of
from wgmon_tui.checks.packets import fields_of, label_of
from wgmon_tui.checks.stage import Stage
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.store.replaced_values import note_replaced
from wgmon_tui.text import format_iso_time

Json = dict[str, object]


def json_line(outcome: Round) -> str:
    """Return a round as one line of JSON without newline. Its only keys are the encrypted ones in packets."""
    return one_line(json_object(outcome))


def one_line(value: Json) -> str:
    """Return an object as one line of ASCII JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:  # a damaged store; JSON has no such numbers
        return json.dumps(_without_infinite(value), separators=(",", ":"))


def _without_infinite(value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        note_replaced()
        return None
    if isinstance(value, dict):
        return {key: _without_infinite(each) for key, each in value.items()}
    return [_without_infinite(each) for each in value] if isinstance(value, list | tuple) else value


def in_ms(seconds: float | None) -> float | None:
    """Convert seconds to milliseconds, rounded to the microsecond."""
    return None if seconds is None else round(seconds * 1000, 3)


def json_object(outcome: Round) -> Json:
    """Return a round as a JSON object."""
    check, diagnosis = outcome.check, outcome.diagnosis
    return {
        "server": check.server,
        "vantage": check.vantage,
        "endpoint": str(check.endpoint),
        **_address(check, diagnosis),
        "tunnel": _tunnel(check),
        "port_monitor": outcome.port_monitor,
        "causes": [
            {
                "cause": each.cause,
                "why": each.why,
                "fix": each.fix,
                "hypothesis": each.hypothesis or None,
                "proven": each.proven,
            }
            for each in diagnosis.causes
        ],
        "evidence": list(diagnosis.evidence),
        "exchange": [packet_object(check, packet) for packet in check.exchange],
        "started_at": format_iso_time(check.started_at),
        "addresses": [
            {**_address(check, found), **stages_object(check.stages, found.failed_stage)}
            for check, found in zip(outcome.checks, outcome.diagnoses, strict=True)
        ],
        "soak": _soak(check),
        **stages_object(check.stages, diagnosis.failed_stage),
        "fetches": [_fetch(each) for each in all_of_kind(InnerFetch, check.evidence)],
    }


def _address(check: Check, diagnosis: Diagnosis) -> Json:
    handshake = check.handshake
    rtt_ms = in_ms(handshake.rtt) if handshake else None
    return {
        "address": str(check.address) if check.address else None,
        "verdict": diagnosis.verdict.slug,
        "severity": diagnosis.verdict.severity.word,
        "summary": diagnosis.summary,
        "rtt_ms": rtt_ms,
        "handshake": handshake
        and {"rtt_ms": rtt_ms, "cookie": handshake.cookie, "retransmits": handshake.retransmits},
    }


def stages_object(stages: Sequence[Stage], failed_stage: str) -> Json:
    """The stages of a check, and the name of the one that failed. A check of an earlier version has none."""
    return {
        "stages": [
            {
                "stage": each.name,
                "outcome": each.outcome.slug,
                "ms": in_ms(each.seconds),
                "detail": each.detail or None,
            }
            for each in stages
        ],
        "failed_stage": failed_stage or None,
    }


def _tunnel(check: Check) -> Json | None:
    tunnel = check.tunnel
    if tunnel is None:
        return None
    return {
        "sent": tunnel.sent,
        "received": tunnel.received,
        "rtt_ms": in_ms(tunnel.rtt),
        "mtu": tunnel.mtu,
        "passive": tunnel.passive,
    }


def _fetch(fetch: InnerFetch) -> Json:
    """A fetch of this check. Its times count from its start."""
    return {
        "url": url_of(fetch),
        "address": str(fetch.address) if fetch.address else None,
        "fault": fetch.fault,
        "reason": fetch.reason or None,
        "status": fetch.status,
        "bytes": fetch.size,
        "bytes_per_second": fetch.rate,
        "resolved_ms": in_ms(fetch.resolved),
        "connected_ms": in_ms(fetch.connected),
        "encrypted_ms": in_ms(fetch.encrypted),
        "first_byte_ms": in_ms(fetch.responded),
        "ended_ms": in_ms(fetch.ended),
        "echoes_pass": fetch.echoes_pass,
        "small_segments_pass": fetch.small_pass,
    }


def _soak(check: Check) -> Json | None:
    """The soak of this check; null if it had none."""
    soak, cut = first_of_kind(Soak, check.evidence), first_of_kind(FlowCut, check.evidence)
    if soak is None:
        return None
    return {
        "sent": soak.sent,
        "received": soak.received,
        "bytes": soak.size,
        "seconds": round(soak.lasted, 3),
        "cut": cut
        and {
            "packets": cut.packets,
            "bytes": cut.size,
            "seconds": round(cut.after, 3),
            "unanswered": cut.unanswered,
        },
    }


def packet_object(check: Check, packet: Packet) -> Json:
    """Return a packet as a JSON object: its bytes, and its fields with their meaning."""
    return {
        "t": round(packet.at, 6),
        "dir": packet.direction.value,
        "type": label_of(check, packet),
        "len": len(packet.data),
        "hex": packet.data.hex(),
        "fields": [
            {"name": each.name, "offset": each.offset, "length": each.length, "meaning": each.meaning}
            for each in fields_of(check, packet)
        ],
    }
