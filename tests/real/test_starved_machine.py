"""Real servers that are well, checked by a process that gets no processor: no verdict may blame them.

The process stands still right after it sent something, for longer than the timeout. The answer waits in the
kernel meanwhile, and its time is over when it is read.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.busy_machine import without_starvation
from tests.control_planes.check_harness import WHOLE
from tests.control_planes.check_harness import target as make_plane_target
from tests.control_planes.responder import responding
from tests.parameters import default_run
from tests.real.ikev2.world import Watcher, by_password, by_secret, strongswan
from tests.real.namespaces import entered, namespace, routed_path
from tests.real.openvpn.checking import make_openvpn_target
from tests.real.openvpn.server import ServerSetup, client_profile, running_server
from tests.real.prerequisites import require
from tests.real.proxies.probing import Probing, make_prober
from tests.real.proxies.probing import make_target as make_proxy_target
from tests.real.proxies.servers import proxy_servers
from tests.real.proxies.test_deep_checks import DNS, name_server
from tests.real.server import run_check, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.evidence import MachineStarved
from wgmon_tui.checks.protocol import ProbeServices, ProtocolProber, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.control_planes.http_connection import HttpConnection
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round
from wgmon_tui.protocols.ikev2.session_io import IkeSession
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.proxies import check as proxy_check
from wgmon_tui.protocols.proxies.page_fetch import PageFetcher
from wgmon_tui.protocols.system_path import check as system_path
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage

TIMEOUT_S = 0.8
BLOCKED_S = TIMEOUT_S + 0.3
PATIENT_S = 20.0
"""The timeout of the check afterwards, which must succeed on a busy machine too."""

HOST = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "127.0.0.1:{port}"

[server.system-path]
echo = false
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server of one protocol answers, and who checks it."""

    namespace: str
    prober: ProtocolProber
    target: ProtocolTarget

    def look(self, timeout_s: float, *, deep: bool) -> Round:
        """One check with a timeout."""
        server = replace(self.target.server, timeout=timeout_s, slow=timeout_s / 2)
        checking = run_check_round(
            self.prober, server, self.target.with_server(server), CheckDepth(deep=deep)
        )
        with entered(self.namespace):
            return asyncio.run(_opened(self.prober, checking))


async def _opened(prober: ProtocolProber, checking: Any) -> Round:
    await prober.open()
    try:
        outcome: Round = await checking
        return outcome
    finally:
        await prober.close()


@contextmanager
def openvpn_over(proto: str, directory: Path) -> Iterator[Place]:
    require("openvpn", "ip", root=True)
    setup = ServerSetup(proto=proto)
    with namespace("o") as name, running_server(name, directory, setup):
        prober = find_protocol("openvpn").make_prober(ProbeServices(lambda _: b""))
        yield Place(name, prober, make_openvpn_target(client_profile(setup)))


@contextmanager
def ikev2_with(settings: str, directory: Path) -> Iterator[Place]:
    require("ip", "swanctl", "nft", root=True)
    with routed_path() as path, strongswan(path, directory / "server"):
        watcher = Watcher(path, directory / "watcher")
        server, target = watcher.target(watcher.fleet(settings))
        yield Place(path.client, watcher.prober, target.with_server(server))


@contextmanager
def proxy(name: str, directory: Path) -> Iterator[Place]:
    program = name.split()[0]
    with proxy_servers(directory, program) as servers:
        target = make_proxy_target(Probing(servers.links[name]))
        yield Place(servers.name, make_prober(target), target)


@contextmanager
def proxy_with_udp(directory: Path) -> Iterator[Place]:
    """A proxy whose deep checks ask a name server through it."""
    with proxy_servers(directory, "ss-server") as servers, name_server(servers.name):
        target = make_proxy_target(Probing(servers.links["ss-server aes-256-gcm"], settings=DNS))
        yield Place(servers.name, make_prober(target), target)


@contextmanager
def listening_host(_: Path) -> Iterator[Place]:
    """A port of this machine, on which the kernel accepts connections."""
    require("ip", root=True)
    with namespace("l") as name, ExitStack() as stack:
        with entered(name):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        entry = HOST.format(port=listener.getsockname()[1])
        (server,) = parse(entry).servers
        prober = find_protocol("system-path").make_prober(ProbeServices(lambda _: b""))
        yield Place(name, prober, ServerTarget(server))


