"""What checks of OpenVPN servers cost: `python -m tests.perf.openvpn_checks`.

First the CPU time of the client for each stage, in memory. Then whole checks over loopback, against the
embedded server in another process. At last the memory of 1,000 servers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Mapping
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
from tests.protocols.openvpn.tunnel_run import target_of
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

STAGES = ("reset", "TLS and key exchange", "push reply", "keys and one echo")


def stage_costs(key: bytes) -> Mapping[str, float]:
    """The median CPU time of each stage in microseconds."""
    authority = LabAuthority()
    client = authority.issue_client("monitor")
    target = target_of(write_profile(Endpoint("127.0.0.1", 1194), authority, client, key))
    context = make_context(authority, authority.issue_server("server"))
    watch = Stopwatch(STAGES)
    for number in range(SESSIONS):
        watch.begin_session()
        server = LabSession(SessionSetup(context, key, IPv4Address("10.98.0.2"), number))
        _session(target, server, watch)
    return watch.medians_us()


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
        announce(directory, text)
        await asyncio.Event().wait()


def _port_of(profile: str) -> int:
    return int(profile.split("remote 127.0.0.1 ")[1].split()[0])


def _loads(profile: str) -> list[Load]:
    """The reset alone, and all stages."""
    whole = target_of(profile, _port_of(profile))
    whole = whole.with_server(replace(whole.server, tunnel_over=0.0))
    return [
        Load("reset alone", replace(whole, may_log_in=False), False, 10 * CHECKS),
        Load("all stages, 3 echoes, sizes", whole, True, CHECKS),
    ]


def _targets(profile: str) -> list[OpenVpnTarget]:
    """Many servers, each with a profile of its own: another comment, so that none is shared."""
    port = _port_of(profile)
    made = [target_of(f"{profile}# {number}\n", port) for number in range(SERVERS)]
    return [replace(each, may_log_in=False) for each in made]


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
    with served("tests.perf.openvpn_checks") as profile:
        print_memory(lambda: _targets(profile), OpenVpnProber)
        asyncio.run(print_check_costs(OpenVpnProber(), _loads(profile)))


if __name__ == "__main__":
    main()
