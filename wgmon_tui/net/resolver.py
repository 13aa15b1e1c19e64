"""A non-blocking resolver: getaddrinfo in threads, with a cache."""

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
"""How long a cached answer is valid. A changed name is noticed after this time at the latest."""

_THREADS = 16


class ResolutionError(Exception):
    """A name did not resolve. The message comes from the resolver."""


class Resolver:
    """Resolves names to all A and AAAA addresses, in the system's order of preference."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(_THREADS)
        self._cache: dict[str, tuple[float, tuple[Address, ...]]] = {}

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> tuple[Address, ...]:
        """Resolve an endpoint's host to addresses without duplicates. Raises ResolutionError."""
        if literal := _parse_literal(endpoint.host):
            return (literal,)
        cached = self._cache.get(endpoint.host)
        if cached and time.monotonic() - cached[0] < CACHE_TTL_S:
            return cached[1]
        try:
            addresses = await asyncio.wait_for(self._look_up(endpoint), timeout_s)
        except TimeoutError:
            raise ResolutionError(f"the resolver did not answer within {format_limit(timeout_s)}") from None
        except OSError as error:  # gaierror, or this machine lacks file descriptors or memory
            raise ResolutionError(error.strerror or "no answer") from None
        except ValueError:  # UnicodeError among them
            raise ResolutionError("not a valid host name") from None
        self._cache[endpoint.host] = (time.monotonic(), addresses)
        return addresses

    async def _look_up(self, endpoint: Endpoint) -> tuple[Address, ...]:
        """Run getaddrinfo in a daemon thread, so that a hanging lookup ends with the process.

        A thread pool would wait for its threads at exit; the system's resolver may take half a minute.
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
            with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
                loop.call_soon_threadsafe(deliver, outcome)

        Thread(target=look_up, name="resolve", daemon=True).start()
        return await answer


@lru_cache(65536)
def _parse_literal(host: str) -> Address | None:
    """Parse a host that is already an address; cached because every check needs it."""
    try:
        return ip_address(host)
    except ValueError:
        return None
