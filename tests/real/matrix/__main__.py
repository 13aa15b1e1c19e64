"""Run the failure matrix and print it: `make matrix`, or `python -m tests.real.matrix [WORDS OF A MODE]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from tests.real.matrix.agreement import describe
from tests.real.matrix.runner import CELLS, Cell, Outcome, play

HEADINGS = ("failure mode", "server", "verdict of wgmon-tui", "a real client got", "agree")


def main() -> int:
    """Run the matrix. Exit status 1 if a verdict is wrong or disagrees with what a client got."""
    words = " ".join(sys.argv[1:])
    began = time.monotonic()
    outcomes, missing_servers = play([cell for cell in CELLS if words in cell.row.mode])
    shown: list[tuple[str, ...]] = [HEADINGS]
    shown += [line for cell, outcome in outcomes.items() for line in _shown(cell, outcome)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        print("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())
    wrong = [f"{cell}: {line}" for cell, outcome in outcomes.items() for line in outcome.wrong]
    print(f"\n{len(outcomes)} cells in {time.monotonic() - began:.0f} s, {len(wrong)} complaints")
    for line in (*wrong, *(f"{name} is not there: {reason}" for name, reason in missing_servers.items())):
        print(line)
    return 1 if wrong or missing_servers else 0


def _shown(cell: Cell, outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """A line for each look of a cell."""
    for number, (look, seen) in enumerate(zip(cell.row.looks, outcome.seen, strict=False), 1):
        found = seen.round.diagnosis.verdict
        verdict = found.slug if look.is_met(found) else f"{found.slug}, not {look.expected}"
        agrees = "no" if seen.disagreement else "yes"
        mode = cell.row.mode if len(cell.row.looks) == 1 else f"{cell.row.mode} [{number}]"
        with_mtu = f" with MTU {seen.mtu}" if seen.mtu else ""
        yield mode, cell.server, verdict, f"{describe(seen.got)}{with_mtu}", agrees
    if not outcome.seen:
        yield cell.row.mode, cell.server, "error", "-", "no"


if __name__ == "__main__":
    sys.exit(main())
