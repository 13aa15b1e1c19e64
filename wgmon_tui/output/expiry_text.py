"""How long certificates and keys are still valid, in words, and how urgent that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.text import DAY_S, format_elapsed, format_iso_time

if TYPE_CHECKING:
    from wgmon_tui.checks.expiry import Expires
    from wgmon_tui.output.json_lines import Json

SOON_S = 30 * DAY_S
VERY_SOON_S = 7 * DAY_S


def severity_of(at: float, now: float) -> Severity:
    """Down for what has ended or ends within a week, degraded for what ends within 30 days, else up."""
    left = at - now
    if left < VERY_SOON_S:
        return Severity.DOWN
    return Severity.DEGRADED if left < SOON_S else Severity.UP


def format_left(at: float, now: float) -> str:
    """The time that is left: `12 d`; `ended 3 h 05 min ago` for what has ended."""
    return format_elapsed(at - now) if at > now else f"ended {format_elapsed(now - at)} ago"


def state_word(at: float, now: float) -> str:
    """The urgency as a word: "ended", "urgent" within a week, "soon" within 30 days, or "valid"."""
    if at <= now:
        return "ended"
    return {Severity.DOWN: "urgent", Severity.DEGRADED: "soon"}.get(severity_of(at, now), "valid")


def expiry_object(expires: Expires, now: float) -> Json:
    """The end of something as a JSON object."""
    return {
        "what": expires.what,
        "name": expires.name,
        "ends_at": format_iso_time(expires.at),
        "left_s": round(expires.at - now),
    }
