"""Help in the words of a protocol, for screens and pages."""

from __future__ import annotations

from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VERDICT_HELP, VerdictHelp
from wgmon_tui.config.models import WIREGUARD
from wgmon_tui.text import quoted

_OF_EVERY_PROTOCOL = frozenset(
    {
        Verdict.DNS_FAILURE,
        Verdict.UNREACHABLE,
        Verdict.LOCAL_FAULT,
        Verdict.MISCONFIGURED,
        Verdict.REGIONAL,
        Verdict.ADDRESS_DEAD,
    }
)
"""Verdicts whose general help names nothing of WireGuard."""


NOT_STORED = "The packets of this check are not stored."


def explain_no_packets(protocol: str) -> str:
    """Why a check may have no packets to show."""
    try:
        return find_protocol(protocol).no_packets or NOT_STORED
    except UnknownProtocolError:
        return NOT_STORED


def explain_no_trace(protocol: str) -> str:
    """Why the path to servers of a protocol cannot be traced; "" if it can."""
    try:
        found = find_protocol(protocol)
    except UnknownProtocolError:
        return f"This version does not know the protocol {quoted(protocol)}"
    return "" if found.traces_paths else f"{found.title} servers cannot be traced"


def meaning_of(verdict: Verdict, protocol: str) -> str:
    """The meaning of a verdict in the words of a protocol; "" if it has none and WireGuard's misleads."""
    found = help_on(verdict, protocol)
    return (found.meaning or verdict.meaning) if found else ""


def help_on(verdict: Verdict, protocol: str) -> VerdictHelp | None:
    """The help on a verdict in the words of a protocol; None if it has none and WireGuard's misleads."""
    try:
        found = find_protocol(protocol)
    except UnknownProtocolError:
        return VERDICT_HELP[verdict] if verdict in _OF_EVERY_PROTOCOL else None
    if verdict in found.verdict_help:
        return found.verdict_help[verdict]
    is_alike = verdict in _OF_EVERY_PROTOCOL or found.settings.server_keys == WIREGUARD
    return VERDICT_HELP[verdict] if is_alike else None
