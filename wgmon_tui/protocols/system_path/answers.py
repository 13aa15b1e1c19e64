"""What a host answered, as evidence and in words."""

from __future__ import annotations

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.text import format_rtt, printable

OK = "ok"
"""The first value of evidence for something that answered as it must; else it says what is wrong."""


def is_answer(evidence: ProtocolEvidence) -> bool:
    """Whether the host answered, as it must or not."""
    return evidence.at is not None


def word_of(evidence: ProtocolEvidence) -> str:
    """Its first value; "" without one, which another machine may have sent."""
    return evidence.values[0] if evidence.values else ""


def describe(evidence: ProtocolEvidence) -> str:
    """Say in one line what something answered."""
    word, asked, status = (*map(printable, evidence.values), "", "", "")[:3]
    took = f" in {format_rtt(evidence.at)}" if evidence.at is not None else ""
    what = {"echo": "the ping", "tcp": f"port {asked}", "http": f"HTTP {asked}", "dns": f"DNS {asked}"}
    what["tsmp"] = "the ping through WireGuard"
    name = what.get(evidence.kind, evidence.kind)
    match word:
        case "ok":
            return f"{name} answers{took}"
        case "forbidden":
            return f"{name} was not sent: this system forbids ICMP sockets to this account"
        case "status":
            return f"{name} answers {status}, expected 200 to 399"
        case "silent":
            return f"{name} does not answer"
        case "refused":
            return f"{name} refuses connections"
        case "unreachable":
            return f"{name} does not reach the host: the path reports it as unreachable"
        case "no-http":
            return f"{name} gets an answer that is not HTTP"
        case "error 3":
            return f"{name}: the name does not exist"
    return f"{name}: {word}"
