"""Writes the table of proxies in docs/side-by-side.md: run this module as root.

wgmon-tui, mihomo and sing-box check the same servers with the same faults in one run. Xray is not one of
them: no package registry has a build of it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.real.namespaces import entered
from tests.real.proxies.__main__ import PROGRAMS
from tests.real.proxies.judge import SingBoxClient, mihomo_judge
from tests.real.proxies.pages import TcpRelay
from tests.real.proxies.rows import RIGHT, ProxyCell, cells
from tests.real.proxies.servers import RELAY, ProxyServers, proxy_servers
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
)
_HEADINGS = (
    "fault",
    "server",
    "a client gets (sing-box)",
    "sing-box's urltest",
    "mihomo's delay",
    "wgmon-tui",
    "first cause",
)
_NOT_SPOKEN = ("not in this build", "not in this build")


def main() -> int:
    """Play the cells and write the table."""
    with tempfile.TemporaryDirectory() as home, proxy_servers(Path(home), *PROGRAMS) as servers:
        every = cells(servers.links, servers.start_without_exit())
        chosen = [each for each in every if each.server in SERVERS and not each.probing.clock_shift_s]
        lines = _play(servers, chosen)
    table = [_HEADINGS, tuple("---" for _ in _HEADINGS), *lines]
    text = "\n".join(f"| {' | '.join(line)} |" for line in table)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return 0


def _play(servers: ProxyServers, chosen: list[ProxyCell]) -> list[tuple[str, ...]]:
    links = {str(each): each.probing.link for each in chosen}
    spoken = {name: link for name, link in links.items() if not _needs_utls(link)}
    pages = {str(each): each.probing.fetch for each in chosen}
    judge, client = mihomo_judge(servers, links), SingBoxClient(servers, spoken, pages)
    lines = []
    for cell in chosen:
        relay = None
        if cell.relay:
            with entered(servers.name):
                relay = TcpRelay(RELAY, cell.relay_to, **cell.relay)  # type: ignore[arg-type]
        try:
            found = cell.probing.run(servers.name).diagnosis
            name, page = str(cell), cell.probing.fetch
            delay = _quoted(judge.delay(name, page, cell.probing.status))
            got, tested = (client.fetch(name, page), client.urltest(name)) if name in spoken else _NOT_SPOKEN
        finally:
            if relay:
                relay.close()
        cause = f"{found.causes[0].cause} ({describe_likelihood(found.causes)})" if found.causes else "–"
        lines.append((cell.fault, cell.server, got, tested, delay, f"`{found.verdict.slug}`", cause))
    return sorted(lines, key=lambda line: (line[0] != RIGHT, line[0]))


def _needs_utls(link: object) -> bool:
    return isinstance(link, VlessLink) and link.tls is not None and link.tls.reality is not None


def _quoted(said: str) -> str:
    """A delay as "alive": the number of milliseconds on loopback says nothing."""
    return "alive" if said.endswith(" ms") else f"\u201c{said}\u201d"


if __name__ == "__main__":
    sys.exit(main())
