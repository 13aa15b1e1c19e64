"""Requests for traces of a path, their progress and their results, as JSON of the control socket."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.path_trace import (
    LONGEST_TIMEOUT_S,
    MOST_HOPS,
    MOST_ROUNDS,
    Hop,
    HopAnswer,
    PathTrace,
    TraceOptions,
)
from wgmon_tui.net.addresses import Address


def options_as_json(options: TraceOptions) -> dict[str, object]:
    """Encode what to trace."""
    return {
        "rounds": options.rounds,
        "max_hops": options.max_hops,
        "timeout": options.timeout,
        "address": str(options.address) if options.address else "",
    }


def options_from_json(raw: object) -> TraceOptions:
    """Decode what to trace. Raises ValueError for values outside of their limits."""
    match raw:
        case {
            "rounds": int(rounds),
            "max_hops": int(max_hops),
            "timeout": int() | float() as timeout,
            "address": str(address),
        } if 1 <= rounds <= MOST_ROUNDS and 1 <= max_hops <= MOST_HOPS and 0 < timeout <= LONGEST_TIMEOUT_S:
            return TraceOptions(
                rounds, max_hops, float(timeout), _parse_address(address) if address else None
            )
    raise ValueError("expected rounds, max_hops, timeout and address of a trace")


def answer_trace(trace: PathTrace | None) -> dict[str, object]:
    """Encode a trace, or that none runs."""
    return {"trace": _trace_as_json(trace) if trace else None}


def read_trace(answer: Mapping[str, object]) -> PathTrace | None:
    """Decode a trace; None if there is none, or this version cannot read it."""
    raw = answer.get("trace")
    try:
        return _trace_from_json(raw) if isinstance(raw, dict) else None
    except (ValueError, TypeError, KeyError):
        return None


def _parse_address(text: str) -> Address:
    """Parse an address. Raises ValueError, also for control characters, which an IPv6 scope may contain."""
    if not text.isprintable():
        raise ValueError("an address has unprintable characters")
    return ip_address(text)


def _trace_as_json(trace: PathTrace) -> dict[str, object]:
    return {
        "address": str(trace.address),
        "port": trace.port,
        "hops": [_hop_as_json(hop) for hop in trace.hops],
        "tried": trace.tried,
        "round": trace.round,
        "rounds": trace.rounds,
        "finished": trace.is_finished,
        "others": [str(each) for each in trace.other_addresses],
        "waiting": trace.is_waiting,
    }


def _hop_as_json(hop: Hop) -> dict[str, object]:
    error = hop.refusal
    return {
        "hop": hop.hop_limit,
        "answer": hop.answer.name,
        "addresses": list(hop.addresses),
        "sent": hop.sent,
        "rtts": list(hop.rtts),
        "quoted": hop.is_quoted,
        "icmp": [error.version, error.type, error.code, error.offender, error.from_target] if error else None,
    }


def _trace_from_json(raw: Mapping[str, object]) -> PathTrace:
    hops, others = raw["hops"], raw["others"]
    match raw:
        case {
            "address": str(address),
            "port": int(port),
            "tried": int(tried),
            "round": int(number),
            "rounds": int(rounds),
            "finished": bool(is_finished),
        } if isinstance(hops, list) and isinstance(others, list):
            return PathTrace(
                _parse_address(address),
                port,
                tuple(map(_hop_from_json, hops)),
                tried,
                number,
                rounds,
                is_finished,
                tuple(_parse_address(str(each)) for each in others),
                raw.get("waiting") is True,
            )
    raise ValueError("not a trace")


def _hop_from_json(raw: object) -> Hop:
    match raw:
        case {
            "hop": int(hop_limit),
            "answer": str(answer),
            "addresses": [*addresses],
            "sent": int(sent),
            "rtts": [*rtts],
            "quoted": bool(is_quoted),
            "icmp": error,
        }:
            return Hop(
                hop_limit,
                HopAnswer[answer],
                tuple(str(_parse_address(str(each))) for each in addresses),
                sent,
                tuple(float(each) for each in rtts),
                _refusal_from_json(error, is_quoted),
                is_quoted,
            )
    raise ValueError("not a hop")


def _refusal_from_json(raw: object, is_quoted: bool) -> IcmpError | None:
    match raw:
        case [int(version), int(kind), int(code), str(offender), bool(from_target)]:
            return IcmpError(
                0.0, version, kind, code, str(_parse_address(offender)), from_target, quotes_packet=is_quoted
            )
    return None
