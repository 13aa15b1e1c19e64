"""Writes the table of proxies in docs/side-by-side.md: run this module as root.

wgmon-tui, mihomo, sing-box and Xray check the same servers with the same faults in one run. No package
registry has a build of Xray: without `XRAY=/path/to/xray`, its column and its servers are left out.
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
_NOT_SPOKEN = ("not in this build", "not in this build")


def main() -> int:
    """Play the cells and write the table."""
    with tempfile.TemporaryDirectory() as home, proxy_servers(Path(home), *PROGRAMS) as servers:
        has_xray = start_xray_if_named(servers)
        every = cells(servers.links, servers.start_without_exit())
        chosen = [each for each in every if each.server in SERVERS and not each.probing.clock_shift_s]
        lines = _play(servers, chosen, has_xray=has_xray)
    headings = _headings(has_xray=has_xray)
    table = [headings, tuple("---" for _ in headings), *lines]
    text = "\n".join(f"| {' | '.join(line)} |" for line in table)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return 0


def _headings(*, has_xray: bool) -> tuple[str, ...]:
    clients = ["a client gets (sing-box)", "sing-box's urltest", "mihomo's delay"]
    if has_xray:
        clients.append(f"observatory of {xray_version()}")
    return ("fault", "server", *clients, "wgmon-tui", "first cause")


def _play(servers: ProxyServers, chosen: list[ProxyCell], *, has_xray: bool) -> list[tuple[str, ...]]:
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
        lines.append((cell.fault, cell.server, *answers, f"`{found.verdict.slug}`", cause))
    return sorted(lines, key=lambda line: (line[0] != RIGHT, line[0]))


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
