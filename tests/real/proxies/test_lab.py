"""The embedded proxy servers, with mihomo and sing-box as their clients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.protocols.proxies.proxy_command.check_harness import check, verdict
from tests.real.proxies.test_proxy_command import COMMANDS, target
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.openvpn.certificates import LabAuthority
from wgmon_tui.lab.proxies.page import LabPage
from wgmon_tui.lab.proxies.relay import LabProxyServer
from wgmon_tui.lab.proxies.shadowsocks import METHOD, LabShadowsocksServer
from wgmon_tui.lab.proxies.trojan import LabTrojanServer
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink, TlsOptions, TrojanLink

Maker = Callable[[LabPage], tuple[LabProxyServer, ShadowsocksLink | TrojanLink]]

pytestmark = [pytest.mark.real, pytest.mark.thorough, pytest.mark.repeated_if_starved]


def shadowsocks(page: LabPage) -> tuple[LabProxyServer, ShadowsocksLink | TrojanLink]:
    server = LabShadowsocksServer(page.endpoint, "word")
    return server, ShadowsocksLink(server.endpoint, METHOD, "word")


def trojan(page: LabPage) -> tuple[LabProxyServer, ShadowsocksLink | TrojanLink]:
    certificate = LabAuthority().issue_server("lab.example")
    server = LabTrojanServer(page.endpoint, "word", certificate)
    return server, TrojanLink(server.endpoint, "word", TlsOptions("lab.example", is_insecure=True))


@pytest.mark.parametrize("make", [shadowsocks, trojan])
@pytest.mark.parametrize("program", COMMANDS)
async def test_real_clients_get_the_page_with_the_right_password_only(program: str, make: Maker) -> None:
    page = LabPage()
    await page.start()
    server, link = make(page)
    url = Url(page.endpoint.host, page.endpoint.port)
    async with server:
        right = target(program, link, url)
        assert verdict(await check(right), right)[0] is Verdict.HEALTHY
        wrong = target(program, replace(link, password="other"), url)
        assert verdict(await check(wrong), wrong)[0] is not Verdict.HEALTHY
    await page.stop()
