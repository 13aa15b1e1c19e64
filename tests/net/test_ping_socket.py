"""Pings over a socket of this machine, with a host that answers late."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from wgmon_tui.net.ping_socket import ping

_ECHO_REPLY = b"\0"


class ConnectedSocket(socket.socket):
    """One end of a pair, which is connected already."""

    def connect(self, _address: object) -> None:
        pass


async def test_a_late_reply_to_an_earlier_echo_counts_with_its_whole_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened = ConnectedSocket(fileno=ours.detach())
    with monkeypatch.context() as patched:
        patched.setattr("socket.socket", lambda *_: opened)
        running = asyncio.create_task(ping(ip_address("192.0.2.1"), 0.6))
        await asyncio.sleep(0)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    with theirs:
        first = await loop.sock_recv(theirs, 2048)
        await loop.sock_recv(theirs, 2048)  # the second echo: the time of the first one is over
        await loop.sock_sendall(theirs, _ECHO_REPLY + first[1:])
        found = await running
    assert found.rtt is not None
    assert found.rtt >= 0.2
    assert len(found.sent) == 2
