"""Proxies that others wrote, with every fault: the verdict, its cause, and what a real client says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.namespaces import firewall, no_firewall
from tests.real.prerequisites import require
from tests.real.proxies.__main__ import PROGRAMS
from tests.real.proxies.probing import Probing, page
from tests.real.proxies.rows import RIGHT, cells, with_wrong_secret
from tests.real.proxies.runner import PlayedCell, play
from tests.real.proxies.servers import FALLBACK, FIRST_PAGE, SECOND_PAGE, ProxyServers, proxy_servers
from tests.real.proxies.xray import start_xray_if_named
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.protocols.proxies.reality.key_shares import X25519, X25519_MLKEM768, KeyShares, has_mlkem

QUICK = ("trojan", "ss-server", "sing-box")
QUICK_SERVERS = (
    "ss-server aes-256-gcm",
    "sing-box 2022-blake3-aes-256-gcm",
    "sing-box vmess",
    "sing-box vless tls",
    "trojan",
)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServers]:
    """A server of each protocol."""
    with proxy_servers(tmp_path_factory.mktemp("proxies"), *QUICK) as servers:
        yield servers


def play_quickly(servers: ProxyServers, server: str, fault: str) -> PlayedCell:
    link = servers.links[server]
    (cell,) = [each for each in cells({server: link}, link) if each.fault.startswith(fault)]
    (played,) = play(servers, [cell], with_client=False)
    return played


@pytest.mark.parametrize("server", QUICK_SERVERS)
def test_a_right_link_is_healthy(quick: ProxyServers, server: str) -> None:
    assert not play_quickly(quick, server, RIGHT).wrong


def test_reality_with_vision_is_healthy_and_each_fault_of_it_is_named(tmp_path: Path) -> None:
    with proxy_servers(tmp_path, "mihomo") as servers:
        assert not play_quickly(servers, "mihomo vless vision", RIGHT).wrong
        assert not play_quickly(servers, "mihomo vless vision", "wrong key of REALITY").wrong
        assert not play_quickly(servers, "mihomo vless vision", "wrong name in TLS").wrong
        assert not play_quickly(servers, "mihomo vless reality", "wrong short id").wrong
        assert not play_quickly(servers, "mihomo vless vision", "own clock").wrong
        assert not play_quickly(servers, "mihomo vless vision", "clock of the server").wrong


@pytest.mark.skipif(not has_mlkem(), reason="the library has no ML-KEM")
@pytest.mark.parametrize(
    ("server", "group"), [("mihomo vless reality", X25519_MLKEM768), ("mihomo vless vision", X25519)]
)
def test_reality_follows_the_group_that_the_imitated_site_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, group: int
) -> None:
    agree = KeyShares.agree
    chosen: list[int] = []

    def note(shares: KeyShares, group: int, share: bytes) -> bytes:
        chosen.append(group)
        return agree(shares, group, share)

    monkeypatch.setattr(KeyShares, "agree", note)
    with proxy_servers(tmp_path, "mihomo") as servers:
        assert not play_quickly(servers, server, RIGHT).wrong
    assert set(chosen) == {group}


@pytest.mark.parametrize("server", ["sing-box 2022-blake3-aes-256-gcm", "sing-box vless tls", "trojan"])
def test_a_wrong_secret_is_red_with_its_cause(quick: ProxyServers, server: str) -> None:
    played = play_quickly(quick, server, "wrong password" if "vless" not in server else "wrong user id")
    assert not played.wrong


def test_a_web_site_that_answers_like_the_page_is_never_green(quick: ProxyServers) -> None:
    stranger = Probing(with_wrong_secret(quick.links["trojan"]), fetch=page(FALLBACK, "/"), status=200)
    assert stranger.run(quick.name).check.handshake is None
    played = play_quickly(quick, "trojan", "the web site answers")
    assert played.diagnosis.verdict.severity is Severity.DOWN
    assert not played.wrong


@pytest.mark.parametrize("fault", ["own clock", "clock of the server"])
def test_a_wrong_clock_is_proven_by_an_answer_to_shifted_timestamps(quick: ProxyServers, fault: str) -> None:
    assert not play_quickly(quick, "sing-box 2022-blake3-aes-256-gcm", fault).wrong


@pytest.mark.thorough
def test_a_path_that_freezes_after_some_kilobytes_is_told_from_a_dead_proxy(quick: ProxyServers) -> None:
    assert not play_quickly(quick, "ss-server aes-256-gcm", "frozen").wrong


@pytest.mark.parametrize("server", ["ss-server aes-256-gcm", "sing-box vmess"])
def test_one_lost_connection_does_not_make_the_page_unreachable_through_the_proxy(
    quick: ProxyServers, server: str
) -> None:
    """The other page comes on the next connection, so the first page is fetched again."""
    assert not play_quickly(quick, server, "the first connection").wrong


@pytest.mark.parametrize("server", ["ss-server aes-256-gcm", "sing-box vmess"])
def test_a_web_server_on_the_port_is_proven(quick: ProxyServers, server: str) -> None:
    assert not play_quickly(quick, server, "a web server listens").wrong


@pytest.mark.parametrize("server", ["ss-server aes-256-gcm", "sing-box vmess"])
def test_a_server_of_tls_on_the_port_of_a_link_without_it_is_proven(quick: ProxyServers, server: str) -> None:
    assert not play_quickly(quick, server, "the server there has TLS").wrong


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        ("sing-box vless tls", "a flow too much"),
        ("sing-box vmess", "WebSocket in the link alone"),
        ("sing-box trojan grpc", "wrong service"),
    ],
)
def test_what_else_of_a_link_is_not_that_of_its_server_is_named(
    quick: ProxyServers, server: str, fault: str
) -> None:
    assert not play_quickly(quick, server, fault).wrong


def test_a_name_that_the_path_blocks_is_found_by_tls_with_another_name(tmp_path: Path) -> None:
    with proxy_servers(tmp_path, "mihomo") as servers:
        for server in ("mihomo vless tls", "mihomo vless vision"):
            assert not play_quickly(servers, server, "the path blocks the name").wrong


@pytest.mark.thorough
def test_each_fault_on_each_server_beside_a_real_client(tmp_path: Path) -> None:
    with proxy_servers(tmp_path, *PROGRAMS) as servers:
        start_xray_if_named(servers)
        played = play(servers, list(cells(servers.links, servers.start_without_exit())))
    assert len(played) > 100
    assert [f"{each.cell}: {line}" for each in played for line in each.wrong] == []


@pytest.mark.thorough
def test_an_uplink_that_is_down_is_no_fault_of_the_proxy(quick: ProxyServers) -> None:
    require("nft", root=True)
    link = quick.links["ss-server aes-256-gcm"]
    ports = f"{{ {FIRST_PAGE}, {SECOND_PAGE}, {link.endpoint.port} }}"
    firewall(quick.name, "output", f"tcp dport {ports} drop")
    try:
        found = Probing(link).run(quick.name)
    finally:
        no_firewall(quick.name)
    assert found.diagnosis.verdict is Verdict.LOCAL_FAULT
    assert Probing(link).run(quick.name).diagnosis.verdict is Verdict.HEALTHY
