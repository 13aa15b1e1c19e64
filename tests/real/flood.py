"""A flood of handshakes with a valid MAC1 and random content, which costs a server CPU."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Event, Thread

from tests.real.server import RealServer
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import CookieDemanded
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

_BURST = 900
"""More handshakes than any server accepts without cookies: the Linux kernel accepts 512 that wait."""

_BURSTS = 20
"""How many bursts bring a server to ask for cookies: of a single one a busy machine may read too slowly."""

SMALL_BURST = 200
"""wireguard-go accepts 128 that wait. Its socket holds all of these, so its clients lose nothing.

A full socket loses what clients send as well: a fetch ends, and a check is silent, whatever they do.
"""

_UDP_SEGMENT = 103  # udp(7); the socket module has no name for it
_SEGMENTS = 60  # Linux splits up to 64

_EVERY_S = 0.3
"""A server that demands cookies continues for one second."""


def junk_initiation(server: PublicKey) -> bytes:
    message = b"\x01\0\0\0" + os.urandom(112)
    return message + Mac1(server).compute(message) + NO_MAC


def send_all(server: RealServer, packets: Sequence[bytes]) -> None:
    """Send packets of the same length."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        _send_from(sender, server, packets)


def _send_from(sender: socket.socket, server: RealServer, packets: Sequence[bytes]) -> None:
    """Send many packets with one call: each call may wait for the other threads of this process.

    Without that, a server stays frozen for as long as a burst takes on a busy machine.
    """
    address, port = server.endpoint(4)
    for number in range(0, len(packets), _SEGMENTS):
        some = packets[number : number + _SEGMENTS]
        sender.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, len(some[0]))
        sender.sendto(b"".join(some), (str(address), port))


async def check_under_load(
    server: RealServer,
    aim: Target,
    prober: Prober,
    *,
    frozen: Callable[[], AbstractContextManager[object]] = nullcontext,
    burst: int = _BURST,
) -> Check:
    """Send bursts until a check meets the demand for a cookie; return that check.

    While `frozen`, a server does not read, so that it finds all of a burst at once.
    """
    junk = [junk_initiation(server.public_key) for _ in range(burst)]
    for _ in range(_BURSTS):
        with frozen(), server.vantage():
            send_all(server, junk)
        check = await prober.check(aim, server.endpoint(4)[0])
        if any(isinstance(each, CookieDemanded) for each in check.evidence):
            return check
    raise AssertionError("it cannot be brought to ask for cookies")


@contextmanager
def flooded(server: RealServer, frozen: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """It wakes to one burst after the other; from the beginning it asks for cookies.

    Whether it does is seen from what it answers. The bursts are large only if small ones do not suffice.
    """
    junk = [junk_initiation(server.public_key) for _ in range(_BURST)]
    over = Event()

    def asks_for_cookies(burst: int) -> bool:
        with server.vantage(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            with frozen():
                _send_from(sender, server, junk[:burst])
            sender.settimeout(_EVERY_S)
            with suppress(TimeoutError):
                return message_type(sender.recv(2048)) is MessageType.COOKIE_REPLY
        return False

    sizes = [SMALL_BURST] * (_BURSTS // 2) + [_BURST] * _BURSTS
    enough = next((burst for burst in sizes if asks_for_cookies(burst)), None)
    assert enough, "it cannot be brought to ask for cookies"

    def go_on(burst: int) -> None:
        while not over.wait(_EVERY_S):
            asks_for_cookies(burst)

    flood = Thread(target=go_on, args=(enough,))
    flood.start()
    try:
        yield
    finally:
        over.set()
        flood.join()
