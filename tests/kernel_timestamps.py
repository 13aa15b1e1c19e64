"""Kernel timestamps, for tests of the time at which a datagram arrived."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket

PATIENCE_S = 30.0
"""How long the kernel may take until it stamps: the work that begins it waits for the processor, too."""

_PAUSE_S = 0.005
"""Seconds between arrival and reading, which tell the stamp of the one from the stamp of the other."""


@pytest.fixture(scope="package", autouse=True)
def kernel_that_stamps() -> Iterator[None]:
    """A kernel that timestamps every datagram on receipt.

    It begins to do so some milliseconds after the first socket on the machine asks for it, and stops with
    the last one; in between it stamps when the datagram is read. No event shows when it begins.
    """
    received: list[Datagram] = []
    listener = open_udp_socket(socket.AF_INET, received.append, lambda _: None)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            deadline = time.monotonic() + PATIENCE_S
            while not _is_stamped_on_receipt(sender, listener, received):
                if time.monotonic() > deadline:
                    pytest.fail(f"the kernel stamps no datagram on receipt within {PATIENCE_S:g} s")
        yield
    finally:
        listener._socket.close()


def _is_stamped_on_receipt(sender: socket.socket, listener: DatagramSocket, received: list[Datagram]) -> bool:
    sender.sendto(b"", ("127.0.0.1", listener.port))
    arrived_ns = time.time_ns()
    time.sleep(_PAUSE_S)
    listener.drain()
    return bool(received) and received[-1].received_ns <= arrived_ns
