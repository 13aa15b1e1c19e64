"""Run the failure matrix and print it: `make matrix`, or `python -m tests.real.matrix [WORDS OF A MODE]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence

from tests.real.matrix.agreement import describe
from tests.real.matrix.runner import CELLS, Cell, Outcome, play
from tests.real.nodes.matrix import table as nodes_table
from tests.real.openvpn.matrix import table as openvpn_table

Table = Callable[[str], tuple[list[Sequence[str]], list[str]]]

HEADINGS = ("failure mode", "server", "verdict of wgmon-tui", "a real client got", "agree")


def main() -> int:
    """Run the matrices. Exit status 1 if a verdict is wrong or disagrees with what a client got."""
    words = " ".join(sys.argv[1:])
    found = [_run(name, table, words) for name, table in TABLES.items()]
    return 1 if any(found) else 0


def _run(name: str, table: Table, words: str) -> bool:
    """Run one matrix and print it; returns whether something is wrong."""
    began = time.monotonic()
    shown, wrong = table(words)
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    print(f"\n{name}\n")
    for cells in shown:
        print("  ".join(text.ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip())
    took = time.monotonic() - began
    print(f"\n{name}: {len(shown) - 1} lines in {took:.0f} s, {len(wrong)} complaints")
    for line in wrong:
        print(line)
    return bool(wrong)


def _wireguard(words: str) -> tuple[list[Sequence[str]], list[str]]:
    """The lines of the table, and what is wrong in them."""
    outcomes, missing_servers = play([cell for cell in CELLS if words in cell.row.mode])
    shown: list[Sequence[str]] = [HEADINGS]
    shown += [line for cell, outcome in outcomes.items() for line in _shown(cell, outcome)]
    wrong = [f"{cell}: {line}" for cell, outcome in outcomes.items() for line in outcome.wrong]
    missing = [f"{name} is not there: {reason}" for name, reason in missing_servers.items()]
    return shown, wrong + missing


def _shown(cell: Cell, outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """A line for each look of a cell."""
    for number, (planned, seen) in enumerate(zip(cell.row.looks, outcome.seen, strict=False), 1):
        look = planned.given(seen.got)
        found = seen.round.diagnosis.verdict
        verdict = found.slug if look.is_met(found) else f"{found.slug}, not {look.expected}"
        agrees = "no" if seen.disagreement else "yes"
        mode = cell.row.mode if len(cell.row.looks) == 1 else f"{cell.row.mode} [{number}]"
        with_mtu = f" with MTU {seen.mtu}" if seen.mtu else ""
        yield mode, cell.server, verdict, f"{describe(seen.got)}{with_mtu}", agrees
    if not outcome.seen:
        yield cell.row.mode, cell.server, "error", "-", "no"


TABLES: dict[str, Table] = {
    "WireGuard": _wireguard,
    "OpenVPN": openvpn_table,
    "Control plane and data path": nodes_table,
}


if __name__ == "__main__":
    sys.exit(main())
