"""OpenVPN's own client and mihomo's log in to the embedded server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.real.amneziawg.mihomo import mihomo_program
from tests.real.namespaces import entered, run
from tests.real.openvpn.server import READY, OpenVpn
from tests.real.prerequisites import give_up, require
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.lab.openvpn.session import GATEWAY

pytestmark = pytest.mark.real
_PROXY_PORT = 27890
_WITHIN_S = 60.0


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


def mihomo_config(profile: str, port: int) -> str:
    """The configuration of mihomo that sends everything through this server."""
    blocks = dict(re.findall(r"<([a-z-]+)>\n(.*?)</", profile, re.DOTALL))
    place = {"name": "lab", "type": "openvpn", "server": "127.0.0.1", "port": port, "proto": "udp"}
    server = {**place, "udp": True, "cipher": "AES-256-GCM", "auth": "SHA1", **blocks}
    return json.dumps({"mixed-port": _PROXY_PORT, "proxies": [server], "rules": ["MATCH,lab"]})


async def send_through_proxy(namespace: str) -> None:
    """Ask mihomo for connections to the server's address inside of the tunnel, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        with entered(namespace):
            connection = socket.socket()
        with connection:
            connection.setblocking(False)
            with suppress(OSError):  # it does not listen yet, or gave up a slow login
                await loop.sock_connect(connection, ("127.0.0.1", _PROXY_PORT))
                await loop.sock_sendall(connection, f"CONNECT {GATEWAY}:80 HTTP/1.1\r\n\r\n".encode())
                await loop.sock_recv(connection, 1000)
        await asyncio.sleep(0.1)


@pytest.mark.thorough
@pytest.mark.parametrize("key", [b"", make_static_key()], ids=["plain", "tls-crypt"])
async def test_mihomo_logs_in_and_sends_data(key: bytes, isolated_namespace: str, tmp_path: Path) -> None:
    program, authority = mihomo_program(), LabAuthority()
    with entered(isolated_namespace):
        server = OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=key))
    profile = write_profile(server.endpoint, authority, authority.issue_client("mihomo"), key)
    (tmp_path / "config.yaml").write_text(mihomo_config(profile, server.endpoint.port))
    async with server:
        with entered(isolated_namespace):
            mihomo = await asyncio.create_subprocess_exec(
                program, "-d", tmp_path, stdout=asyncio.subprocess.DEVNULL
            )
        asking = asyncio.create_task(send_through_proxy(isolated_namespace))
        try:
            async with asyncio.timeout(_WITHIN_S):
                await server.data_arrived.wait()
            assert server.sessions == 1
        finally:
            asking.cancel()
            mihomo.kill()
            await mihomo.wait()
