"""Rebuilt headers of TCP and ICMP, as Wireshark reads them."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.real.namespaces import run
from tests.real.prerequisites import require
from wgmon_tui.checks.transport import IpProtocol
from wgmon_tui.output.ip_headers import Socket, TcpNumbers
from wgmon_tui.output.pcapng import CapturedPacket, capture

OURS: dict[int, Socket] = {
    4: (ip_address("192.0.2.1"), 50000),
    6: (ip_address("2001:db8::1"), 50000),
}
SERVERS: dict[int, Socket] = {
    4: (ip_address("192.0.2.7"), 50001),
    6: (ip_address("2001:db8::7"), 50001),
}
PING = {4: b"\x08\0\0\0\0\x01\0\x01token", 6: b"\x80\0\0\0\0\x01\0\x01token"}
AT_NS = 1_700_000_000 * 10**9


def dissected(tmp_path: Path, *packets: CapturedPacket) -> list[list[str]]:
    require("tshark")
    file = tmp_path / "packets.pcapng"
    file.write_bytes(b"".join(capture(packets, application="tests", interface="tests")))
    fields = (
        *("tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"),
        *("tcp.len", "tcp.analysis.flags", "_ws.malformed"),
    )
    wanted = [part for field in fields for part in ("-e", field)]
    lines = run("tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-T", "fields", *wanted)
    return [line.split("\t") for line in lines.splitlines()]


@pytest.mark.thorough
@pytest.mark.parametrize("version", [4, 6])
def test_wireshark_finds_no_fault_in_a_stream_of_tcp(tmp_path: Path, version: int) -> None:
    ours, servers = OURS[version], SERVERS[version]
    tcp = IpProtocol.TCP
    asked = CapturedPacket(AT_NS, ours, servers, bytes(50), True, "", tcp, TcpNumbers(1, 1))
    answer = CapturedPacket(AT_NS + 1, servers, ours, b"world", False, "", tcp, TcpNumbers(1, 51))
    found = dissected(tmp_path, asked, answer)
    assert found == [["1", "", "", "50", "", ""], ["1", "", "", "5", "", ""]]


@pytest.mark.thorough
@pytest.mark.parametrize("version", [4, 6])
def test_wireshark_finds_no_fault_in_a_ping(tmp_path: Path, version: int) -> None:
    ping = CapturedPacket(AT_NS, OURS[version], SERVERS[version], PING[version], True, "", IpProtocol.ICMP)
    [found] = dissected(tmp_path, ping)
    assert found == ["", "1", "", "", "", ""] if version == 4 else ["", "", "1", "", "", ""]
