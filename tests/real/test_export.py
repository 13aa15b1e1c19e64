"""Tests of exported exchanges with wireguard-go: Wireshark reads the file without further input."""

from __future__ import annotations

import base64
import subprocess
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.real.namespaces import RoutedPath, run
from tests.real.prerequisites import require
from tests.real.server import prober_at, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.check import Direction
from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Interface
from wgmon_tui.output.pcapng_export import PLACEHOLDER_ADDRESSES, PLACEHOLDER_PORT, pcapng_of
from wgmon_tui.protocols.wireguard.wire import fields_of

PSK = PresharedKey(b"a".ljust(32))
VERSIONS = [pytest.param(4, id="IPv4"), pytest.param(6, id="IPv6")]
INNER = {4: ip_address("10.7.0.1"), 6: ip_address("fd07::1")}

RIGHT = "1"
"""The value that Wireshark shows for a correct checksum."""

VERIFIED = {"1", "True"}
"""Those for a verified handshake: Wireshark 4.4 and later write a word."""


@pytest.fixture(scope="module")
def server(wireguard_go: WireguardGo) -> WireguardGo:
    require("tshark")
    return wireguard_go


def tunnel_addresses(server: WireguardGo, peer: PublicKey) -> tuple[Interface, ...]:
    shown = run("wg", "show", server.interface, "allowed-ips").splitlines()
    allowed = next(line for line in shown if line.startswith(str(peer)))
    return tuple(map(ip_interface, allowed.split("\t")[1].split()))


async def looked(server: WireguardGo, version: int) -> Round:
    """An exchange with two echoes through the tunnel."""
    ours = server.new_peer(PSK)
    aim = target(server, ours, psk=PSK, version=version)
    pinging = replace(
        aim.server, tunnel=True, tunnel_ping=(INNER[version],), tunnel_count=2, tunnel_over=0.05
    )
    aim = replace(aim, server=pinging, tunnel_addresses=tunnel_addresses(server, ours.public))
    async with prober_at(server) as prober:
        return await run_check_round(prober, pinging, aim, CheckDepth())


def dissected(capture: Path, *fields: str) -> list[tuple[str, ...]]:
    """The field values from tshark, one tuple per packet; an absent field is empty."""
    checking = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    wanted = [part for field in fields for part in ("-e", field)]
    lines = run("tshark", "-r", str(capture), *checking, "-T", "fields", *wanted).splitlines()
    return [tuple(line.split("\t")) for line in lines]


# Without keys


@pytest.mark.parametrize("version", default_run([4], [4, 6]), ids=["IPv4", "IPv6"])
async def test_wireshark_names_every_byte_as_we_do(tmp_path: Path, server: WireguardGo, version: int) -> None:
    outcome = await looked(server, version)
    capture = tmp_path / "exchange.pcapng"
    capture.write_bytes(b"".join(pcapng_of([outcome])))
    names = ("type", "sender", "receiver", "ephemeral", "mac1", "mac2", "counter")
    rows = dissected(capture, *(f"wg.{name}" for name in names))
    assert len(rows) == len(outcome.check.exchange) >= 7
    for row, packet in zip(rows, outcome.check.exchange, strict=True):
        ours = {field.name: packet.data[field.offset : field.end] for field in fields_of(packet.data)}
        for name, read in zip(names, row, strict=True):
            assert read == _as_wireshark_writes(name, ours.get(name)), name


def _as_wireshark_writes(name: str, raw: bytes | None) -> str:
    if raw is None:
        return ""
    match name:
        case "ephemeral":
            return base64.b64encode(raw).decode()
        case "mac1" | "mac2":
            return raw.hex()
        case "type" | "counter":
            return str(int.from_bytes(raw, "little"))
        case _:
            return f"0x{int.from_bytes(raw, 'little'):08x}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.thorough
async def test_headers_times_and_comments_are_those_of_the_check(
    tmp_path: Path, server: WireguardGo, version: int
) -> None:
    outcome = await looked(server, version)
    check = outcome.check
    capture = tmp_path / "exchange.pcapng"
    capture.write_bytes(b"".join(pcapng_of([outcome])))
    family = "ip" if version == 4 else "ipv6"
    rows = dissected(
        capture, f"{family}.src", "udp.srcport", f"{family}.dst", "udp.dstport", "udp.checksum.status",
        "frame.time_relative", "frame.packet_flags_direction", "_ws.malformed",
    )  # fmt: skip
    ours = (str(PLACEHOLDER_ADDRESSES[version]), str(PLACEHOLDER_PORT))
    servers = (str(check.address), str(check.endpoint.port))
    for packet, row in zip(check.exchange, rows, strict=True):
        outbound = packet.direction is Direction.SENT
        assert row[:4] == (ours + servers if outbound else servers + ours)
        assert row[4] == RIGHT
        assert float(row[5]) == pytest.approx(packet.at, abs=2e-9)
        assert int(row[6], 0) == (2 if outbound else 1)
        assert row[7] == ""
    comments = [row[0] for row in dissected(capture, "frame.comment")]
    assert comments[0].startswith(f"real ({check.endpoint}), seen from local: healthy (up).")
    assert set(comments[1:]) == {""}
    if version == 4:
        assert {row[0] for row in dissected(capture, "ip.checksum.status")} == {RIGHT}


