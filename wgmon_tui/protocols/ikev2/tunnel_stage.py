"""The tunnel stage of a check: echoes through the CHILD_SA over the session's socket."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.udp_socket import Datagram
from wgmon_tui.protocols.ikev2.child_tunnel import ChildTunnel
from wgmon_tui.protocols.ikev2.esp import (
    EspAlgorithms,
    EspDirection,
    EspError,
    EspSession,
    split_key_material,
)
from wgmon_tui.protocols.ikev2.events import ChildSession
from wgmon_tui.protocols.ikev2.session_io import IkeSession

_FIRST_WAIT_S = 0.5


async def run_tunnel_stage(session: IkeSession, child: ChildSession, server: Server) -> ChildTunnel:
    """Send echoes until all are answered or the timeout is over. Raises OSError."""
    addresses: dict[int, Address] = {each.version: each for each in reversed(child.addresses)}
    targets = server.tunnel_ping or child.name_servers
    tunnel = ChildTunnel(open_esp(child), addresses, targets)
    arrived = asyncio.Event()

    def take(datagram: Datagram) -> None:
        with suppress(EspError):
            tunnel.receive(datagram.data, datagram.received_ns)
            arrived.set()

    session.on_esp = take
    deadline, wait = time.monotonic() + server.timeout, _FIRST_WAIT_S
    while not tunnel.is_answered and (left := deadline - time.monotonic()) > 0:
        for packet in tunnel.send(time.time_ns()):
            session.send_esp(packet)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(wait, left)):
                while not tunnel.is_answered:
                    arrived.clear()
                    await arrived.wait()
        wait *= 2
    session.on_esp = None
    return tunnel


def open_esp(child: ChildSession) -> EspSession:
    """Both directions of a CHILD_SA that this side asked for. Raises ValueError for unknown algorithms."""
    algorithms = EspAlgorithms.of(child.chosen.transforms)
    material = child.key_material(algorithms.key_material_length)
    own, server = split_key_material(algorithms, material)
    return EspSession(
        EspDirection(int.from_bytes(child.server_spi, "big"), algorithms, own),
        EspDirection(int.from_bytes(child.own_spi, "big"), algorithms, server),
    )
