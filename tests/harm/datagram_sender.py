"""Hostile datagrams: random, mutated, truncated and replayed ones, sent from another process."""

from __future__ import annotations

import multiprocessing
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.protocols.wireguard.forged_packets import (
    ICMP_KINDS,
    IcmpForger,
    forged_cookie_reply,
    forged_data,
    forged_initiation,
    forged_response,
)
from wgmon_tui.config.keys import PublicKey

Make = Callable[[random.Random], bytes]
"""Makes one datagram."""

_CONTEXT = multiprocessing.get_context("spawn")
_PREPARED = 5000
_BURST = 50


def random_bytes(source: random.Random) -> bytes:
    """Bytes of any length, under the head of a WireGuard message half of the time."""
    head = bytes((source.randint(1, 4), 0, 0, 0)) if source.random() < 0.5 else b""
    return head + source.randbytes(source.choice((0, 1, 4, 28, 44, 60, 88, 144, source.randint(0, 1500))))


def mutated(packets: Sequence[bytes]) -> Make:
    """A real packet with a few bits flipped."""

    def make(source: random.Random) -> bytes:
        packet = bytearray(source.choice(packets))
        for _ in range(source.randint(1, 4)):
            packet[source.randrange(len(packet))] ^= 1 << source.randrange(8)
        return bytes(packet)

    return make


def truncated(packets: Sequence[bytes]) -> Make:
    """The beginning of a real packet, or one with bytes behind it."""

    def make(source: random.Random) -> bytes:
        packet = source.choice(packets)
        if source.random() < 0.2:
            return packet + source.randbytes(source.randint(1, 64))
        return packet[: source.randrange(len(packet))]

    return make


def replayed(packets: Sequence[bytes]) -> Make:
    """A real packet."""
    return lambda source: source.choice(packets)


def forged(client: PublicKey, initiation: bytes) -> Make:
    """A well-formed packet that no server made: answers, cookie replies and data."""

    def make(source: random.Random) -> bytes:
        index = source.getrandbits(32)
        return source.choice(
            (forged_response(client, index), forged_cookie_reply(initiation), forged_data(index))
        )

    return make


def icmp_errors(forger: IcmpForger, prober: tuple[str, int], server: tuple[str, int]) -> Make:
    """An ICMP error of any kind about a packet from prober to server, without a quote."""
    return lambda source: forger.make(
        source.choice(ICMP_KINDS[4]), prober, server, mtu=source.getrandbits(16)
    )


def initiations(client: PublicKey) -> Make:
    """An initiation with a right mac1."""
    return lambda _: forged_initiation(client)


@contextmanager
def sending(
    through: socket.socket, to: tuple[str, int], make: Make, count: int, rate: float
) -> Iterator[None]:
    """Send `count` datagrams in another process, `rate` in a second, and wait for its end. 0 is full speed.

    It sends through a socket of this process, so that datagrams can have the server's address.
    """
    source = random.Random(count)
    prepared = [make(source) for _ in range(min(count, _PREPARED))]
    process = _CONTEXT.Process(target=_send, args=(through, to, prepared, count, rate))
    process.start()
    try:
        yield
    finally:
        process.join()


def is_sending() -> bool:
    """Whether the other process is still at work."""
    return bool(multiprocessing.active_children())


def _send(
    through: socket.socket, to: tuple[str, int], prepared: Sequence[bytes], count: int, rate: float
) -> None:
    began = time.monotonic()
    for number in range(count):
        if rate and number % _BURST == 0:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        with suppress(OSError):  # no room: that datagram is lost, as it may be on any way
            through.sendto(prepared[number % len(prepared)], to)
