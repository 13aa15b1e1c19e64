from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.protocols.openvpn.tunnel_run import LOCALHOST, run_tunnel, target_of
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import InnerUnaddressed
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.protocols.openvpn.client import Client
from wgmon_tui.protocols.openvpn.events import TlsFailed
from wgmon_tui.protocols.openvpn.links import UdpLink
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

KEY = make_static_key()


def lab(
    mode: OpenVpnLabMode = OpenVpnLabMode.HEALTHY, key: bytes = KEY
) -> tuple[OpenVpnLabServer, OpenVpnTarget]:
    authority = LabAuthority()
    server = OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=key, ping_s=1), mode)
    profile = write_profile(server.endpoint, authority, authority.issue_client("monitor"), key)
    return server, target_of(profile, server.endpoint.port)


@pytest.mark.parametrize("key", [b"", KEY], ids=["plain", "tls-crypt"])
async def test_a_healthy_server_lets_in_and_answers_echoes(key: bytes, tmp_path: Path) -> None:
    server, target = lab(key=key)
    async with server:
        result, session = await run_tunnel(target, tmp_path, ends=False)
        assert result.tunnel is not None
        assert result.tunnel.received == 3
        assert session.client.reply is not None
        assert server.sessions == 1


async def test_an_inner_address_of_another_version_is_not_called_dead(tmp_path: Path) -> None:
    server, target = lab()
    other = target.with_server(replace(target.server, tunnel_ping=(ip_address("fd00::1"),)))
    async with server:
        result, _ = await run_tunnel(other, tmp_path)
    assert result.tunnel is not None
    assert (result.tunnel.sent, result.tunnel.passive) == (0, True)
    assert InnerUnaddressed("fd00::1") in result.evidence
    assert result.keepalive_after is not None


async def test_an_exit_notification_ends_a_session(tmp_path: Path) -> None:
    server, target = lab()
    async with server:
        await run_tunnel(target, tmp_path)
        async with asyncio.timeout(30):
            await server.session_ended.wait()
        assert server.sessions == 0


async def test_a_server_with_another_key_is_silent() -> None:
    server, target = lab(OpenVpnLabMode.WRONG_KEY)
    async with server:
        link = UdpLink(LOCALHOST, server.endpoint.port)
        session = ControlSession(Client(make_wrapping(target.remote.wrapper)), link, CheckLog())
        assert not await session.run(lambda: bool(session.events), 0.2)
        link.close()


async def test_an_expired_certificate_ends_tls(tmp_path: Path) -> None:
    server, target = lab(OpenVpnLabMode.EXPIRED)
    async with server:
        with pytest.raises(AssertionError) as caught:
            await run_tunnel(target, tmp_path)
    assert TlsFailed.__name__ in str(caught.value)
    assert "certificate has expired" in str(caught.value)


async def test_a_refusing_server_says_so(tmp_path: Path) -> None:
    server, target = lab(OpenVpnLabMode.REFUSING)
    async with server:
        with pytest.raises(AssertionError, match="AuthFailed"):
            await run_tunnel(target, tmp_path)
