"""What checks of IKEv2 servers cost: `python -m tests.perf.ikev2_checks`.

First the CPU time of the client for each stage, in memory. Then whole checks over loopback, against the
embedded server in another process. At last the memory of 1,000 servers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time_ns
from typing import Any

from tests.perf.handshake_cost import machine
from tests.protocols.ikev2.certificates import Issued, issue, make_authority
from wgmon_tui.checks.check import Check
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

_SESSIONS, _CHECKS, _SERVERS, _AT_ONCE = 200, 400, 1000, 32
_PORT_FILE = "ready"
_SECRET, _IDENTITY, _MONITOR = b"correct horse", "gw.example.net", "monitor.example.net"
_SERVER, _CLIENT = ("127.0.0.1", 4711), ("127.0.0.1", 5555)
STAGES = ("sa-init", "authenticate", "keys and one echo", "delete")


@dataclass(slots=True)
class IkeStopwatch:
    """CPU time of the client alone, in nanoseconds, by stage."""

    spent: dict[str, list[int]]

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        """Add the time of some work to the last measurement of a stage."""
        began = thread_time_ns()
        result = work()
        self.spent[stage][-1] += thread_time_ns() - began
        return result


def stage_costs(
    proposal: str, setup: LabIkeSetup, credentials: Credentials, authority: Issued | None
) -> Mapping[str, float]:
    """The median CPU time of each stage in microseconds."""
    setup.proposals = (parse_proposal(proposal),)
    watch = IkeStopwatch({each: [] for each in STAGES})
    for _ in range(_SESSIONS):
        for each in STAGES:
            watch.spent[each].append(0)
        _session(setup, credentials, (authority.certificate,) if authority else (), watch)
    return {each: median(times) / 1000 for each, times in watch.spent.items()}


def _session(
    setup: LabIkeSetup, credentials: Credentials, authorities: Sequence[Any], watch: IkeStopwatch
) -> None:
    server = LabIkeResponder(setup, _SERVER)
    authentication = AuthenticationOptions(
        credentials,
        parse_identity(_MONITOR),
        parse_identity(_IDENTITY),
        tuple(authorities),
        time.time(),
        child_request(),
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
        (directory / _PORT_FILE).write_text(str(server.endpoint.port))
        await asyncio.Event().wait()


def _target(port: int, name: str = "gw", *, may_authenticate: bool = True) -> Ikev2Target:
    source = SecretSource(SecretForm.FILE, "gw.secret")
    settings = Ikev2Settings(_MONITOR, _IDENTITY, source, dedicated=may_authenticate)
    server = Server(name, Endpoint("127.0.0.1", port), protocol="ikev2", protocol_settings=settings)
    target = join_servers([server], {name: {"secret": _SECRET}}).ready[name]
    assert isinstance(target, Ikev2Target)
    return target


async def check_costs(port: int) -> None:
    """Print checks per second and CPU time of a check, of SA_INIT alone and of all stages."""
    prober, whole = Ikev2Prober(), _target(port)
    first = _target(port, may_authenticate=False)
    for name, target, deep, count in (
        ("sa-init alone", first, False, 5 * _CHECKS),
        ("all stages", whole, True, _CHECKS),
    ):
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(target: Ikev2Target = target, deep: bool = deep, slots: Any = slots) -> bool:
            async with slots:
                (check,) = await prober.check_all(target, deep=deep)
                return check.handshake is not None and (not deep or check.tunnel is not None)

        began, used = perf_counter(), process_time()
        passed = sum(await asyncio.gather(*(one() for _ in range(count))))
        took, spent = perf_counter() - began, process_time() - used
        print(
            f"{name:16} {passed} of {count} passed, {count / took:6.0f} checks/s, "
            f"{spent / count * 1e6:6.0f} µs CPU each"
        )


def memory_of_servers(port: int) -> None:
    """Print what many servers take: their targets, and a whole check of each that is kept."""
    gc.collect()
    before = _resident_mb()
    targets = [_target(port, f"gw{number}") for number in range(_SERVERS)]
    gc.collect()
    joined = _resident_mb() - before
    kept = asyncio.run(_check_once(targets))
    gc.collect()
    print(
        f"{len(kept)} servers: {joined:.1f} MB for the targets, {_resident_mb() - before:.1f} MB with a "
        f"prober and a whole check of each that is kept ({before:.0f} MB before)"
    )


async def _check_once(targets: Sequence[Ikev2Target]) -> list[Check]:
    prober, slots = Ikev2Prober(), asyncio.Semaphore(_AT_ONCE)

    async def one(target: Ikev2Target) -> Check:
        async with slots:
            (check,) = await prober.check_all(target)
            return check

    return list(await asyncio.gather(*map(one, targets)))


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


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
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "tests.perf.ikev2_checks", "--serve", directory]
        server = subprocess.Popen(command)
        try:
            while (
                not (Path(directory) / _PORT_FILE).exists() or not (Path(directory) / _PORT_FILE).read_text()
            ):
                server.poll()
            port = int((Path(directory) / _PORT_FILE).read_text())
            memory_of_servers(port)
            asyncio.run(check_costs(port))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
