"""ESP and the embedded server against strongSwan, and a session in Wireshark.

This kernel has no ESP: charon's plugin kernel-libipsec does it in userspace, with a TUN device.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.real.ikev2.strongswan import Charon, charon
from tests.real.ikev2.world import ADDRESS, MONITOR, SECRET, SERVER, Watcher, by_secret
from tests.real.namespaces import RoutedPath, entered, run
from tests.real.prerequisites import require
from wgmon_tui.checks.stage import TUNNEL
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.lab.ikev2.server import LabIkeServer
from wgmon_tui.output.pcapng_export import pcapng_of
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL
from wgmon_tui.protocols.ikev2.targets import join_servers

PLUGINS = "kernel-libipsec kernel-netlink"
ESP_PROPOSALS = ("aes128gcm16", "aes256gcm16", "chacha20poly1305", "aes256-sha256", "aes128-sha512")
CLIENT_ADDRESS = "10.77.1.2"


def gateway(esp: str, ike: str = "default") -> str:
    """swanctl.conf of a server that takes this proposal for ESP only."""
    return f"""
connections {{
  psk {{
    version = 2
    proposals = {ike}
    local {{ auth = psk
      id = {SERVER} }}
    remote {{ auth = psk
      id = {MONITOR} }}
    pools = inner
    children {{ net {{ local_ts = 0.0.0.0/0
      esp_proposals = {esp} }} }}
  }}
}}
pools {{ inner {{ addrs = 10.99.0.0/24 }} }}
secrets {{ ike-monitor {{ id = {MONITOR}
  secret = "{SECRET}" }} }}
"""


@pytest.fixture(scope="module")
def server(path: RoutedPath, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charon]:
    with charon(
        path.server, tmp_path_factory.mktemp("charon"), gateway("aes128gcm16"), plugins=PLUGINS
    ) as started:
        yield started


@pytest.mark.parametrize(
    "esp", [ESP_PROPOSALS[0], *(pytest.param(each, marks=pytest.mark.thorough) for each in ESP_PROPOSALS[1:])]
)
def test_an_echo_comes_back_through_the_esp_of_strongswan(
    server: Charon, path: RoutedPath, tmp_path: Path, esp: str
) -> None:
    server.load(gateway(esp))
    found = Watcher(path, tmp_path).look(by_secret(), tunnel=True, ping=ADDRESS)
    assert found.diagnosis.verdict is Verdict.HEALTHY, found.diagnosis
    tunnel = found.check.tunnel
    assert tunnel is not None
    assert tunnel.received == tunnel.sent > 0
    assert {each.name for each in found.check.stages} >= {TUNNEL}


class TwoPorts:
    """The embedded server on ports 500 and 4500 of an address, as a client expects it."""

    def __init__(self, setup: LabIkeSetup, host: str) -> None:
        self._servers = [LabIkeServer(setup, host=host, port=port) for port in (500, 4500)]
        responder = LabIkeResponder(setup, (host, 4500))
        for each in self._servers:
            each.responder = responder
        self.responder = responder

    async def __aenter__(self) -> TwoPorts:
        for each in self._servers:
            await each.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._servers:
            await each.stop()


def client(secret: str) -> str:
    """swanctl.conf of a client of the embedded server."""
    return f"""
