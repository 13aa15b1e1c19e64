"""Runs a whole session against a server: login, tunnel stage, exit notification."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from ipaddress import ip_address
from pathlib import Path

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import key_exchange
from wgmon_tui.protocols.openvpn.client import Client, Login
from wgmon_tui.protocols.openvpn.data_channel import CIPHERS
from wgmon_tui.protocols.openvpn.links import TcpLink, UdpLink
from wgmon_tui.protocols.openvpn.profile import RemoteProto
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.settings import OpenVpnSettings
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget, make_target
from wgmon_tui.protocols.openvpn.tls_context import make_context
from wgmon_tui.protocols.openvpn.tunnel_stage import DataChannelStage, TunnelResult, make_data_channel
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

_WITHIN_S = 5.0
LOCALHOST = ip_address("127.0.0.1")


def target_of(profile: str, port: int = 1194) -> OpenVpnTarget:
    """The target of a profile, whose certificate nobody else uses."""
    settings = OpenVpnSettings(dedicated=True)
    server = Server("real", Endpoint("127.0.0.1", port), protocol="openvpn", protocol_settings=settings)
    return make_target(server, {"profile": profile.encode()})


async def run_tunnel(
    target: OpenVpnTarget,
    directory: Path,
    *,
    ends: bool = True,
    network: AbstractContextManager[None] | None = None,
) -> tuple[TunnelResult, ControlSession]:
    """Log in from a network and run the tunnel stage. `ends` sends the exit notification."""
    with network or nullcontext():
        if target.remote.transport is RemoteProto.UDP:
            link: UdpLink | TcpLink = UdpLink(LOCALHOST, target.remote.port)
        else:
            link = await TcpLink.open(LOCALHOST, target.remote.port)
    try:
        session = ControlSession(_client(target), link, CheckLog())
        assert await session.run(lambda: bool(session.client.remote_session_id), _WITHIN_S), session.events
        session.events += session.client.log_in(_login(target, directory), session.now)
        assert await session.run(lambda: session.client.reply is not None, _WITHIN_S), session.events
        reply, channel = session.client.reply, make_data_channel(session.client, target.profile)
        assert reply is not None
        assert channel is not None
        stage = DataChannelStage(session, channel, target, reply)
        result = await stage.run()
        if ends:
            stage.announce_end()
            await stage.await_end()
        return result, session
    finally:
        link.close()


def _client(target: OpenVpnTarget) -> Client:
    wrapper = target.remote.wrapper
    return Client(make_wrapping(wrapper), wrapped_key_length=len(wrapper.wrapped_key))


def _login(target: OpenVpnTarget, directory: Path) -> Login:
    profile, key_log = target.profile, directory / "tls.log"
    key_log.write_text("")
    options = key_exchange.options_of_client(
        profile.auth, profile.cipher or "AES-256-GCM", "udp", 4, device="tun", mtu=1500
    )
    ciphers = tuple(each for each in profile.data_ciphers if each in CIPHERS)
    info = key_exchange.peer_info("2.6.14", ciphers)
    context = make_context(profile, None, str(key_log))
    return Login(context, (options, "", "", info), read_key_log=key_log.read_text)
