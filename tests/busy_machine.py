"""What a busy machine adds to the evidence of a check, and no test of one server means."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, MachineStarved


def without_starvation(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence without the waits of this process for the processor."""
    return [each for each in evidence if not isinstance(each, MachineStarved)]
