"""Checks of an address through this machine's own stack, in a namespace of their own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.real.http_services import PORT, http_service
from tests.real.namespaces import entered, firewall, ip, namespace
from tests.real.prerequisites import require
from tests.real.server import SLOW_S
from tests.real.test_export import tunnel_addresses
from tests.real.test_local_interfaces import Bastion
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.models import Round

pytestmark = pytest.mark.repeated_if_starved

ENTRY = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "{at}"
timeout = "{timeout}"

[server.system-path]
"""
PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")


@contextmanager
def machine(*, may_ping: bool = True) -> Iterator[str]:
    """A namespace with loopback alone, where an HTTP server listens."""
    require("ip")
    with namespace("s") as name:
        ip(name, "link set dev lo up")
        with entered(name):
            PING_GROUPS.write_text("0 2147483647" if may_ping else "1 0")
        with http_service(name, ip_address("127.0.0.1")):
            yield name


def look(name: str, options: str = "", at: str = f"127.0.0.1:{PORT}", timeout: str = "5s") -> Round:
    """The result of a check in the namespace."""
    (parsed,) = parse(ENTRY.format(at=at, timeout=timeout) + options).servers
    server = replace(parsed, slow=SLOW_S)
    protocol = find_protocol("system-path")

    async def check() -> Round:
        prober = protocol.make_prober(ProbeServices(lambda _: b""))
        await prober.open()
        try:
            return await run_check_round(prober, server, ServerTarget(server, {}), CheckDepth(deep=True))
        finally:
            await prober.close()

    with entered(name):
        return asyncio.run(check())


def test_its_table_is_read_and_written() -> None:
    fleet = parse(ENTRY.format(at="10.8.0.5:443", timeout="5s") + 'echo = false\nhttp = "/health"')
    assert fleet.servers[0].protocol_settings.http == "/health"
    assert parse(render(fleet)) == fleet


def test_a_host_that_answers_everything_is_healthy() -> None:
    with machine() as name:
        outcome = look(name, 'http = "/health"')
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert [each.outcome for each in outcome.check.stages[1:]] == [StageOutcome.PASSED] * 3
    labels = [find_protocol("system-path").label_of(each.data) for each in outcome.check.exchange]
    assert labels == ["echo request", "echo reply"]


def test_a_host_answers_a_ping_over_ipv6_by_an_interface_that_is_named() -> None:
    with machine() as name:
        outcome = look(name, "tcp = false", "[::1]:9")
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    protocol = find_protocol("system-path")
    assert [protocol.label_of(each.data) for each in outcome.check.exchange] == ["echo request", "echo reply"]
    assert "packets to that address leave this machine by lo" in outcome.diagnosis.evidence


@pytest.mark.thorough
def test_a_host_that_drops_pings_over_ipv6_is_silent() -> None:
    with machine() as name:
        firewall(name, "input", "drop")
        outcome = look(name, "tcp = false", "[::1]:9", timeout="900ms")
    assert outcome.diagnosis.verdict is Verdict.SILENT


def test_an_answer_above_the_limit_is_slow() -> None:
    (server,) = parse(ENTRY.format(at="10.8.0.5:443", timeout="5s")).servers
    late = Check("node", "local", server.endpoint, ip_address("10.8.0.5"), 0.0, Handshake(server.slow + 0.1))
    found = find_protocol("system-path").diagnose(late, server)
    assert found.verdict is Verdict.SLOW
    assert "above the limit of 500 ms" in found.summary


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("options", "at", "words"),
    [
        ("", "127.0.0.1:9", "port 9 refuses connections"),
        ('http = "/500"', f"127.0.0.1:{PORT}", "HTTP /500 answers 500, expected 200 to 399"),
        ('tcp = false\ndns = "www.example.net"', "127.0.0.1:53", "DNS www.example.net does not answer"),
    ],
)
def test_a_service_that_fails_on_a_host_that_answers_is_inner_dead(options: str, at: str, words: str) -> None:
    with machine() as name:
        outcome = look(name, options, at)
    assert outcome.diagnosis.verdict is Verdict.INNER_DEAD
    assert words in outcome.diagnosis.summary


@pytest.mark.thorough
def test_a_host_that_answers_nothing_is_silent() -> None:
    with machine() as name:
        firewall(name, "input", "drop")
        outcome = look(name, timeout="900ms")
    assert outcome.diagnosis.verdict is Verdict.SILENT
    assert "ip route get 127.0.0.1" in outcome.diagnosis.causes[0].fix


