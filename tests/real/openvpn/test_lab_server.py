"""OpenVPN's own client logs in to the embedded server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.real.namespaces import entered, run
from tests.real.openvpn.server import READY, OpenVpn
from tests.real.prerequisites import give_up, require
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.lab.openvpn.session import GATEWAY

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _needs_openvpn() -> None:
    require("openvpn", "ip", "ping", root=True)
    if not Path("/dev/net/tun").exists():
        give_up("openvpn needs /dev/net/tun: modprobe tun (in a container: --device /dev/net/tun)")


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        (OpenVpnLabMode.HEALTHY, READY),
        pytest.param(OpenVpnLabMode.EXPIRED, "certificate has expired", marks=pytest.mark.thorough),
        pytest.param(OpenVpnLabMode.REFUSING, "AUTH_FAILED", marks=pytest.mark.thorough),
        pytest.param(OpenVpnLabMode.WRONG_KEY, "TLS key negotiation failed", marks=pytest.mark.thorough),
    ],
    ids=lambda each: each.name if isinstance(each, OpenVpnLabMode) else "",
)
async def test_openvpn_sees_what_the_lab_plays(
    mode: OpenVpnLabMode, line: str, isolated_namespace: str, tmp_path: Path
) -> None:
    authority, key = LabAuthority(), make_static_key()
    with entered(isolated_namespace):
        server = OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=key), mode)
    profile = write_profile(server.endpoint, authority, authority.issue_client("client"), key)
    async with server:
        more = "hand-window 3\nconnect-retry-max 1\nverb 4\n"
        client = OpenVpn(isolated_namespace, tmp_path, profile + more)
        try:
            assert await asyncio.to_thread(client.await_line, line), client.log
            if mode is OpenVpnLabMode.HEALTHY:
                await asyncio.to_thread(
                    run, "ip", "netns", "exec", isolated_namespace, "ping", "-c1", "-W2", str(GATEWAY)
                )
        finally:
            await asyncio.to_thread(client.stop)
