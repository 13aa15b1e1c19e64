"""Names to addresses without blocking the engine: getaddrinfo in threads, answers kept for a while."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from wgmon_tui.fleet.records import Address, Endpoint

KEPT_FOR_S = 30.0
"""How long an answer is used again. A name that moves is seen after this time at the latest."""

_THREADS = 16


class ResolutionError(Exception):
    """The name has no address now. The message is the resolver's own word."""


class Resolver:
    """Looks names up; every A and AAAA address, in the order in which the system prefers them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._kept: dict[str, tuple[float, tuple[Address, ...]]] = {}

    def close(self) -> None:
        """Let the threads go; a lookup that hangs ends with the process."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> tuple[Address, ...]:
        """The addresses of an endpoint's host, without duplicates. Raises ResolutionError."""
        try:
            return (ip_address(endpoint.host),)
        except ValueError:
            pass
        kept = self._kept.get(endpoint.host)
        if kept and time.monotonic() - kept[0] < KEPT_FOR_S:
            return kept[1]
        loop = asyncio.get_running_loop()
        lookup = loop.run_in_executor(
            self._threads, socket.getaddrinfo, endpoint.host, endpoint.port, 0, socket.SOCK_DGRAM
        )
        try:
            found = await asyncio.wait_for(lookup, timeout_s)
        except TimeoutError:
            raise ResolutionError(f"the resolver did not answer within {timeout_s:g} s") from None
        except socket.gaierror as error:
            raise ResolutionError(error.strerror or "no answer") from None
        except UnicodeError:
            raise ResolutionError("not a valid host name") from None
        addresses = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
        self._kept[endpoint.host] = (time.monotonic(), addresses)
        return addresses
