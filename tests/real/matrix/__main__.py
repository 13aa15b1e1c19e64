"""Run the failure matrix and print it: `make matrix`, or `python -m tests.real.matrix [WORDS OF A MODE]`."""

from __future__ import annotations

import sys
import time

from tests.real.matrix.rows import ROWS
from tests.real.matrix.runner import CELLS, Outcome, play
from tests.real.matrix.servers import COLUMNS


def main() -> int:
    """Run the matrix. Exit status 1 if a verdict is wrong."""
    words = " ".join(sys.argv[1:])
    began = time.monotonic()
    outcomes, missing_servers = play([cell for cell in CELLS if words in cell.row.mode])
    modes = dict.fromkeys(row.mode for row in ROWS if words in row.mode)
    shown = {(cell.row.mode, cell.server): _shown(outcome) for cell, outcome in outcomes.items()}
    table: list[tuple[str, ...]] = [("failure mode", *COLUMNS)]
    table += [(mode, *(shown.get((mode, name), "-") for name in COLUMNS)) for mode in modes]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    wrong = [f"{cell}: {line}" for cell, outcome in outcomes.items() for line in outcome.wrong]
    print(f"\n{len(outcomes)} cells in {time.monotonic() - began:.0f} s, {len(wrong)} complaints")
    for line in (*wrong, *(f"{name} is not there: {reason}" for name, reason in missing_servers.items())):
        print(line)
    return 1 if wrong or missing_servers else 0


def _shown(outcome: Outcome) -> str:
    verdicts = " → ".join(each.diagnosis.verdict.slug for each in outcome.rounds)
    return f"{verdicts} {outcome.seconds:.1f} s{' !' if outcome.wrong else ''}"


if __name__ == "__main__":
    sys.exit(main())
