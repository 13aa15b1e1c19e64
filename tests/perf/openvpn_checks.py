"""What checks of OpenVPN servers cost: `python -m tests.perf.openvpn_checks`.

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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time_ns
from typing import Any

from tests.perf.handshake_cost import machine
from tests.protocols.openvpn.tunnel_run import target_of
from wgmon_tui.checks.check import Check
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabServer, OpenVpnLabSetup, make_context
from wgmon_tui.lab.openvpn.session import GATEWAY, LabSession, SessionSetup
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.inner_packets import echo_request
from wgmon_tui.protocols.openvpn import key_exchange, tls_context
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.client import Client, Login
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget
from wgmon_tui.protocols.openvpn.tunnel_stage import make_data_channel
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

_SESSIONS, _CHECKS, _SERVERS, _AT_ONCE = 200, 400, 1000, 32
_PORT_FILE = "ready"


@dataclass(slots=True)
class Stopwatch:
    """CPU time of the client alone, in nanoseconds, by stage."""

    spent: dict[str, list[int]]

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        """Add the time of some work to the last measurement of a stage."""
        began = thread_time_ns()
        result = work()
        self.spent[stage][-1] += thread_time_ns() - began
        return result


STAGES = ("reset", "TLS and key exchange", "push reply", "keys and one echo")


def stage_costs(key: bytes) -> dict[str, float]:
    """The median CPU time of each stage in microseconds."""
    authority = LabAuthority()
    client = authority.issue_client("monitor")
    target = target_of(write_profile(Endpoint("127.0.0.1", 1194), authority, client, key))
    context = make_context(authority, authority.issue_server("server"))
    watch = Stopwatch({each: [] for each in STAGES})
    for number in range(_SESSIONS):
        for each in STAGES:
            watch.spent[each].append(0)
        server = LabSession(SessionSetup(context, key, IPv4Address("10.98.0.2"), number))
        _session(target, server, watch)
    return {each: median(times) / 1000 for each, times in watch.spent.items()}


def _session(target: OpenVpnTarget, server: LabSession, watch: Stopwatch) -> None:
    client = watch.run("reset", lambda: Client(make_wrapping(target.remote.wrapper)))
    _exchange(client, server, partial(watch.run, "reset"))
    info = key_exchange.peer_info("2.6.14", target.profile.data_ciphers)

    def log_in() -> None:
        context = tls_context.make_context(target.profile, None, os.devnull)
        client.log_in(Login(context, ("V4,dev-type tun", "", "", info)), 0.0)

    watch.run("TLS and key exchange", log_in)
    while client.reply is None:
        stage = "push reply" if client._server_message else "TLS and key exchange"
        _exchange(client, server, partial(watch.run, stage))
    channel = watch.run("keys and one echo", lambda: make_data_channel(client, target.profile))
    request = echo_request(IPv4Address("10.98.0.2"), GATEWAY, 1, 1)
    sealed = watch.run("keys and one echo", lambda: channel.seal(request))
    (answer,) = server.receive(sealed, 0.0)
    watch.run("keys and one echo", lambda: channel.open(answer))


def _exchange(client: Client, server: LabSession, timed: Callable[[Callable[[], Any]], Any]) -> None:
    for packet in timed(lambda: client.take_packets(0.0, 1)):
        for answer in server.receive(packet, 0.0):
            timed(partial(client.receive, answer, 0.0))


async def serve(directory: Path) -> None:
    """A server whose profile is in this directory."""
    authority, key = LabAuthority(), make_static_key()
    async with OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=key)) as server:
        text = write_profile(server.endpoint, authority, authority.issue_client("monitor"), key)
        (directory / _PORT_FILE).write_text(text)
        await asyncio.Event().wait()


async def check_costs(profile: str) -> None:
    """Print checks per second and CPU time of a check, of the reset alone and of all stages."""
    port = int(profile.split("remote 127.0.0.1 ")[1].split()[0])
    whole = target_of(profile, port)
    whole = whole.with_server(replace(whole.server, tunnel_over=0.0))
    prober, reset = OpenVpnProber(), replace(whole, may_log_in=False)
    for name, target, deep, count in (
        ("reset alone", reset, False, 10 * _CHECKS),
        ("all stages, 3 echoes, sizes", whole, True, _CHECKS),
    ):
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(target: OpenVpnTarget = target, deep: bool = deep, slots: Any = slots) -> bool:
            async with slots:
                (check,) = await prober.check_all(target, deep=deep)
                return check.handshake is not None and (not deep or check.tunnel is not None)

        began, used = perf_counter(), process_time()
        passed = sum(await asyncio.gather(*(one() for _ in range(count))))
        took, spent = perf_counter() - began, process_time() - used
        print(
            f"{name:30} {passed} of {count} passed, {count / took:6.0f} checks/s, "
            f"{spent / count * 1e6:6.0f} µs CPU each"
        )


def memory_of_servers(profile: str) -> None:
    """Print what the targets of many servers take, each with a certificate of its own."""
    gc.collect()
    before = _resident_mb()
    # Another comment for each, so that no profile is shared.
    texts = [f"{profile}# {number}\n" for number in range(_SERVERS)]
    port = int(profile.split("remote 127.0.0.1 ")[1].split()[0])
    targets = [target_of(text, port) for text in texts]
    gc.collect()
    joined = _resident_mb() - before
    kept = asyncio.run(_check_once([replace(each, may_log_in=False) for each in targets]))
    gc.collect()
    print(
        f"{len(kept)} servers: {joined:.1f} MB for the profiles, {_resident_mb() - before:.1f} MB with a "
        f"prober and a check of each that is kept ({before:.0f} MB before)"
    )


async def _check_once(targets: list[OpenVpnTarget]) -> list[Check]:
    prober, slots = OpenVpnProber(), asyncio.Semaphore(_AT_ONCE)

    async def one(target: OpenVpnTarget) -> Check:
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
    for name, key in (("plain", b""), ("tls-crypt", make_static_key())):
        found = stage_costs(key)
        print(name + ": " + ", ".join(f"{stage} {cost:.0f} µs" for stage, cost in found.items()))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        server = subprocess.Popen([sys.executable, "-m", "tests.perf.openvpn_checks", "--serve", name])
        try:
            while not (directory / _PORT_FILE).exists():
                server.poll()
            profile = (directory / _PORT_FILE).read_text()
            memory_of_servers(profile)
            asyncio.run(check_costs(profile))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
