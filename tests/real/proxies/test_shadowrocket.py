"""Links of VLESS as Shadowrocket writes them, to servers that others wrote."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.real.proxies.certificates import NAME
from tests.real.proxies.probing import Probing
from tests.real.proxies.servers import PATH, REALITY, SHORT_ID, USER, base64_url, proxy_servers
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.parse import parse_link
from wgmon_tui.protocols.proxies.links.records import VlessLink

pytestmark = pytest.mark.thorough

_QUERIES = {
    "v2ray vless ws tls": f"remarks=a&obfs=websocket&obfsParam={NAME}&path={PATH}&tls=1&peer={NAME}",
    "mihomo vless tls vision": f"tls=1&xtls=2&peer={NAME}",
    "mihomo vless vision": (
        f"tls=1&xtls=2&peer={NAME}&pbk={base64_url(REALITY.public_key)}&sid={SHORT_ID.hex()}&fp=chrome"
    ),
}


def _written(at: Endpoint, query: str) -> str:
    body = base64.b64encode(f"auto:{USER}@{at}".encode()).decode()
    return f"vless://{body.rstrip('=')}?{query}"


def test_links_of_shadowrocket_reach_their_servers(tmp_path: Path) -> None:
    with proxy_servers(tmp_path, "v2ray", "mihomo") as servers:
        for name, query in _QUERIES.items():
            link = parse_link(_written(servers.links[name].endpoint, query))
            assert isinstance(link, VlessLink)
            found = Probing(link).run(servers.name).diagnosis
            assert found.verdict is Verdict.HEALTHY, (name, found)
