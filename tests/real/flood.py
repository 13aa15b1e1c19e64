"""Junk that costs a server work: its MAC1 is right, the rest is noise."""

from __future__ import annotations

import os
import socket

from tests.real.server import RealServer
from wgmon_tui.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.wireguard.keys import PublicKey


def junk_initiation(server: PublicKey) -> bytes:
    message = b"\x01\0\0\0" + os.urandom(112)
    return message + Mac1(server).of(message) + NO_MAC


def send_all(server: RealServer, packets: list[bytes]) -> None:
    address, port = server.endpoint(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, (str(address), port))
