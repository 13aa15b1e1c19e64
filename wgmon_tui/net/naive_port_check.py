"""The naive port check of a port monitor, to compare its false result with the verdict."""

from __future__ import annotations

import asyncio
import socket

from wgmon_tui.net.addresses import Address

OPEN_OR_FILTERED = "open|filtered"
CLOSED = "closed"
OPEN, FILTERED = "open", "filtered"
"""What it says of a TCP port."""

_WAIT_S = 1.0
_OF_TCP = (OPEN, FILTERED)


def describe_answer(answer: str | None, *, is_up: bool) -> str:
    """What a port monitor reports, by its last answer and whether the port is up since then.

    Over UDP, silence may be an open port. Over TCP, a port is open, closed, or gives no answer.
    """
    if is_up:
        return f"UP ({OPEN if answer in _OF_TCP else OPEN_OR_FILTERED})"
    return f"down ({'no answer' if answer == FILTERED else CLOSED})"


async def check_port_naively(address: Address, port: int) -> str | None:
    """Send a UDP datagram as a port monitor does, and interpret the result as it does.

    No answer or any answer means "open|filtered". Only ICMP port unreachable means "closed". Returns None if
    this machine could not send.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None
    loop = asyncio.get_running_loop()
    with probe:
        probe.setblocking(False)
        try:
            # A connected socket, as in a port monitor: it receives the ICMP error.
            probe.connect((str(address), port))
            probe.send(b"")
            async with asyncio.timeout(_WAIT_S):
                await loop.sock_recv(probe, 1)
        except ConnectionRefusedError:
            return CLOSED
        except TimeoutError:
            return OPEN_OR_FILTERED
        except OSError:
            return None
    return OPEN_OR_FILTERED


async def check_tcp_port_naively(address: Address, port: int) -> str | None:
    """Open a TCP connection as a port monitor does; None if this machine could not."""
    try:
        async with asyncio.timeout(_WAIT_S):
            _, writer = await asyncio.open_connection(str(address), port)
    except ConnectionRefusedError:
        return CLOSED
    except TimeoutError:
        return FILTERED
    except OSError:
        return None
    writer.close()
    return OPEN
