"""Writes the table of proxies in docs/side-by-side.md: run this module as root.

wgmon-tui, mihomo, sing-box and Xray check the same servers with the same faults in one run. No package
registry has a build of Xray: without `XRAY=/path/to/xray`, its column and the lines of its servers stay those
of the last run with it, and where that had no such line, nothing was asked.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.real.proxies.__main__ import PROGRAMS
from tests.real.proxies.judge import SingBoxClient, mihomo_judge
from tests.real.proxies.rows import RIGHT, ProxyCell, cells
from tests.real.proxies.runner import relayed
from tests.real.proxies.servers import ProxyServers, proxy_servers
from tests.real.proxies.xray import start_xray_if_named, xray_version
from tests.real.proxies.xray_client import Observation, observe
from wgmon_tui.checks.verdict import describe_likelihood
from wgmon_tui.protocols.proxies.links.records import VlessLink

PAGE = Path(__file__).parents[3] / "docs" / "side-by-side.md"
BEGIN, END = "<!-- proxies: begin -->", "<!-- proxies: end -->"
SERVERS = (
    "ss-server aes-256-gcm",
    "sing-box 2022-blake3-aes-256-gcm",
    "v2ray vmess",
    "sing-box vmess ws tls",
    "mihomo vless tls",
    "mihomo vless vision",
    "trojan",
    "sing-box trojan expired",
    "sing-box",
    "xray vless vision",
)
_XRAY, _NOT_ASKED = 5, "not asked"
"""The column of Xray, and what stands there where the last run with it had no such line."""

_NOT_SPOKEN = ("not in this build", "not in this build")


def main() -> int:
    """Play the cells and write the table."""
    with tempfile.TemporaryDirectory() as home, proxy_servers(Path(home), *PROGRAMS) as servers:
        has_xray = start_xray_if_named(servers)
        every = cells(servers.links, servers.start_without_exit())
        chosen = [each for each in every if each.server in SERVERS and not each.probing.clock_shift_s]
        lines = _play(servers, chosen, has_xray=has_xray)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    earlier, _, after = rest.partition(END)
    headings, *known = _cells_of(earlier)
    if has_xray:
        headings[_XRAY] = f"observatory of {xray_version()}"
    else:
        lines = _with_xray_of(known, lines)
    lines.sort(key=lambda line: (line[0] != RIGHT, line[0]))
    table = [headings, ["---"] * len(headings), *lines]
    text = "\n".join(f"| {' | '.join(line)} |" for line in table)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return 0


def _cells_of(table: str) -> list[list[str]]:
    """The lines of a table, without the one below its headings."""
    lines = [each.strip("| ").split(" | ") for each in table.strip().splitlines()]
    return [lines[0], *lines[2:]]


def _with_xray_of(known: list[list[str]], lines: list[list[str]]) -> list[list[str]]:
    """The lines with Xray's column of an earlier table, and that table's lines of Xray's servers."""
    said = {tuple(each[:2]): each[_XRAY] for each in known}
    ours = [[*each[:_XRAY], said.get((each[0], each[1]), _NOT_ASKED), *each[_XRAY:]] for each in lines]
    return ours + [each for each in known if each[1].startswith("xray")]


def _play(servers: ProxyServers, chosen: list[ProxyCell], *, has_xray: bool) -> list[list[str]]:
    """Each program gets a relay of its own, so that all see the same of its connections."""
    links = {str(each): each.probing.link for each in chosen}
    spoken = {name: link for name, link in links.items() if not _needs_utls(link)}
    pages = {str(each): each.probing.fetch for each in chosen}
    judge, client = mihomo_judge(servers, links), SingBoxClient(servers, spoken, pages)
    lines = []
    for cell in chosen:
        name, page, link = str(cell), cell.probing.fetch, cell.probing.link
        with relayed(servers, cell):
            found = cell.probing.run(servers.name).diagnosis
        with relayed(servers, cell):
            delay = _quoted(judge.delay(name, page, cell.probing.status))
        got, tested = _NOT_SPOKEN
        if name in spoken:
            with relayed(servers, cell):
                got = client.fetch(name, page)
            with relayed(servers, cell):
                tested = client.urltest(name)
        observed = []
        if has_xray:
            with relayed(servers, cell):
                observed = [_said(observe(servers, link, page))]
        cause = f"{found.causes[0].cause} ({describe_likelihood(found.causes)})" if found.causes else "–"
        answers = (got, tested, delay, *observed)
        lines.append([cell.fault, cell.server, *answers, f"`{found.verdict.slug}`", cause])
    return lines


def _needs_utls(link: object) -> bool:
    return isinstance(link, VlessLink) and link.tls is not None and link.tls.reality is not None


def _said(observation: Observation) -> str:
    """The end of its reason: what comes before and after is the same in every answer."""
    if observation.is_alive:
        return "alive"
    reason = observation.reason.partition('": ')[2] or observation.reason
    return f"\u201c{reason.partition('with outbound handler')[0]}\u201d"


def _quoted(said: str) -> str:
    """A delay as "alive": the number of milliseconds on loopback says nothing."""
    return "alive" if said.endswith(" ms") else f"\u201c{said}\u201d"


if __name__ == "__main__":
    sys.exit(main())
