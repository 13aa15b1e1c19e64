"""Checks of AmneziaWG against a lab server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from tests.protocols.amneziawg.profiles import framing
from tests.protocols.wireguard.harness import IDENTITY, SERVER, make_target, opened_prober
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.lab.models import LabBehaviour, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

ADDRESS = ip_address("10.8.0.1")
PEER = LabPeer(IDENTITY.public, (ip_network("10.8.0.2/32"),))


def lab_server(
    parameters: Parameters, key: bytes | None = None, behaviour: LabBehaviour | None = None
) -> LabServer:
    setup = LabSetup(SERVER, (PEER,), (ADDRESS,), amneziawg=parameters, header_protection_key=key)
    return LabServer(setup, behaviour or LabBehaviour())


def target_of(
    server: LabServer, parameters: Parameters, key: bytes | None = None, *, timeout: float = 3.0
) -> Target:
    target = make_target(server.endpoint, timeout=timeout)
    return replace(
        target,
        server=replace(target.server, tunnel_ping=(ADDRESS,), tunnel_count=1),
        tunnel_addresses=(ip_interface("10.8.0.2/32"),),
        framing=framing(parameters, IDENTITY.public, key),
    )


def as_amneziawg(target: Target) -> Target:
    return replace(target, server=replace(target.server, protocol=AMNEZIAWG))


@asynccontextmanager
async def probing(server: LabServer) -> AsyncIterator[Prober]:
    async with server, opened_prober() as prober:
        yield prober
