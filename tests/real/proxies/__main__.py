"""Run the failure matrix of proxies and print it: `python -m tests.real.proxies [WORDS OF A CELL]`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.real.proxies.program_rows import ProgramRow, program_rows
from tests.real.proxies.rows import cells
from tests.real.proxies.runner import cause_of, play
from tests.real.proxies.servers import proxy_servers
from tests.real.proxies.xray import start_xray_if_named

PROGRAMS = ("ss-server", "v2ray", "trojan", "sing-box", "mihomo")
_HEADINGS = ("fault", "server", "verdict of wgmon-tui", "first cause", "mihomo says")


def main() -> int:
    """Run the matrix. Exit status 1 if a verdict or a cause is wrong, or disagrees with a real client."""
    words = " ".join(sys.argv[1:])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, proxy_servers(Path(home), *PROGRAMS) as servers:
        start_xray_if_named(servers)
        chosen = [each for each in cells(servers.links, servers.start_without_exit()) if words in str(each)]
        played = play(servers, chosen)
    through_programs = asyncio.run(_played_rows(words))
    lines = [
        (each.cell.fault, each.cell.server, each.diagnosis.verdict.slug, each.cause, each.client or "-")
        for each in played
    ]
    lines += [
        (each.fault, each.server, each.diagnosis.verdict.slug, cause_of(each.diagnosis), "-")
        for each in through_programs
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *lines, strict=True)]
    for line in (_HEADINGS, *lines):
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    wrong = [f"{each.cell}: {line}" for each in played for line in each.wrong]
    wrong += [f"{each}: {line}" for each in through_programs for line in each.wrong]
    print(f"\n{len(lines)} cells in {time.monotonic() - began:.0f} s, {len(wrong)} complaints")
    print("\n".join(wrong))
    return 1 if wrong else 0


async def _played_rows(words: str) -> list[ProgramRow]:
    return [each async for each in program_rows(words)]


if __name__ == "__main__":
    sys.exit(main())
