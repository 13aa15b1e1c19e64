"""The data channel against OpenVPN's own server: each cipher, framing and end of a session."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.protocols.openvpn.tunnel_run import run_tunnel, target_of
from tests.real.namespaces import entered
from tests.real.openvpn.server import SERVER_INSIDE, OpenVpn, ServerSetup, client_profile, running_server
from tests.real.prerequisites import give_up, require
from wgmon_tui.checks.evidence import InnerEcho, PathMtu, ProtocolEvidence
from wgmon_tui.protocols.openvpn.profile import DEFAULT_MTU_MAX
from wgmon_tui.protocols.openvpn.tunnel_stage import KEEPALIVE_ARRIVED

pytestmark = pytest.mark.real
UNUSED = ip_address(SERVER_INSIDE) + 200
"""An address of the tunnel's network that no client has."""

CIPHERS = [
    "AES-256-GCM",
    "AES-192-GCM",
    "AES-128-GCM",
    "CHACHA20-POLY1305",
    "AES-256-CBC",
    "AES-192-CBC",
    "AES-128-CBC",
]


@pytest.fixture(autouse=True)
def _needs_openvpn() -> None:
    require("openvpn", "ip", root=True)
    if not Path("/dev/net/tun").exists():
        give_up("openvpn needs /dev/net/tun: modprobe tun (in a container: --device /dev/net/tun)")


def cipher_lines(cipher: str) -> str:
    return f"data-ciphers {cipher}\nauth SHA256\n"


@pytest.mark.parametrize(
    "cipher", [CIPHERS[0], *(pytest.param(each, marks=pytest.mark.thorough) for each in CIPHERS[1:])]
)
async def test_echoes_pass_with_each_cipher(cipher: str, isolated_namespace: str, tmp_path: Path) -> None:
    setup = ServerSetup(more=cipher_lines(cipher))
    with running_server(isolated_namespace, tmp_path, setup) as server:
        target = target_of(client_profile(setup, more=cipher_lines(cipher)))
        result, _ = await run_tunnel(target, tmp_path, network=entered(isolated_namespace))
        assert result.tunnel is not None
        assert (result.tunnel.sent, result.tunnel.received, result.tunnel.mtu) == (3, 3, 1500), server.log
        assert [type(each) for each in result.evidence] == [InnerEcho, PathMtu]
        assert server.await_line("client-instance exiting", "remote-exit"), server.log
    assert f"Data Channel: cipher '{cipher}'" in server.log


@pytest.mark.thorough
@pytest.mark.parametrize(
    "framing", ["compress", "compress stub-v2", "comp-lzo no", "compress lz4", "compress lz4-v2"]
)
async def test_echoes_pass_with_each_framing(framing: str, isolated_namespace: str, tmp_path: Path) -> None:
    lines = f"{framing}\nallow-compression asym\n"
    setup = ServerSetup(more=lines)
    with running_server(isolated_namespace, tmp_path, setup) as server:
        result, _ = await run_tunnel(
            target_of(client_profile(setup, more=framing + "\n")),
            tmp_path,
            network=entered(isolated_namespace),
        )
        assert result.tunnel is not None
        assert result.tunnel.received == 3, server.log


@pytest.mark.thorough
async def test_echoes_pass_where_openvpn_fragments(isolated_namespace: str, tmp_path: Path) -> None:
    setup = ServerSetup(more="fragment 1300\n")
    with running_server(isolated_namespace, tmp_path, setup) as server:
        target = target_of(client_profile(setup, more="fragment 1300\n"))
        result, _ = await run_tunnel(target, tmp_path, network=entered(isolated_namespace))
        assert result.tunnel is not None
        assert (result.tunnel.received, result.tunnel.mtu) == (3, None), server.log


@pytest.mark.thorough
async def test_a_pushed_packet_size_that_no_client_takes_is_cut_to_theirs(
    isolated_namespace: str, tmp_path: Path
) -> None:
    setup = ServerSetup(more="tun-mtu 9000\n")
    with running_server(isolated_namespace, tmp_path, setup) as server:
        target = target_of(client_profile(setup))
        result, session = await run_tunnel(target, tmp_path, network=entered(isolated_namespace))
        assert session.client.reply is not None
        assert session.client.reply.tun_mtu == 9000
        assert result.tunnel is not None
        assert (result.tunnel.received, result.tunnel.mtu) == (3, DEFAULT_MTU_MAX), server.log
        client = OpenVpn(
            isolated_namespace, tmp_path, client_profile(setup), "--ifconfig-noexec", "--route-noexec"
        )
        try:
            assert client.await_line("Server-pushed tun-mtu is too large"), client.log
            assert client.await_line("Initialization Sequence Completed"), client.log
        finally:
            client.stop()


