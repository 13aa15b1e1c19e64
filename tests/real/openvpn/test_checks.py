"""The prober against Debian's OpenVPN server: every wrapping, both transports, both versions of TLS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.real.capture import write_pcap
from tests.real.namespaces import run
from tests.real.openvpn.checking import make_openvpn_target, run_check
from tests.real.openvpn.server import (
    READY,
    OpenVpn,
    ServerSetup,
    authority,
    block,
    client_profile,
    running_server,
    static_key,
    wrappings,
)
from tests.real.prerequisites import require
from wgmon_tui.checks.check import Direction, Packet
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.openvpn import key_exchange, observations
from wgmon_tui.protocols.openvpn.local_clients import LocalClients
from wgmon_tui.protocols.openvpn.observations import find

WRAPPINGS = (
    "plain",
    "tls-auth",
    "tls-auth without a direction",
    "tls-auth with SHA256",
    "tls-crypt",
    "tls-crypt-v2",
    "tls-crypt-v2 with a cookie",
)
QUICK = {("tls-crypt-v2 with a cookie", "udp", "1.3"), ("tls-auth", "tcp", "1.2")}


def _cells() -> Iterator[object]:
    for wrapping in WRAPPINGS:
        for proto in ("udp", "tcp"):
            for version in ("1.2", "1.3"):
                quick = (wrapping, proto, version) in QUICK
                marks = () if quick else pytest.mark.thorough
                yield pytest.param(wrapping, proto, version, marks=marks)


@pytest.mark.parametrize(("wrapping", "proto", "version"), _cells())
def test_a_real_server_passes_every_stage(
    place: str, tmp_path: Path, wrapping: str, proto: str, version: str
) -> None:
    server_lines, client_lines = wrappings(tmp_path)[wrapping]
    setup = ServerSetup(proto=proto, wrapping=server_lines, more=f"tls-version-max {version}\n")
    with running_server(place, tmp_path, setup):
        profile = client_profile(setup, wrapping=client_lines)
        check, diagnosis = run_check(place, make_openvpn_target(profile))

    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
    assert [each.name for each in check.stages if each.outcome is StageOutcome.PASSED] == [
        *("reach", "reset", "tls", "key-exchange", "authenticate", "push-reply", "tunnel")
    ]
    assert (check.stages[0].seconds is not None) == (proto == "tcp"), "the time of the connection"
    tls = find(observations.TLS, check.evidence)
    assert tls is not None
    assert tls.values[0] == f"TLSv{version}"


@pytest.mark.thorough
@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_a_real_server_passes_every_stage_over_ipv6(place: str, tmp_path: Path, proto: str) -> None:
    setup = ServerSetup(proto=proto, address="::1")
    with running_server(place, tmp_path, setup):
        _, diagnosis = run_check(place, make_openvpn_target(client_profile(setup)))

    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis


@pytest.mark.thorough
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_real_server_takes_keys_of_the_older_derivation(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """A server before 2.6 knows no keys from TLS; this one is told that the client does not."""
    monkeypatch.setattr(key_exchange, "IV_PROTO", key_exchange.DATA_V2)
    setup = ServerSetup(more=f"tls-version-max {version}\n")
    with running_server(place, tmp_path, setup) as server:
        _, diagnosis = run_check(place, make_openvpn_target(client_profile(setup)))
        pushed = next(line for line in server.log.splitlines() if "'PUSH_REPLY," in line)

    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
    assert "tls-ekm" not in pushed


@pytest.mark.thorough
def test_the_exit_notification_frees_the_address(place: str, tmp_path: Path) -> None:
    """A pool of two addresses serves more checks than it has addresses."""
    pool = 'mode server\ntls-server\nifconfig 10.88.0.1 255.255.255.0\npush "topology subnet"\n'
    pool += 'push "route-gateway 10.88.0.1"\nifconfig-pool 10.88.0.2 10.88.0.3 255.255.255.0\n'
    setup = ServerSetup(pool=pool)
    with running_server(place, tmp_path, setup) as server:
        for number in range(4):
            issued = authority().issue(f"monitor{number}")
            target = make_openvpn_target(client_profile(setup, issued))
            _, diagnosis = run_check(place, target)
            assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
            assert server.await_line(f"[monitor{number}] Peer Connection Initiated")
            ended = f"monitor{number}/"
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not _has_ended(server.log, ended):
                time.sleep(0.1)
            assert _has_ended(server.log, ended), server.log


def _has_ended(log: str, client: str) -> bool:
    return any(client in line and "SIGTERM" in line for line in log.splitlines())


def test_a_check_harms_no_user_who_is_connected(place: str, tmp_path: Path) -> None:
    """A user is connected while the same profile is checked without leave, and another one with it."""
    setup = ServerSetup(wrapping=block("tls-crypt", static_key()))
    with running_server(place, tmp_path, setup) as server:
        profile = client_profile(setup)
        user = OpenVpn(place, tmp_path, profile, "--ifconfig-noexec", "--route-noexec")
        try:
            assert user.await_line(READY), user.log
            not_dedicated = run_check(place, make_openvpn_target(profile, dedicated=False))[1]
            in_use = run_check(place, make_openvpn_target(profile))
            own = client_profile(setup, authority().issue("wgmon-tui"))
            healthy = run_check(place, make_openvpn_target(own))[1]
            log = user.log
        finally:
            user.stop()

    assert not_dedicated.verdict is Verdict.UNPROVEN
    assert "not tested" in not_dedicated.summary
    used = find(observations.IN_USE, in_use[0].evidence)
    assert used is not None
    assert used.values == (str(user.pid),)
    assert healthy.verdict is Verdict.HEALTHY
    assert log.count(READY) == 1
    assert "restarting" not in log
    assert "previous active sessions" not in server.log


@pytest.mark.thorough
def test_a_login_with_the_certificate_of_a_user_would_disconnect_him(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the refusal protects from."""
    monkeypatch.setattr(LocalClients, "find_user_of", lambda *_: None)
    setup = ServerSetup()
    with running_server(place, tmp_path, setup) as server:
        profile = client_profile(setup)
        user = OpenVpn(place, tmp_path, profile, "--ifconfig-noexec", "--route-noexec")
        try:
            assert user.await_line(READY), user.log
            run_check(place, make_openvpn_target(profile))
            assert server.await_line("previous active sessions", within_s=3.0)
        finally:
            user.stop()