# With keys


@dataclass(frozen=True)
class Opened:
    """A file with keys as the command made it, and what its reader needs to know."""

    capture: Path
    ours: PrivateKey
    our_port: str
    """The port from which the server was asked, as the server lists it."""
    said: str


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, path: RoutedPath, server: WireguardGo) -> Opened:
    directory = tmp_path_factory.mktemp("keys")
    ours = server.new_peer(PSK)
    for name, key in (("bastion.key", ours), ("real.psk", PSK)):
        (directory / name).write_text(key.to_text())
        (directory / name).chmod(0o600)
    addresses = ", ".join(f'"{each}"' for each in tunnel_addresses(server, ours.public))
    host, port = server.endpoint(4)
    (directory / "servers.toml").write_text(
        '[[identity]]\nname = "bastion"\nprivate_key_file = "bastion.key"\n'
        f"addresses = [{addresses}]\n\n"
        f'[[server]]\nname = "real"\nendpoint = "{host}:{port}"\npublic_key = "{server.public_key}"\n'
        f'preshared_key_file = "real.psk"\nidentity = "bastion"\n'
        f'tunnel_ping = ["{INNER[4]}"]\ntunnel_count = 2\ntunnel_over = "50ms"\n'
    )
    capture = directory / "real.pcapng"
    words = ["export", "exchange", "real", "--format", "pcapng", "--with-keys", "--yes-show-keys"]
    places = ["--config", str(directory), "--state", str(directory / "state"), "--output", str(capture)]
    with server.vantage():
        ran = subprocess.run(
            [sys.executable, "-m", "wgmon_tui", *words, *places], capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr
    endpoints = dict(
        line.split("\t") for line in run("wg", "show", server.interface, "endpoints").splitlines()
    )
    our_port = endpoints[str(ours.public)].rpartition(":")[2]
    return Opened(capture, ours, our_port, ran.stdout + ran.stderr)


def test_with_keys_wireshark_shows_who_knocked_when_and_that_the_handshake_verifies(opened: Opened) -> None:
    rows = dissected(
        opened.capture, "wg.type", "wg.static", "wg.timestamp.value", "wg.handshake_ok", "frame.time"
    )
    initiation, response = rows[0], rows[1]
    assert initiation[:2] == ("1", str(opened.ours.public))
    assert initiation[2].split(":")[0] == initiation[4].split(":")[0]  # the same hour
    assert response[0] == "2"
    assert response[3] in VERIFIED


def test_with_keys_wireshark_reads_what_went_through_the_tunnel(opened: Opened) -> None:
    rows = dissected(opened.capture, "wg.type", "icmp.type", "icmp.checksum.status", "ip.dst")
    inside = [row for row in rows if row[1]]
    assert [row[1] for row in inside] == ["8", "0"] * 2
    assert {row[2] for row in inside} == {RIGHT}
    assert inside[0][3].endswith(f",{INNER[4]}")


@pytest.mark.thorough
def test_a_fresh_exchange_names_the_port_that_the_server_saw(opened: Opened) -> None:
    rows = dissected(opened.capture, "udp.srcport", "udp.dstport")
    assert rows
    assert all(opened.our_port in row for row in rows)


def test_a_file_with_keys_is_for_its_owner_alone_and_the_screen_shows_none(opened: Opened) -> None:
    assert opened.capture.stat().st_mode & 0o777 == 0o600
    assert 'the private key of the identity "bastion"' in opened.said
    for secret in (opened.ours, PSK):
        assert secret.to_text().encode() in opened.capture.read_bytes()
        assert secret.to_text() not in opened.said


@pytest.mark.parametrize(
    "line",
    [
        "LOCAL_STATIC_PRIVATE_KEY",
        "REMOTE_STATIC_PUBLIC_KEY",
        "LOCAL_EPHEMERAL_PRIVATE_KEY",
        "PRESHARED_KEY",
    ],
)
@pytest.mark.thorough
def test_no_key_is_in_the_file_that_wireshark_does_not_need(
    tmp_path: Path, opened: Opened, line: str
) -> None:
    whole = opened.capture.read_bytes()
    lacking = tmp_path / "lacking.pcapng"
    lacking.write_bytes(whole.replace(f"{line} =".encode(), f"{'#' * len(line)} =".encode()))
    assert lacking.read_bytes() != whole
    assert not VERIFIED & {row[0] for row in dissected(lacking, "wg.handshake_ok")}
