"""What deep checks and soaks find through proxies: UDP, the exit address, speed, frozen flows."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.real.namespaces import entered
from tests.real.proxies.certificates import NAME
from tests.real.proxies.pages import LOOPBACK, TcpRelay
from tests.real.proxies.probing import Probing, page
from tests.real.proxies.rows import with_wrong_secret
from tests.real.proxies.servers import FIRST_PAGE, RELAY, ProxyServers, proxy_servers
from tests.real.proxies.test_proxy_command import COMMANDS
from tests.real.proxies.test_proxy_command import target as command_target
from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.protocols.proxies.findings import EXIT, OK, UDP, first_of
from wgmon_tui.protocols.proxies.links.records import VlessLink, VmessLink
from wgmon_tui.protocols.proxies.proxy_command.check import CommandProber
from wgmon_tui.protocols.proxies.settings import ProxySettings

DEEP = CheckDepth(deep=True)
SOAK = CheckDepth(soak=True)
DNS = ProxySettings(dns=(NameServer(ip_address(LOOPBACK)),))
QUICK = ("ss-server", "sing-box")
WITH_UDP = (
    "ss-server aes-256-gcm",
    "sing-box 2022-blake3-aes-256-gcm",
    "sing-box 2022-blake3-chacha20-poly1305",
    "sing-box aes-128-gcm",
    "sing-box vmess",
    "sing-box vless",
    "sing-box trojan",
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServers]:
    """Servers of each protocol."""
    with proxy_servers(tmp_path_factory.mktemp("proxies"), *QUICK) as made:
        yield made


@contextmanager
def name_server(namespace: str) -> Iterator[None]:
    """Answer every query on port 53 of loopback with no records."""
    with entered(namespace):
        listening = socket.socket(type=socket.SOCK_DGRAM)
        listening.bind((LOOPBACK, 53))

    def serve() -> None:
        with suppress(OSError):
            while True:
                query, client = listening.recvfrom(512)
                if len(query) < 12:  # what ends it
                    return
                listening.sendto(query[:2] + b"\x81\x80" + query[4:6] + bytes(6) + query[12:], client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        with entered(namespace), socket.socket(type=socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", (LOOPBACK, 53))
        thread.join()
        listening.close()


@pytest.mark.parametrize("server", default_run(WITH_UDP[:2], WITH_UDP))
def test_a_name_server_answers_over_udp(servers: ProxyServers, server: str) -> None:
    with name_server(servers.name):
        found = Probing(servers.links[server], depth=DEEP, settings=DNS).run(servers.name)
    udp = first_of(UDP, found.check.evidence)
    assert udp
    assert udp.values == (LOOPBACK, OK)
    assert found.diagnosis.verdict is Verdict.HEALTHY
    assert "udp" in [each.name for each in found.check.stages]


@pytest.mark.thorough
@pytest.mark.parametrize("program", COMMANDS)
def test_a_name_server_answers_over_udp_through_a_program(
    servers: ProxyServers, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    wanted = command_target(program, servers.links["sing-box aes-128-gcm"], page(FIRST_PAGE))
    settings = replace(wanted.settings, dns=DNS.dns)
    wanted = wanted.with_server(replace(wanted.server, protocol_settings=settings))
    for is_answered in (True, False):
        with name_server(servers.name) if is_answered else nullcontext(), entered(servers.name):
            (found,) = asyncio.run(CommandProber("local").check_all(wanted, deep=DEEP.deep))
        udp = first_of(UDP, found.evidence)
        assert udp
        assert (udp.values[1] == OK) is is_answered


def test_a_name_server_that_is_silent_is_degraded(servers: ProxyServers) -> None:
    found = Probing(servers.links["ss-server aes-256-gcm"], depth=DEEP, settings=DNS).run(servers.name)
    assert found.diagnosis.verdict is Verdict.INNER_DEAD
    assert found.diagnosis.failed_stage == "udp"


def test_the_exit_address_and_the_speed_are_told(servers: ProxyServers) -> None:
    settings = ProxySettings(exit_address=page(FIRST_PAGE, "/address"), speed=page(FIRST_PAGE, "/large"))
    found = Probing(servers.links["sing-box vmess"], depth=DEEP, settings=settings).run(servers.name)
    told = first_of(EXIT, found.check.evidence)
    assert told
    assert told.values == (LOOPBACK, OK)
    assert "sent from 127.0.0.1" in found.diagnosis.summary
    rates = [each.rate for each in found.check.evidence if isinstance(each, InnerFetch)]
    assert rates[0] is None
    assert rates[1]


def test_the_end_of_a_certificate_is_evidence(servers: ProxyServers) -> None:
    found = Probing(servers.links["sing-box trojan"]).run(servers.name)
    expires = first_of_kind(Expires, found.check.evidence)
    assert expires
    assert (expires.what, expires.name) == ("server certificate", NAME)


@pytest.mark.thorough
def test_a_soak_passes_where_nothing_freezes(servers: ProxyServers) -> None:
    found = Probing(servers.links["ss-server aes-256-gcm"], depth=SOAK).run(servers.name)
    soak = first_of_kind(Soak, found.check.evidence)
    assert soak
    assert soak.size > 64 * 1024
    assert found.diagnosis.verdict is Verdict.HEALTHY


def test_a_soak_finds_a_path_that_freezes_after_18_kilobytes(servers: ProxyServers) -> None:
    link = servers.links["ss-server aes-256-gcm"]
    relayed = replace(link, endpoint=Endpoint(LOOPBACK, RELAY))
    with entered(servers.name):
        relay = TcpRelay(RELAY, link.endpoint.port, freeze_after=18_000)
    try:
        found = Probing(relayed, depth=SOAK).run(servers.name)
    finally:
        relay.close()
    cut = first_of_kind(FlowCut, found.check.evidence)
    assert cut
    assert 15_000 < cut.size < 80_000
    assert found.diagnosis.verdict is Verdict.DIES_AFTER


@pytest.mark.thorough
def test_no_secret_is_in_the_exchange_of_a_connection_without_tls(tmp_path: Path) -> None:
    with proxy_servers(tmp_path, "sing-box", "v2ray") as made:
        for name in ("sing-box vless", "v2ray vmess ws"):
            link = made.links[name]
            for each in (link, with_wrong_secret(link)):
                assert isinstance(each, VlessLink | VmessLink)
                found = Probing(each, depth=CheckDepth()).run(made.name)
                exchange = b"".join(packet.data for packet in found.check.exchange)
                assert exchange
                assert each.user_id.bytes not in exchange
                assert b"private-path" not in exchange
