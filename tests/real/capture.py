"""UDP packets as a classic pcap file, for Wireshark's dissector."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path

_RAW_IP = 101  # LINKTYPE_RAW: a packet begins with its IP header
_UDP = 17

Socket = tuple[IPv4Address, int]


def write_pcap(file: Path, packets: Iterable[tuple[Socket, Socket, bytes]]) -> None:
    """Write (source, destination, UDP payload) triples, a millisecond apart."""
    with file.open("wb") as out:
        out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP))
        for number, (source, destination, payload) in enumerate(packets):
            packet = _datagram(source, destination, payload)
            out.write(struct.pack("=IIII", 1_700_000_000, number * 1000, len(packet), len(packet)) + packet)


def _datagram(source: Socket, destination: Socket, payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    header = struct.pack("!BBHIBBH", 0x45, 0, 20 + len(udp), 0, 64, _UDP, 0)
    return header + source[0].packed + destination[0].packed + udp