@pytest.mark.thorough
@pytest.mark.parametrize("wrapping", ["plain", "tls-auth", "tls-crypt"])
def test_wireshark_dissects_every_packet(place: str, tmp_path: Path, wrapping: str) -> None:
    require("tshark")
    server_lines, client_lines = wrappings(tmp_path)[wrapping]
    setup = ServerSetup(wrapping=server_lines)
    with running_server(place, tmp_path, setup):
        check, _ = run_check(place, make_openvpn_target(client_profile(setup, wrapping=client_lines)))

    rows = _dissect(tmp_path / "exchange.pcap", check.exchange, wrapping)
    assert len(rows) == len(check.exchange)
    assert {row[1] for row in rows} == {""}, rows
    opcodes = [int(row[0], 0) for row in rows]
    assert opcodes[:2] == [7, 8]
    assert set(opcodes) <= {4, 5, 7, 8, 9}


def _dissect(path: Path, exchange: Sequence[Packet], wrapping: str) -> list[tuple[str, ...]]:
    """Opcode and complaint of each packet."""
    client, server = (IPv4Address("192.0.2.1"), 40000), (IPv4Address("192.0.2.2"), 1194)
    sent, received = (client, server), (server, client)
    write_pcap(
        path, [(*(sent if each.direction is Direction.SENT else received), each.data) for each in exchange]
    )
    options = ["-o", f"openvpn.tls_auth:{'TRUE' if wrapping == 'tls-auth' else 'FALSE'}"]
    reading = ["-r", str(path), "-d", "udp.port==1194,openvpn", *options]
    fields = ["-e", "openvpn.opcode", "-e", "_ws.malformed"]
    return [tuple(line.split("\t")) for line in run("tshark", *reading, "-T", "fields", *fields).splitlines()]
