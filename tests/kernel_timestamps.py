"""Kernel timestamps, for tests of the time at which a datagram arrived."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.udp_socket import Datagram


@pytest.fixture(scope="package", autouse=True)
def kernel_that_stamps() -> Iterator[None]:
    """A kernel that timestamps every datagram on receipt.

    It begins to do so some milliseconds after the first socket on the machine asks for it, and stops with
    the last one; in between it stamps when the datagram is read.
    """
    received: list[Datagram] = []
    listener = open_udp_socket(socket.AF_INET, received.append, lambda _: None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(1000):
            sender.sendto(b"", ("127.0.0.1", listener.port))
            arrived = time.time_ns()
            time.sleep(0.005)  # the pause is what tells one kind of stamp from the other
            listener.drain()
            if received[-1].received_ns <= arrived:
                break
    yield
    listener._socket.close()
