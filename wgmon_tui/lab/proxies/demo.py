"""The proxies of the demo: two that are healthy, and two with another password than their link.

The Shadowsocks server with another password is silent. The Trojan server shows a web site, so that a monitor
of ports, certificates or HTTP finds it healthy.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
from dataclasses import dataclass

from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.openvpn.certificates import LabAuthority
from wgmon_tui.lab.proxies.page import LabPage
from wgmon_tui.lab.proxies.relay import LabProxyServer
from wgmon_tui.lab.proxies.shadowsocks import METHOD, LabShadowsocksServer
from wgmon_tui.lab.proxies.trojan import LabTrojanServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import (
    PROTOCOL_OF,
    ProxyLink,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
)
from wgmon_tui.protocols.proxies.settings import ProxySettings

_INTERVAL_S, _TIMEOUT_S, _EVERY_S = 2.0, 1.5, 10.0


@dataclass(frozen=True, slots=True)
class _DemoProxy:
    name: str
    is_trojan: bool
    latency: float
    has_other_password: bool = False


_PROXIES = (
    _DemoProxy("ss-sin1", False, 0.041),
    _DemoProxy("ss-hkg1", False, 0.052, has_other_password=True),
    _DemoProxy("trojan-lax1", True, 0.063),
    _DemoProxy("trojan-ord1", True, 0.047, has_other_password=True),
)


class ProxyDemo:
    """These servers and the page behind them. The constructor binds the ports. Raises OSError."""

    def __init__(self) -> None:
        self._page = LabPage()
        self._labs: list[LabProxyServer] = []
        authority = LabAuthority()
        self.servers = tuple(self._make(each, authority) for each in _PROXIES)

    def _make(self, shown: _DemoProxy, authority: LabAuthority) -> Server:
        known = secrets.token_hex(8)
        password = secrets.token_hex(8) if shown.has_other_password else known
        page = self._page.endpoint
        lab: LabProxyServer
        if shown.is_trojan:
            name = f"{shown.name}.example"
            issued = authority.issue_server(name)
            lab = LabTrojanServer(page, password, issued, latency=shown.latency)
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(issued.certificate)).digest()
            tls = TlsOptions(name, pinned_sha256=(digest,))
            return self._entry(shown, lab, TrojanLink(lab.endpoint, known, tls), page)
        lab = LabShadowsocksServer(page, password, latency=shown.latency)
        return self._entry(shown, lab, ShadowsocksLink(lab.endpoint, METHOD, known), page)

    def _entry(self, shown: _DemoProxy, lab: LabProxyServer, link: ProxyLink, page: Endpoint) -> Server:
        self._labs.append(lab)
        url = Url(page.host, page.port, "/ready")
        settings = ProxySettings(
            SecretSource(SecretForm.INLINE, write_link(link)),
            fetch=url,
            fetch_second=HttpTarget(Url(page.host, page.port, "/second"), 204),
        )
        protocol = PROTOCOL_OF[type(link)]
        return Server(
            shown.name,
            lab.endpoint,
            tunnel=False,
            tunnel_every=_EVERY_S,
            tags=("proxy", protocol),
            interval=_INTERVAL_S,
            timeout=_TIMEOUT_S,
            protocol=protocol,
            protocol_settings=settings,
        )

    async def start(self) -> None:
        """Start to answer."""
        await self._page.start()
        for lab in self._labs:
            await lab.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        for lab in self._labs:
            await lab.stop()
        await self._page.stop()
