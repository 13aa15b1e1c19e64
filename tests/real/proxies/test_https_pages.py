"""Pages over TLS through proxies: with Vision, servers leave the outer TLS for the records of the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.probing import Probing
from tests.real.proxies.rows import STRANGER
from tests.real.proxies.servers import SECURE_PAGE, ProxyServers, certificate_of, proxy_servers
from tests.real.proxies.xray import start_xray_if_named
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies.links.records import VlessLink
from wgmon_tui.protocols.proxies.tls_layer import make_context

pytestmark = [pytest.mark.real]

PAGE, LARGE = (Url(LOOPBACK, SECURE_PAGE, path, is_tls=True) for path in ("/204", "/large"))


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine trusts the certificate of the page."""
    file = tmp_path / "page.pem"
    file.write_text(certificate_of(LOOPBACK).certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    make_context.cache_clear()
    yield
    make_context.cache_clear()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServers]:
    """Servers with Vision."""
    with proxy_servers(tmp_path_factory.mktemp("proxies"), "sing-box", "mihomo") as made:
        start_xray_if_named(made)
        yield made


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("server", ["sing-box vless tls vision", "mihomo vless vision"])
def test_vision_brings_a_page_over_tls(servers: ProxyServers, server: str) -> None:
    link = servers.links[server]
    assert isinstance(link, VlessLink)
    for page, status in ((PAGE, 204), (LARGE, 200)):
        found = Probing(link, fetch=page, status=status).run(servers.name)
        assert found.diagnosis.verdict is Verdict.HEALTHY
    stranger = Probing(replace(link, user_id=STRANGER), fetch=PAGE).run(servers.name)
    assert stranger.diagnosis.verdict.severity is Severity.DOWN


@pytest.mark.thorough
@pytest.mark.usefixtures("trusted")
def test_every_server_of_vless_and_trojan_brings_a_page_over_tls(servers: ProxyServers) -> None:
    names = [each for each in servers.links if "vless" in each or each.endswith("trojan")]
    assert len(names) > 8
    for name in names:
        for page, status in ((PAGE, 204), (LARGE, 200)):
            found = Probing(servers.links[name], fetch=page, status=status).run(servers.name)
            assert found.diagnosis.verdict is Verdict.HEALTHY, (name, found.diagnosis.summary)