@pytest.mark.thorough
async def test_a_server_with_a_small_network_for_each_client_echoes(
    isolated_namespace: str, tmp_path: Path
) -> None:
    setup = ServerSetup(more="topology net30\n")
    with running_server(isolated_namespace, tmp_path, setup) as server:
        result, session = await run_tunnel(
            target_of(client_profile(setup)), tmp_path, network=entered(isolated_namespace)
        )
        assert session.client.reply is not None
        assert session.client.reply.topology == "net30", session.client.reply
        assert result.tunnel is not None
        assert result.tunnel.received == 3, server.log


@pytest.mark.thorough
async def test_echoes_pass_inside_with_ipv6(isolated_namespace: str, tmp_path: Path) -> None:
    setup = ServerSetup(more="server-ipv6 fd00:88::/64\n")
    with running_server(isolated_namespace, tmp_path, setup) as server:
        result, _ = await run_tunnel(
            target_of(client_profile(setup)), tmp_path, network=entered(isolated_namespace)
        )
        assert result.tunnel is not None
        assert result.tunnel.received == 6, server.log
    answered = {each.target: each.received for each in result.evidence if isinstance(each, InnerEcho)}
    assert answered == {SERVER_INSIDE: 3, "fd00:88::1": 3}


@pytest.mark.thorough
async def test_a_bridge_is_proven_by_its_keepalive(isolated_namespace: str, tmp_path: Path) -> None:
    pool = "server-bridge 10.88.0.1 255.255.255.0 10.88.0.50 10.88.0.60\n"
    setup = ServerSetup(pool=pool, more="dev-type tap\n")
    with running_server(isolated_namespace, tmp_path, setup):
        profile = client_profile(setup).replace("dev tun", "dev tap")
        result, _ = await run_tunnel(target_of(profile), tmp_path, network=entered(isolated_namespace))
        assert result.tunnel is not None
        assert (result.tunnel.sent, result.tunnel.passive) == (0, True)
        assert result.keepalive_after is not None


@pytest.mark.thorough
async def test_echoes_pass_over_tcp(isolated_namespace: str, tmp_path: Path) -> None:
    setup = ServerSetup(proto="tcp")
    with running_server(isolated_namespace, tmp_path, setup) as server:
        result, _ = await run_tunnel(
            target_of(client_profile(setup)), tmp_path, network=entered(isolated_namespace)
        )
        assert result.tunnel is not None
        assert (result.tunnel.received, result.tunnel.mtu) == (3, None)
        assert server.await_line("Connection reset, restarting", "SIGTERM", "SIGUSR1"), server.log


@pytest.mark.thorough
async def test_a_session_without_an_end_keeps_its_address(isolated_namespace: str, tmp_path: Path) -> None:
    setup = ServerSetup()
    with running_server(isolated_namespace, tmp_path, setup) as server:
        await run_tunnel(
            target_of(client_profile(setup)), tmp_path, ends=False, network=entered(isolated_namespace)
        )
        assert not server.await_line("client-instance exiting", "remote-exit", within_s=1.0)


@pytest.mark.thorough
async def test_a_keepalive_proves_the_channel_where_nothing_echoes(
    isolated_namespace: str, tmp_path: Path
) -> None:
    setup = ServerSetup()
    with running_server(isolated_namespace, tmp_path, setup):
        target = target_of(client_profile(setup))
        silent = target.with_server(replace(target.server, tunnel_ping=(UNUSED,)))
        result, _ = await run_tunnel(silent, tmp_path, network=entered(isolated_namespace))
        assert result.tunnel is not None
        assert result.tunnel.received == 0
        assert result.accepted
        assert any(
            isinstance(each, ProtocolEvidence) and each.kind == KEEPALIVE_ARRIVED for each in result.evidence
        )