connections {{
  lab {{
    version = 2
    remote_addrs = {CLIENT_ADDRESS}
    proposals = aes256-sha256-ecp256
    vips = 0.0.0.0
    local {{ auth = psk
      id = {MONITOR} }}
    remote {{ auth = psk
      id = {SERVER} }}
    children {{ net {{ remote_ts = 0.0.0.0/0
      esp_proposals = aes128gcm16 }} }}
  }}
}}
secrets {{ ike {{ secret = "{secret}" }} }}
"""


async def initiate(path: RoutedPath, started: Charon, secret: bytes) -> tuple[str, int, str]:
    """Connect charon to the embedded server: what it says, the sessions then, and a ping through it."""
    with entered(path.client):
        lab = TwoPorts(LabIkeSetup(SERVER, secret, inner=IPv4Address("10.66.0.1")), CLIENT_ADDRESS)
    async with lab:
        said = await asyncio.to_thread(started.run, "--initiate", "--child", "net", "--timeout", "5")
        ping = ("ip", "netns", "exec", path.server, "ping", "-c", "1", "-W", "2", "10.66.0.1")
        echo = await asyncio.create_subprocess_exec(*ping, stdout=asyncio.subprocess.PIPE)
        out, _ = await echo.communicate()
        sessions = len(lab.responder.sessions)
        await asyncio.to_thread(started.run, "--terminate", "--ike", "lab", "--timeout", "2")
    return said.stdout, sessions, out.decode()


def test_charon_takes_the_embedded_server_for_a_server(server: Charon, path: RoutedPath) -> None:
    server.load(client(SECRET))
    said, sessions, ping = asyncio.run(initiate(path, server, SECRET.encode()))
    assert "completed successfully" in said, said
    assert sessions == 1
    assert "1 received" in ping


def test_charon_sees_that_the_secret_of_the_embedded_server_differs(server: Charon, path: RoutedPath) -> None:
    server.load(client("another"))
    said, _, _ = asyncio.run(initiate(path, server, SECRET.encode()))
    assert "AUTH_FAILED" in said, said


def dissect(directory: Path, capture: bytes, tables: dict[str, str], *fields: str) -> list[tuple[str, ...]]:
    """The fields from tshark, which has these tables in its configuration."""
    require("tshark")
    (directory / "cfg").mkdir()
    for name, lines in tables.items():
        (directory / "cfg" / name).write_text(lines)
    file = directory / "session.pcapng"
    file.write_bytes(capture)
    wanted = [part for field in fields for part in ("-e", field)]
    decrypting = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    environment = {"WIRESHARK_CONFIG_DIR": str(directory / "cfg")}
    os.environ.update(environment)
    try:
        out = run("tshark", "-r", str(file), *decrypting, "-T", "fields", *wanted)
    finally:
        del os.environ["WIRESHARK_CONFIG_DIR"]
    return [tuple(line.split("\t")) for line in out.splitlines()]


@pytest.mark.parametrize(
    ("ike", "esp"),
    [
        ("aes128gcm16-prfsha256-ecp256", "aes128gcm16"),
        pytest.param("aes256-sha256-modp2048", "aes256-sha256", marks=pytest.mark.thorough),
    ],
)
def test_wireshark_decrypts_a_session_with_the_keys_of_an_export(
    server: Charon, path: RoutedPath, tmp_path: Path, ike: str, esp: str
) -> None:
    server.load(gateway(esp, ike))
    watcher = Watcher(path, tmp_path / "monitor")
    found = watcher.look(by_secret(more=f'proposals = ["{ike}"]'), tunnel=True, ping=ADDRESS)
    fleet = watcher.fleet(by_secret())
    target = join_servers(fleet.servers, {}).ready["gate"]
    logs = PROTOCOL.make_key_logs(target, watcher.secrets)
    tables = {each.format.table: each.lines() for each in logs}
    rows = dissect(
        tmp_path,
        b"".join(pcapng_of([found], key_logs=logs)),
        tables,
        "isakmp.exchangetype",
        "isakmp.id.data.fqdn",
        "icmp.type",
        "_ws.malformed",
    )
    assert {row[0] for row in rows} >= {"34", "35", "37"}
    assert any(re.search(MONITOR, row[1]) for row in rows)
    assert [row[2] for row in rows if row[2]] == ["8", "0"]
    assert not any(row[3] for row in rows)


@pytest.mark.thorough
def test_wireshark_finds_no_fault_in_what_is_sent_without_keys(
    server: Charon, path: RoutedPath, tmp_path: Path
) -> None:
    server.load(gateway("aes128gcm16"))
    found = Watcher(path, tmp_path / "monitor").look(by_secret(), tunnel=True, ping=ADDRESS)
    stripped = replace(found.check, framing="")
    rows = dissect(
        tmp_path,
        b"".join(pcapng_of([replace(found, checks=(stripped,))])),
        {},
        "_ws.col.Protocol",
        "_ws.malformed",
    )
    assert {row[0] for row in rows} == {"ISAKMP", "ESP"}
    assert not any(row[1] for row in rows)
