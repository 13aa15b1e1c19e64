"""Names to addresses without blocking the engine: getaddrinfo in threads, answers kept for a while."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from functools import lru_cache
from ipaddress import ip_address
from threading import Thread

from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.text import format_limit

CACHE_TTL_S = 30.0
"""How long an answer is used again. A name that moves is seen after this time at the latest."""

_THREADS = 16


class ResolutionError(Exception):
    """The name has no address now. The message is the resolver's own word."""


class Resolver:
    """Looks names up; every A and AAAA address, in the order in which the system prefers them."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(_THREADS)
        self._cache: dict[str, tuple[float, tuple[Address, ...]]] = {}

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> tuple[Address, ...]:
        """The addresses of an endpoint's host, without duplicates. Raises ResolutionError."""
        if literal := _parse_literal(endpoint.host):
            return (literal,)
        cached = self._cache.get(endpoint.host)
        if cached and time.monotonic() - cached[0] < CACHE_TTL_S:
            return cached[1]
        try:
            addresses = await asyncio.wait_for(self._look_up(endpoint), timeout_s)
        except TimeoutError:
            raise ResolutionError(f"the resolver did not answer within {format_limit(timeout_s)}") from None
        except OSError as error:  # gaierror, and whatever our own system lacks: file descriptors, memory
            raise ResolutionError(error.strerror or "no answer") from None
        except ValueError:  # UnicodeError among them
            raise ResolutionError("not a valid host name") from None
        self._cache[endpoint.host] = (time.monotonic(), addresses)
        return addresses

    async def _look_up(self, endpoint: Endpoint) -> tuple[Address, ...]:
        """getaddrinfo in a daemon thread, so that a lookup that hangs ends with the process.

        The threads of a pool are waited for at exit, and the system's resolver may take half a minute.
        """
        await self._threads.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Address, ...]] = loop.create_future()

        def deliver(outcome: tuple[Address, ...] | Exception) -> None:
            self._threads.release()
            if answer.cancelled():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        def look_up() -> None:
            outcome: tuple[Address, ...] | Exception
            try:
                found = socket.getaddrinfo(endpoint.host, endpoint.port, 0, socket.SOCK_DGRAM)
                outcome = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
            except (OSError, ValueError) as error:
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(deliver, outcome)

        Thread(target=look_up, name="resolve", daemon=True).start()
        return await answer


@lru_cache(65536)
def _parse_literal(host: str) -> Address | None:
    """The address that a host already is; remembered, because every check asks."""
    try:
        return ip_address(host)
    except ValueError:
        return None
