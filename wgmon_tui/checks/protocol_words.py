"""Help in the words of a protocol, for screens and pages."""

from __future__ import annotations

from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VERDICT_HELP, VerdictHelp


def help_on(verdict: Verdict, protocol: str) -> VerdictHelp:
    """The help on a verdict: that of the protocol, if it decides the verdict by other evidence."""
    try:
        return find_protocol(protocol).verdict_help.get(verdict, VERDICT_HELP[verdict])
    except UnknownProtocolError:
        return VERDICT_HELP[verdict]
