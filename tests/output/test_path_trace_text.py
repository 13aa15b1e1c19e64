"""Tests of a trace as text and as JSON."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from tests.tui.sample_traces import CUT_OFF, REACHED, REFUSED
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.path_trace import Hop, HopAnswer, PathTrace, conclusion
from wgmon_tui.output.path_trace_text import trace_lines, trace_object

LONGEST = "2001:db8:1234:5678:9abc:def0:1234:5678"


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("trace", [CUT_OFF, REACHED, REFUSED], ids=["cut off", "reached", "refused"])
def test_no_line_is_wider_than_the_terminal(trace: PathTrace, width: int) -> None:
    names = {"198.51.100.1": "a-router-with-a-long-name.core.example.net"}
    assert max(map(len, trace_lines("fra1", trace, width, names))) <= width


def test_the_longest_address_fits_80_columns() -> None:
    hop = Hop(1, HopAnswer.EXPIRED, (LONGEST,), 3, (0.01, 0.02, 0.03))
    trace = replace(CUT_OFF, address=IPv6Address(LONGEST), hops=(hop,))
    rows = [line for line in trace_lines("fra1", trace, 80, {}) if line.endswith("30.0 ms")]
    assert len(rows) == 1
    assert len(rows[0]) <= 80


def test_the_silence_at_the_end_is_one_line() -> None:
    lines = trace_lines("fra1", CUT_OFF, 100, {})
    assert [line for line in lines if "no answer" in line] == [
        " 4-11  *                  3/3        -        -  no answer"
    ]


def test_an_unfinished_trace_has_no_conclusion() -> None:
    lines = trace_lines("fra1", replace(CUT_OFF, is_finished=False, round=2), 100, {})
    assert lines[0] == "Path to fra1, 203.0.113.9:51820: round 2 of 3, hop limit 11"
    assert not any("Nothing answers" in line for line in lines)


def test_a_trace_that_waits_says_so() -> None:
    waiting = replace(CUT_OFF, is_finished=False, is_waiting=True)
    assert "waiting for a check to end" in trace_lines("fra1", waiting, 100, {})[0]


def test_loss_that_stays_up_to_the_server_is_named_where_it_begins() -> None:
    lossy = tuple(replace(hop, sent=4) for hop in REACHED.hops)
    hops = (replace(lossy[0], sent=3), lossy[1], *lossy[2:])
    assert conclusion(replace(REACHED, hops=hops))[1].startswith("Loss begins at hop 3 (198.51.100.77, ")


def test_loss_at_the_server_alone_is_not_blamed_on_a_router() -> None:
    hops = (*REACHED.hops[:3], replace(REACHED.hops[3], sent=4))
    assert conclusion(replace(REACHED, hops=hops)) == (
        "The server answered 3 of 4 initiations, at hop 4.",
        "Only initiations to the server are lost, 1 of 4.",
    )


def test_a_trace_that_max_hops_ended_blames_nobody() -> None:
    stopped = replace(CUT_OFF, hops=CUT_OFF.hops[:1], tried=1)
    assert stopped.is_cut_short
    assert conclusion(stopped) == ("Stopped at hop 1 (--max-hops 1); the server is farther.",)


def test_few_silent_hop_limits_say_that_the_server_may_be_farther() -> None:
    told = conclusion(replace(CUT_OFF, tried=5))
    assert told[1:] == ("No packet went past hop 5: the server may be farther (--max-hops).",)


def test_a_router_that_refuses_for_the_next_hop_is_told_as_such() -> None:
    hops = (CUT_OFF.hops[0], replace(REFUSED.hops[1], addresses=("192.168.1.1",)))
    found = replace(REFUSED, hops=hops)
    assert conclusion(found)[0].startswith("Hop 1 (192.168.1.1) refuses the packets for hop 2: ")
    assert any("  hop 1 refuses: " in line for line in trace_lines("fra1", found, 120, {}))


def test_a_closed_port_at_the_first_hop_has_no_hops_before_it() -> None:
    error = IcmpError(0.0, 4, 3, 3, "127.0.0.1", True, quotes_packet=True)
    hop = Hop(1, HopAnswer.REFUSED, ("127.0.0.1",), 3, (0.001,), error)
    assert not any("before it" in sentence for sentence in conclusion(replace(REFUSED, hops=(hop,))))


def test_json_has_every_hop_with_its_times_in_milliseconds() -> None:
    found = trace_object("fra1", REFUSED, {"198.51.100.1": "core.example.net"})
    assert found["reached"] is False
    assert found["hops"] == [
        {
            "hop": 1,
            "answer": "expired",
            "addresses": ["192.168.1.1"],
            "names": {},
            "sent": 3,
            "answered": 3,
            "rtt_ms": {"min": 0.4, "median": 0.5, "max": 1.1},
            "icmp": None,
            "quoted": True,
        },
        {
            "hop": 2,
            "answer": "refused",
            "addresses": ["198.51.100.1"],
            "names": {"198.51.100.1": "core.example.net"},
            "sent": 3,
            "answered": 3,
            "rtt_ms": {"min": 12.0, "median": 12.5, "max": 13.0},
            "icmp": {"type": 3, "code": 13, "sender": "198.51.100.1"},
            "quoted": True,
        },
    ]
