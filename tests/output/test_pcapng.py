from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.key_log import KeyLog, KeyLogFormat
from wgmon_tui.checks.transport import IpProtocol
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.ip_headers import Socket, TcpNumbers, ip_packet
from wgmon_tui.output.pcapng import CapturedPacket, capture

SECTION_HEADER, INTERFACE, PACKET, SECRETS = 0x0A0D0D0A, 1, 6, 10
COMMENT, FLAGS = 1, 2

ports = st.integers(1, 65535)
payloads = st.binary(max_size=1500)


@st.composite
def datagrams(draw: st.DrawFn) -> CapturedPacket:
    addresses: st.SearchStrategy[Address] = draw(
        st.sampled_from([st.ip_addresses(v=4), st.ip_addresses(v=6)])
    )
    source, destination = ((draw(addresses), draw(ports)) for _ in range(2))
    at_ns = draw(st.integers(0, 2**63))
    return CapturedPacket(at_ns, source, destination, draw(payloads), draw(st.booleans()), draw(st.text()))


@dataclass(frozen=True)
class Block:
    """Parse a file by the specification alone."""

    kind: int
    body: bytes

    def options(self, after: int) -> dict[int, bytes]:
        found, at = {}, after
        while at < len(self.body):
            code, length = struct.unpack_from("<HH", self.body, at)
            if code == 0:
                break
            found[code] = self.body[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4
        return found

    @property
    def packet(self) -> bytes:
        length = struct.unpack_from("<I", self.body, 12)[0]
        return self.body[20 : 20 + length]

    @property
    def at_ns(self) -> int:
        high, low = struct.unpack_from("<II", self.body, 4)
        return int(high << 32 | low)

    @property
    def packet_options(self) -> dict[int, bytes]:
        return self.options(20 + len(self.packet) + -len(self.packet) % 4)


def blocks(file: bytes) -> list[Block]:
    found, at = [], 0
    while at < len(file):
        kind, length = struct.unpack_from("<II", file, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", file, at + length - 4)[0] == length
        found.append(Block(kind, file[at + 8 : at + length - 4]))
        at += length
    return found


def written(*packets: CapturedPacket, comment: str = "", key_logs: tuple[KeyLog, ...] = ()) -> list[Block]:
    parts = capture(packets, application="tests", interface="local", comment=comment, key_logs=key_logs)
    return blocks(b"".join(parts))


def sums_up(data: bytes) -> bool:
    """Return whether the ones' complement sum over data with its checksum is all ones (RFC 1071)."""
    words = data + bytes(len(data) % 2)
    return sum(int.from_bytes(words[at : at + 2]) for at in range(0, len(words), 2)) % 0xFFFF == 0


def udp_of(packet: bytes) -> tuple[bytes, bytes]:
    """Return the pseudo-header's addresses and the UDP datagram of an IP packet."""
    return (packet[8:40], packet[40:]) if packet[0] >> 4 == 6 else (packet[12:20], packet[20:])


@given(st.lists(datagrams(), max_size=5))
def test_every_datagram_is_a_packet_block_with_its_time_payload_direction_and_comment(
    sent: list[CapturedPacket],
) -> None:
    header, interface, *packets = written(*sent)
    assert (header.kind, interface.kind) == (SECTION_HEADER, INTERFACE)
    for datagram, block in zip(sent, packets, strict=True):
        assert block.kind == PACKET
        assert block.at_ns == datagram.at_ns
        assert udp_of(block.packet)[1][8:] == datagram.payload
        options = block.packet_options
        assert options[FLAGS][0] == (2 if datagram.outbound else 1)
        said = options.get(COMMENT, b"").decode()
        assert said == datagram.comment.encode(errors="backslashreplace").decode()


@given(datagrams())
def test_the_headers_name_both_ends_and_their_checksums_hold(datagram: CapturedPacket) -> None:
    packet = ip_packet(datagram.source, datagram.destination, datagram.payload)
    addresses, udp = udp_of(packet)
    assert addresses == datagram.source[0].packed + datagram.destination[0].packed
    source, destination, length, checksum = struct.unpack_from("!HHHH", udp)
    assert (source, destination, length) == (datagram.source[1], datagram.destination[1], len(udp))
    assert checksum != 0
    assert sums_up(addresses + struct.pack("!II", length, 17) + udp)
    if packet[0] >> 4 == 4:
        assert sums_up(packet[:20])
        assert int.from_bytes(packet[2:4]) == len(packet)
    else:
        assert int.from_bytes(packet[4:6]) == len(udp)


def test_a_checksum_that_comes_to_nothing_is_written_as_all_ones() -> None:
    source: Socket = (IPv6Address("::1"), 1)
    destination: Socket = (IPv6Address("::2"), 2)
    checksum = struct.unpack_from("!H", ip_packet(source, destination, bytes(2)), 40 + 6)[0]
    # The payload is the checksum that zeros would give: the sum is then all ones, and its complement zero.
    packet = ip_packet(source, destination, struct.pack("!H", checksum))
    assert struct.unpack_from("!H", packet, 40 + 6)[0] == 0xFFFF


def test_the_key_log_stands_before_the_packets_that_it_opens() -> None:
    ours, servers = (IPv4Address("192.0.2.1"), 50000), (IPv4Address("192.0.2.7"), 51820)
    datagram = CapturedPacket(0, ours, servers, b"x", outbound=True)
    lines = "LOCAL_STATIC_PRIVATE_KEY = …\n"
    found = written(datagram, key_logs=(KeyLog(KeyLogFormat.WIREGUARD, lines),))
    assert [block.kind for block in found] == [SECTION_HEADER, INTERFACE, SECRETS, PACKET]
    kind, length = struct.unpack_from("<II", found[2].body)
    assert kind.to_bytes(4) == b"WGKL"
    assert found[2].body[8 : 8 + length].decode() == lines
    assert SECRETS not in [block.kind for block in written(datagram)]


def test_a_key_log_that_wireshark_reads_from_a_table_is_not_in_the_file() -> None:
    assert SECRETS not in [block.kind for block in written(key_logs=(KeyLog(KeyLogFormat.ESP, "x"),))]


@given(datagrams(), st.integers(1, 2**32 - 1))
def test_a_segment_of_tcp_stands_where_it_belongs_in_its_stream(sent: CapturedPacket, sequence: int) -> None:
    numbers = TcpNumbers(sequence, 7)
    packet = ip_packet(sent.source, sent.destination, sent.payload, IpProtocol.TCP, numbers)
    addresses, segment = udp_of(packet)
    assert struct.unpack_from("!HHII", segment) == (sent.source[1], sent.destination[1], sequence, 7)
    assert segment[(segment[12] >> 4) * 4 :] == sent.payload
    assert sums_up(addresses + struct.pack("!II", len(segment), 6) + segment)


@given(datagrams())
def test_the_checksum_of_a_ping_is_computed_anew(sent: CapturedPacket) -> None:
    message = b"\x80\0\xff\xff" + sent.payload
    packet = ip_packet(sent.source, sent.destination, message, IpProtocol.ICMP)
    addresses, icmp = udp_of(packet)
    is_ipv6 = packet[0] >> 4 == 6
    assert packet[6 if is_ipv6 else 9] == (58 if is_ipv6 else 1)
    assert sums_up((addresses + struct.pack("!II", len(icmp), 58) if is_ipv6 else b"") + icmp)
    assert icmp[4:] == sent.payload


@given(st.text(min_size=1, max_size=4).map(lambda text: 4100 * text))
def test_a_comment_that_is_too_long_for_its_field_is_cut_and_stays_text(comment: str) -> None:
    (header, _) = written(comment=comment)
    said = header.options(16)[COMMENT].decode()
    assert len(said.encode()) <= 4096
    assert comment.encode(errors="backslashreplace").decode().startswith(said)
