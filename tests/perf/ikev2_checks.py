"""What checks of IKEv2 servers cost: `python -m tests.perf.ikev2_checks`.

First the CPU time of the client for each stage, in memory. Then whole checks over loopback, against the
embedded server in another process. At last the memory of 1,000 servers.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from tests.perf.handshake_cost import machine
from tests.perf.session_costs import (
    CHECKS,
    SERVERS,
    SESSIONS,
    Load,
    Stopwatch,
    announce,
    print_check_costs,
    print_memory,
    served,
)
from tests.protocols.ikev2.certificates import Issued, issue, make_authority
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.lab.ikev2.server import LabIkeServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.check import Ikev2Prober
from wgmon_tui.protocols.ikev2.child_tunnel import ChildTunnel
from wgmon_tui.protocols.ikev2.client import IkeClient
from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.credentials import CertificateKey, Credentials, SharedSecret
from wgmon_tui.protocols.ikev2.events import Established
from wgmon_tui.protocols.ikev2.identities import parse_identity
from wgmon_tui.protocols.ikev2.offers import child_request
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.security_association import offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.targets import Ikev2Target, join_servers
from wgmon_tui.protocols.ikev2.tunnel_stage import open_esp

_SECRET, _IDENTITY, _MONITOR = b"correct horse", "gw.example.net", "monitor.example.net"
_SERVER, _CLIENT = ("127.0.0.1", 4711), ("127.0.0.1", 5555)
STAGES = ("sa-init", "authenticate", "keys and one echo", "delete")


def stage_costs(
    proposal: str, setup: LabIkeSetup, credentials: Credentials, authority: Issued | None
) -> Mapping[str, float]:
    """The median CPU time of each stage in microseconds."""
    setup.proposals = (parse_proposal(proposal),)
    watch = Stopwatch(STAGES)
    for _ in range(SESSIONS):
        watch.begin_session()
        _session(setup, credentials, (authority.certificate,) if authority else (), watch)
    return watch.medians_us()


def _session(
    setup: LabIkeSetup, credentials: Credentials, authorities: Sequence[Any], watch: Stopwatch
) -> None:
    server = LabIkeResponder(setup, _SERVER)
    authentication = AuthenticationOptions(
        credentials,
        parse_identity(_MONITOR),
        parse_identity(_IDENTITY),
        tuple(authorities),
        time.time(),
        child_request(Ikev2Settings()),
    )
    path = PathEnds(IPv4Address(_CLIENT[0]), _CLIENT[1], IPv4Address(_SERVER[0]), _SERVER[1])
    options = ClientOptions(offer(setup.proposals), 5.0, authentication)
    client: IkeClient = watch.run("sa-init", lambda: IkeClient(options, path))
    watch.run("sa-init", lambda: client.begin(0.0))
    events: list[Any] = []
    for stage in ("sa-init", "authenticate"):
        for datagram in client.take_datagrams():
            answer = server.receive(datagram.data, _CLIENT)
            if answer is not None:
                watch.run(stage, partial(client.receive, answer, 0.0))
        events += client.take_events()
    child = next(each.child for each in events if isinstance(each, Established))
    tunnel = watch.run("keys and one echo", lambda: _make_tunnel(child))
    for packet in watch.run("keys and one echo", lambda: tunnel.send(0)):
        answer = server.receive(packet, _CLIENT)
        if answer is not None:
            watch.run("keys and one echo", partial(tunnel.receive, answer, 1))
    watch.run("delete", lambda: client.end(1.0))
    for datagram in client.take_datagrams():
        answer = server.receive(datagram.data, _CLIENT)
        if answer is not None:
            watch.run("delete", partial(client.receive, answer, 1.0))


def _make_tunnel(child: Any) -> ChildTunnel:
    return ChildTunnel(open_esp(child), {4: child.addresses[0]}, child.name_servers)


async def serve(directory: Path) -> None:
    """A server whose port is in this directory."""
    async with LabIkeServer(LabIkeSetup(_IDENTITY, _SECRET)) as server:
        announce(directory, str(server.endpoint.port))
        await asyncio.Event().wait()


def _target(port: int, name: str = "gw", *, may_authenticate: bool = True) -> Ikev2Target:
    source = SecretSource(SecretForm.FILE, "gw.secret")
    settings = Ikev2Settings(_MONITOR, _IDENTITY, source, dedicated=may_authenticate)
    server = Server(name, Endpoint("127.0.0.1", port), protocol="ikev2", protocol_settings=settings)
    target = join_servers([server], {name: {"secret": _SECRET}}).ready[name]
    assert isinstance(target, Ikev2Target)
    return target


def _loads(port: int) -> list[Load]:
    """SA_INIT alone, and all stages."""
    return [
        Load("sa-init alone", _target(port, may_authenticate=False), False, 5 * CHECKS),
        Load("all stages", _target(port), True, CHECKS),
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=Path)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    print(machine())
    authority = make_authority()
    own, monitor = issue(_IDENTITY, authority), issue(_MONITOR, authority)
    by_secret = LabIkeSetup(_IDENTITY, _SECRET)
    by_certificate = replace(
        by_secret, certificate=CertificateKey((own.certificate,), own.key), authority=authority.certificate
    )
    pair = CertificateKey((monitor.certificate,), monitor.key)
    for name, proposal, setup, credentials, issuer in (
        ("preshared key, X25519", "aes128gcm16-prfsha256-curve25519", by_secret, SharedSecret(_SECRET), None),
        ("preshared key, MODP 2048", "aes256-sha256-modp2048", by_secret, SharedSecret(_SECRET), None),
        (
            "certificates of P-256, X25519",
            "aes128gcm16-prfsha256-curve25519",
            by_certificate,
            pair,
            authority,
        ),
    ):
        found = stage_costs(proposal, setup, credentials, issuer)
        print(name + ": " + ", ".join(f"{stage} {cost:.0f} µs" for stage, cost in found.items()))
    with served("tests.perf.ikev2_checks") as text:
        port = int(text)
        print_memory(lambda: [_target(port, f"gw{number}") for number in range(SERVERS)], Ikev2Prober)
        asyncio.run(print_check_costs(Ikev2Prober(), _loads(port)))


if __name__ == "__main__":
    main()