@pytest.mark.thorough
def test_no_route_is_a_fault_of_this_machine() -> None:
    with machine() as name:
        outcome = look(name, at="10.255.0.1:80")
    assert outcome.diagnosis.verdict is Verdict.LOCAL_FAULT


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("options", "verdict"), [("", Verdict.UNPROVEN), ("tcp = false", Verdict.MISCONFIGURED)]
)
def test_where_pings_are_forbidden_one_line_names_the_sysctl(options: str, verdict: Verdict) -> None:
    with machine(may_ping=False) as name:
        outcome = look(name, options)
    assert outcome.diagnosis.verdict is verdict
    (cause,) = outcome.diagnosis.causes
    assert cause.fix == 'sysctl -w net.ipv4.ping_group_range="0 2147483647"'


@pytest.mark.thorough
def test_a_name_server_that_knows_the_name_is_healthy() -> None:
    with machine() as name, entered(name), socket.socket(type=socket.SOCK_DGRAM) as serving:
        serving.bind(("127.0.0.1", 5353))

        def answer() -> None:
            query, client = serving.recvfrom(512)
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x08\0\5"
            serving.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + record, client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        outcome = look(name, 'tcp = false\ndns = "www.example.net"', "127.0.0.1:5353")
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


# Beside a VPN of this machine

PROBED = """
[[server]]
name = "gateway"
endpoint = "{endpoint}"
public_key = "{key}"
identity = "bastion"
tunnel_ping = ["10.7.0.1"]
tunnel_count = 1
interval = "1s"
timeout = "500ms"
explain = false

[[server]]
name = "inside"
protocol = "system-path"
endpoint = "10.7.0.1:9"
interval = "1s"
timeout = "900ms"

[server.system-path]
tcp = false
"""


@contextmanager
def bastion_with_vpn(server: WireguardGo, home: Path) -> Iterator[Bastion]:
    """A machine whose own interface is a client of the server, which does not know its identity."""
    made = Bastion(server, home)
    client, interface = server.path.client, made.device.name
    try:
        (own, *_) = tunnel_addresses(server, made.private_key.public)
        ip(client, f"address add {own.ip}/32 dev {interface}\nroute add 10.7.0.1/32 dev {interface}")
        with entered(client):
            PING_GROUPS.write_text("0 2147483647")
        endpoint = "{}:{}".format(*server.endpoint(4))
        toml = home / "servers.toml"
        addressed = toml.read_text().replace(
            "[[identity]]\n", '[[identity]]\naddresses = ["10.7.0.200/32"]\n'
        )
        toml.write_text(addressed + PROBED.format(endpoint=endpoint, key=server.public_key))
        yield made
    finally:
        made.device.stop()


def verdict_beside_writer(bastion: Bastion, wanted: str) -> dict[str, Any]:
    """What the writer says of the gateway, once its verdict is the wanted one."""
    with bastion.running():
        for _ in range(60):
            shown = bastion.wgmon("probe", "gateway", "--quick", "--json").out
            found: dict[str, Any] = json.loads(shown)
            if found["verdict"] == wanted:
                return found
    raise AssertionError(f"it stays {found['verdict']}: {found['summary']} {found['evidence']}")


@pytest.mark.thorough
async def test_a_vpn_that_works_while_the_probe_gets_no_answer_is_a_verdict(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    with bastion_with_vpn(wireguard_go, tmp_path) as bastion:
        await bastion.connected()
        found = await asyncio.to_thread(verdict_beside_writer, bastion, "peer-missing")
        name = bastion.device.name
    assert found["summary"] == (
        f"{name} of this machine is up: 10.7.0.1 answers through it. "
        "The same server does not answer this identity."
    )
    assert f'10.7.0.1, which is inside its tunnel, answers the checks of server "inside" through {name}' in (
        " ".join(found["evidence"])
    )


@pytest.mark.thorough
async def test_a_vpn_that_is_down_too_leaves_the_probe_silent(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    with bastion_with_vpn(wireguard_go, tmp_path) as bastion:
        found = await asyncio.to_thread(verdict_beside_writer, bastion, "silent")
    assert "answers" not in found["summary"].replace("No answer", "")
