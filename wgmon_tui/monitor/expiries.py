"""What a round knows of the ends of certificates and keys."""

from __future__ import annotations

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.monitor.models import Round


def expiries_of(outcome: Round) -> tuple[Expires, ...]:
    """The ends that a round knows, each once: those of all addresses, the first to end first."""
    found = {each for check in outcome.checks for each in check.evidence if isinstance(each, Expires)}
    return tuple(sorted(found, key=lambda each: (each.at, each.what, each.name))) if found else ()