@contextmanager
def control_plane(_: Path) -> Iterator[Place]:
    """A responder on an event loop of its own: nobody else's program stands for it."""
    require("ip", root=True)
    loop = asyncio.new_event_loop()
    with namespace("p") as name, entered(name):
        thread = Thread(target=loop.run_forever)
        thread.start()
        try:
            responder = responding(WHOLE)
            opened = asyncio.run_coroutine_threadsafe(responder.__aenter__(), loop).result()
            prober = find_protocol("headscale").make_prober(ProbeServices(lambda _: b""))
            yield Place(name, prober, make_plane_target(opened))
            asyncio.run_coroutine_threadsafe(responder.__aexit__(None, None, None), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class Blocker:
    """Makes a coroutine stand still for a while, once, when it first waits in its call of this number."""

    def __init__(self, method: Callable[..., Any], number: int) -> None:
        self._method, self._number = method, number
        self.calls = 0

    def method(self) -> Callable[..., Any]:
        async def blocked(*arguments: Any, **keywords: Any) -> Any:
            self.calls += 1
            if self.calls == self._number:
                asyncio.get_running_loop().call_soon(time.sleep, BLOCKED_S)
            return await self._method(*arguments, **keywords)

        return blocked


@dataclass(frozen=True, slots=True)
class Case:
    """A server, and the call in which the process stands still."""

    make_place: Callable[[Path], Any]
    of: Any
    method: str
    number: int = 1


def openvpn(proto: str, number: int) -> Case:
    """The process stands still in the reset (1), in TLS (2), or while the server decides about the login."""
    return Case(partial(openvpn_over, proto), ControlSession, "run", number)


CASES = {
    "OpenVPN over udp, reset": openvpn("udp", 1),
    "OpenVPN over udp, TLS": openvpn("udp", 2),
    "OpenVPN over tcp, reset": openvpn("tcp", 1),
}
OUTLIVED = {
    f"OpenVPN over {proto}, {stage}": openvpn(proto, number)
    for proto in ("udp", "tcp")
    for number, stage in ((3, "key exchange"), (4, "push reply"))
}
"""A script of the server may take this time too, so the check waits longer than its timeout."""
CASES |= {
    "IKEv2 by secret": Case(partial(ikev2_with, by_secret()), IkeSession, "_run"),
    "IKEv2 by EAP": Case(partial(ikev2_with, by_password()), IkeSession, "_run"),
}
CASES |= {
    f"{name}, {what}": Case(partial(proxy, name), PageFetcher, method)
    for name in ("trojan", "ss-server aes-256-gcm", "sing-box vless tls", "sing-box vmess")
    for what, method in (("connection", "run"), ("page", "_exchange"))
}
CASES["ss-server aes-256-gcm, UDP"] = Case(proxy_with_udp, proxy_check, "ask_over_udp")
CASES["control plane, connection"] = Case(control_plane, HttpConnection, "connect")
CASES["control plane, answer"] = Case(control_plane, HttpConnection, "get", 2)
CASES["system path"] = Case(listening_host, system_path, "_connect")
QUICK = (
    "OpenVPN over udp, TLS",
    "IKEv2 by secret",
    "trojan, page",
    "control plane, answer",
    "system path",
)


ATTEMPTS = 20
"""What had arrived before the process stood still is read in time, so not every check is spoiled.
One that had all of it ends before."""


def diagnose_without_starvation(outcome: Round, place: Place) -> Diagnosis:
    """What the same check would mean if nothing was known of this machine."""
    check = replace(outcome.check, evidence=tuple(without_starvation(outcome.check.evidence)))
    server = replace(place.target.server, timeout=TIMEOUT_S, slow=TIMEOUT_S / 2)
    return find_protocol(server.protocol).diagnose(check, server)


@pytest.mark.parametrize("name", default_run(QUICK, CASES))
def test_a_process_that_stands_still_blames_no_server(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    method = getattr(case.of, case.method)
    with case.make_place(tmp_path) as place:
        for _ in range(ATTEMPTS):
            monkeypatch.setattr(case.of, case.method, Blocker(method, case.number).method())
            starved = place.look(TIMEOUT_S, deep=True)
            is_noted = any(isinstance(each, MachineStarved) for each in starved.check.evidence)
            if is_noted and diagnose_without_starvation(starved, place).verdict.severity is not Severity.UP:
                break
            assert starved.diagnosis.verdict is Verdict.HEALTHY, starved.diagnosis
        else:
            raise AssertionError("nothing was spoiled")
        afterwards = place.look(PATIENT_S, deep=False)

    assert starved.diagnosis.verdict is Verdict.LOCAL_FAULT, starved.diagnosis
    assert "for the processor" in starved.diagnosis.summary
    assert afterwards.diagnosis.verdict is Verdict.HEALTHY, "what failed then is remembered"


@pytest.mark.parametrize("name", default_run(["OpenVPN over udp, key exchange"], OUTLIVED))
def test_a_login_outlives_a_process_that_stands_still_while_the_server_decides(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = OUTLIVED[name]
    with case.make_place(tmp_path) as place:
        monkeypatch.setattr(
            case.of, case.method, Blocker(getattr(case.of, case.method), case.number).method()
        )
        starved = place.look(TIMEOUT_S, deep=True)
    assert any(isinstance(each, MachineStarved) for each in starved.check.evidence)
    assert starved.diagnosis.verdict is Verdict.HEALTHY, starved.diagnosis


async def test_wireguard_needs_no_doubt_because_the_kernel_keeps_its_answers(
    wireguard_go: WireguardGo, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = HandshakeStage.start

    def start_and_block(stage: HandshakeStage) -> None:
        start(stage)
        time.sleep(BLOCKED_S)

    monkeypatch.setattr(HandshakeStage, "start", start_and_block)
    peer = wireguard_go.new_peer()
    check, diagnosis = await run_check(wireguard_go, target(wireguard_go, peer, timeout_s=TIMEOUT_S))
    assert any(isinstance(each, MachineStarved) for each in check.evidence)
    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
