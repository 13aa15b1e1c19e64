"""Causes of timestamps that a server refuses."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.findings import first_of, of_kind
from wgmon_tui.protocols.proxies.words import describe_shift


def is_clock_tried(evidence: Sequence[Evidence]) -> bool:
    """Whether an experiment shifted the timestamps, in vain."""
    return any(each.values[0] == "clock" for each in of_kind(findings.TRIED, evidence))


def of_untried_clock(evidence: Sequence[Evidence], why: str, fix: str) -> Cause:
    """The clocks may differ: by an amount that no experiment tried, if some did in vain."""
    if not is_clock_tried(evidence):
        return Cause("the clocks differ too much", why, fix)
    untried = "shifted timestamps did not help, but not every shift was tried"
    return Cause("the clocks differ by an unusual amount", untried, fix)


def of_found_clock(value: str, why: str, evidence: Sequence[Evidence]) -> Cause:
    """Shifted timestamps got an answer. The dates of the pages tell whose clock is wrong."""
    offset = first_of(findings.CLOCK, evidence)
    whose = "the server's clock"
    fix = "on the server: timedatectl"
    shift = value
    if offset and offset.values[0] not in ("0", "-0"):
        whose, fix, shift = "this machine's clock", "timedatectl", offset.values[0]
    elif offset is None:
        whose, fix = "the clock of the server, or of this machine,", "on both machines: timedatectl"
    about = describe_shift(shift)
    return Cause(f"{whose} is wrong, about {about}", why, fix, proven=True)
