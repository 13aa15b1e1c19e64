"""The fetches of a deep check: URLs through the session, and whether a stall is one of the whole flow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib import import_module

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import FlowCut
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard.flow_cut import CHECK_RULE
from wgmon_tui.protocols.wireguard.inner_channel import InnerChannel
from wgmon_tui.protocols.wireguard.size_check import USUAL_SIZES
from wgmon_tui.protocols.wireguard.soak import EchoFlow, follow_up


async def fetch_urls(
    server: Server, channel: InnerChannel, check_log: CheckLog, flow: EchoFlow | None, mtu: int | None
) -> FlowCut | None:
    """Fetch the URLs of a server and record what was found. Returns the cut of the flow, if there is one.

    `flow` sends echoes to something that echoes; None without such. `mtu` is the size that passed in bytes.
    """
    # Imported here: few servers have URLs. In a thread: TLS and HTTP take a while to load.
    await asyncio.to_thread(import_module, "wgmon_tui.checks.inner_fetches")
    from wgmon_tui.checks.inner_fetches import InnerFetches

    fetches = InnerFetches(server, channel.own, _Carrier(channel), _client_mtu(server, mtu))
    channel.on_packet, channel.is_logging = fetches.receive, False
    try:
        found = await fetches.run()
    finally:
        channel.is_logging = True
        channel.services = frozenset(channel.services) | fetches.endpoints
    cut, echoes_pass = None, None
    if flow and any(each.fault == "stalled" for each in found):
        flow.send(0)
        cut = await follow_up(flow, CHECK_RULE)
        echoes_pass = flow.echoes()[-1].answered_at is not None
    for each in found:
        is_stalled = each.fault == "stalled"
        check_log.add_evidence(replace(each, echoes_pass=echoes_pass) if is_stalled else each)
    return cut


def _client_mtu(server: Server, measured: int | None) -> int:
    """The MTU that a client of this server needs: the usual one, or a smaller one that passes."""
    usual = server.tunnel_mtu or USUAL_SIZES[-1]
    return min(usual, measured) if measured and measured >= USUAL_SIZES[0] else usual


class _Carrier:
    """Carries the packets of fetches through the channel."""

    def __init__(self, channel: InnerChannel) -> None:
        self.wait_until = channel.wait_until
        self._channel = channel

    def send_packet(self, packet: bytes) -> None:
        self._channel.send(packet)
