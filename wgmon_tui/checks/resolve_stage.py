"""The resolve stage of a check: what the lookup of its name took."""

from __future__ import annotations

from wgmon_tui.checks.stage import RESOLVE, Stage, StageOutcome
from wgmon_tui.net.resolver import Lookup
from wgmon_tui.text import format_age

NOT_NEEDED = Stage(RESOLVE, StageOutcome.NOT_RUN, detail="not needed for an address")


def resolve_stage(lookup: Lookup | None, began: float) -> Stage:
    """The resolve stage of a check that has an address.

    `lookup` is the answer that the address comes from, None for an endpoint that is an address. `began` is
    when the check began, in seconds of the monotonic clock: an answer may be older, because it is kept for
    a while.
    """
    if lookup is None:
        return NOT_NEEDED
    detail = "" if lookup.at >= began else f"looked up {format_age(began - lookup.at)}"
    return Stage(RESOLVE, StageOutcome.PASSED, lookup.took, detail)
