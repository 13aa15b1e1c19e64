"""What a check of a proxy knows of the certificate of its TLS."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from tests.alerts.certificates import Certificates
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.config.http_targets import read_certificates
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.records import TlsOptions, TrojanLink
from wgmon_tui.protocols.proxies.settings import ProxySettings
from wgmon_tui.protocols.proxies.targets import ProxyTarget


async def test_the_end_of_a_certificate_that_is_refused_as_expired_is_known(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    expired = certificates.server(starts_in=timedelta(hours=-100))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=expired)
    async with server:
        endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
        settings = ProxySettings(ca=read_certificates([certificates.authority.read_text()]))
        entry = Server("proxy", endpoint, protocol="trojan", protocol_settings=settings)
        target = ProxyTarget(entry, TrojanLink(endpoint, "secret", TlsOptions()))
        [found] = await find_protocol("trojan").make_prober(ProbeServices(lambda _: b"")).check_all(target)
    [expires] = [each for each in found.evidence if isinstance(each, Expires)]
    assert (expires.what, expires.name) == ("server certificate", "127.0.0.1")
    assert -76 * 3600 <= expires.at - time.time() < 0
