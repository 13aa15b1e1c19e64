"""The path to a server as lines of text, and as JSON. Times are in milliseconds in JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from textwrap import wrap

from wgmon_tui.checks.path_trace import Hop, PathTrace, conclusion, describe_hop, hops_label
from wgmon_tui.output.json_lines import Json, in_ms
from wgmon_tui.text import format_count, format_list, format_rtt

_NOTE_INDENT = 7
_LEAST_WIDTH = 40
_MAX_PROSE_WIDTH = 96


@dataclass(frozen=True, slots=True)
class HopLine:
    """A line about a hop: its columns, or a part of its note. `hop` tells which it is."""

    text: str
    hop: Hop
    is_note: bool = False


def trace_heading(server: str, trace: PathTrace) -> str:
    """The first line: where the path leads, and how far the trace is."""
    port = (
        f"[{trace.address}]:{trace.port}" if trace.address.version == 6 else f"{trace.address}:{trace.port}"
    )
    if trace.is_finished:
        state = f"{format_count(trace.rounds, 'round')} of WireGuard initiations"
    elif trace.is_waiting:
        state = "waiting for a check to end"
    else:
        state = f"round {trace.round} of {trace.rounds}, hop limit {trace.tried}"
    return f"Path to {server}, {port}: {state}"


def column_heading(trace: PathTrace) -> str:
    """The line above the hops."""
    return f"{'hop':>5}  {'address':<{_address_width(trace)}}  {'lost':>5}  {'median':>7}  {'worst':>7}"


def hop_lines(trace: PathTrace, width: int, names: Mapping[str, str]) -> Iterator[HopLine]:
    """The lines of all hops, at most `width` wide. `names` are the names of addresses, as far as known."""
    address_width = _address_width(trace)
    for hop in trace.hops:
        first, *others = hop.addresses or ("*",)
        lost = f"{hop.sent - hop.answered}/{hop.sent}"
        times = [format_rtt(hop.rtt), format_rtt(max(hop.rtts))] if hop.rtt is not None else ["-", "-"]
        line = (
            f"{hops_label(trace, hop):>5}  {first:<{address_width}}  {lost:>5}  {times[0]:>7}  {times[1]:>7}"
        )
        note = ", ".join(filter(None, (names.get(first, ""), describe_hop(trace, hop))))
        whole = f"{line}  {note}".rstrip()
        if len(whole) <= width:
            yield HopLine(whole, hop)
        else:
            yield HopLine(line.rstrip(), hop)
            yield from _note_lines(note, hop, width)
        for other in others:
            yield from _note_lines(f"{other} {names.get(other, '')}".rstrip(), hop, width)


def conclusion_lines(trace: PathTrace, width: int) -> Iterator[str]:
    """What the finished trace shows, wrapped; "" for an unfinished one."""
    prose = max(_LEAST_WIDTH, min(width, _MAX_PROSE_WIDTH))
    for sentence in conclusion(trace) if trace.is_finished else ():
        yield from wrap(sentence, prose, break_on_hyphens=False)
    if trace.is_finished and trace.other_addresses:
        others = format_list(trace.other_addresses, most=4)
        yield from wrap(f"Not traced: {others}.", prose, break_on_hyphens=False)


def trace_lines(server: str, trace: PathTrace, width: int, names: Mapping[str, str]) -> list[str]:
    """The whole trace as lines."""
    return [
        *wrap(trace_heading(server, trace), max(_LEAST_WIDTH, width), break_on_hyphens=False),
        column_heading(trace),
        *(line.text for line in hop_lines(trace, width, names)),
        *conclusion_lines(trace, width),
    ]


def trace_object(server: str, trace: PathTrace, names: Mapping[str, str]) -> Json:
    """A trace as a JSON object."""
    return {
        "server": server,
        "address": str(trace.address),
        "port": trace.port,
        "reached": trace.is_reached,
        "rounds": trace.rounds,
        "tried": trace.tried,
        "conclusion": " ".join(conclusion(trace)),
        "other_addresses": [str(each) for each in trace.other_addresses],
        "hops": [_hop_object(hop, names) for hop in trace.hops],
    }


def _hop_object(hop: Hop, names: Mapping[str, str]) -> Json:
    error = hop.refusal
    return {
        "hop": hop.hop_limit,
        "answer": hop.answer.name.lower(),
        "addresses": list(hop.addresses),
        "names": {each: names[each] for each in hop.addresses if each in names},
        "sent": hop.sent,
        "answered": hop.answered,
        "rtt_ms": {
            "min": in_ms(min(hop.rtts, default=None)),
            "median": in_ms(median(hop.rtts) if hop.rtts else None),
            "max": in_ms(max(hop.rtts, default=None)),
        },
        "icmp": {"type": error.type, "code": error.code, "sender": error.offender} if error else None,
        "quoted": hop.is_quoted,
    }


def _note_lines(note: str, hop: Hop, width: int) -> Iterator[HopLine]:
    for part in wrap(note, max(_LEAST_WIDTH, width) - _NOTE_INDENT, break_on_hyphens=False):
        yield HopLine(f"{'':<{_NOTE_INDENT}}{part}", hop, is_note=True)


def _address_width(trace: PathTrace) -> int:
    """Wide enough for every router on the way: the columns must not move while hops arrive."""
    shortest = len("255.255.255.255") if trace.address.version == 4 else len("2001:db8:1234:1234::1234")
    return max(shortest, *(len(each) for hop in trace.hops for each in hop.addresses), 0)
