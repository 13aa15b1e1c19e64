"""A non-blocking resolver: getaddrinfo in threads, with a cache."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import replace
from ipaddress import ip_address
from threading import Thread

from wgmon_tui.net.addresses import Address, Endpoint, parse_address
from wgmon_tui.net.host_names import InvalidHostNameError, encode_host
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_limit, format_list

CACHE_TTL_S = 30.0
"""How long a cached answer is valid. After a failed check the name is resolved again at once."""

_THREADS = 16
_OVERDUE_S = 2.0
"""A lookup that takes longer gives its place to the next one: names that hang do not hold up the others."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """An answer of the resolver. `at` is when it arrived on the monotonic clock, `took` how long it took."""

    addresses: tuple[Address, ...]
    at: float
    took: float = 0.0


_RunningLookup = asyncio.Future[Lookup]


class ResolutionError(Exception):
    """A name did not resolve. The message comes from the resolver.

    `is_by_time` tells whether nothing answered in time, so that nothing is known of the name.
    """

    def __init__(self, message: str, *, is_by_time: bool = False) -> None:
        super().__init__(message)
        self.is_by_time = is_by_time


class Resolver:
    """Resolves names to all A and AAAA addresses, in the system's order of preference."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_THREADS)
        self._cache: dict[str, Lookup] = {}
        self._running: dict[str, _RunningLookup] = {}

    def last_lookup(self, host: str) -> Lookup | None:
        """The last answer for a host; None if it is an address, or has never resolved."""
        return self._cache.get(host)

    async def resolve(
        self, endpoint: Endpoint, timeout_s: float, newer_than: float = float("-inf")
    ) -> tuple[Address, ...]:
        """Resolve an endpoint's host to addresses without duplicates. Raises ResolutionError.

        `newer_than` is a time of the monotonic clock: an answer that was received before is not used.
        """
        if literal := parse_address(endpoint.host):
            return (literal,)
        cached = self._cache.get(endpoint.host)
        if cached and cached.at > max(newer_than, time.monotonic() - CACHE_TTL_S):
            return cached.addresses
        try:
            async with asyncio.timeout(timeout_s):
                # Shielded, because other checks may wait for the same lookup.
                found = await asyncio.shield(self._lookup(endpoint))
        except TimeoutError:
            message = f"the resolver did not answer within {format_limit(timeout_s)}"
            raise ResolutionError(message, is_by_time=True) from None
        except OSError as error:  # gaierror, or this machine lacks file descriptors or memory
            is_by_time = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise ResolutionError(error.strerror or "no answer", is_by_time=is_by_time) from None
        except InvalidHostNameError as error:
            raise ResolutionError(str(error)) from None
        except ValueError:  # UnicodeError among them
            raise ResolutionError("not a valid host name") from None
        if unusable := [str(each) for each in found.addresses if _is_unusable(each)]:
            found = replace(
                found, addresses=tuple(each for each in found.addresses if not _is_unusable(each))
            )
            if not found.addresses:
                raise ResolutionError(f"it has only {format_list(unusable)}, which no server can have")
        self._cache[endpoint.host] = found
        return found.addresses

    def _lookup(self, endpoint: Endpoint) -> _RunningLookup:
        """The lookup of a host that runs now; starts one if there is none."""
        running = self._running.get(endpoint.host)
        if running is None:
            running = self._running[endpoint.host] = asyncio.ensure_future(self._look_up(endpoint))
            running.add_done_callback(lambda done: self._end_lookup(endpoint.host, done))
        return running

    def _end_lookup(self, host: str, done: _RunningLookup) -> None:
        if self._running.get(host) is done:
            del self._running[host]
        if not done.cancelled():
            done.exception()  # nobody may be waiting any more; asyncio would log the exception

    async def _look_up(self, endpoint: Endpoint) -> Lookup:
        """Run getaddrinfo in a daemon thread, so that a hanging lookup ends with the process.

        A thread pool would wait for its threads at exit; the system's resolver may take half a minute.
        """
        async with self._places:
            loop, began = asyncio.get_running_loop(), time.monotonic()
            answer: asyncio.Future[tuple[Address, ...]] = loop.create_future()

            def deliver(outcome: tuple[Address, ...] | Exception) -> None:
                if answer.cancelled():
                    return
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)

            def look_up() -> None:
                outcome: tuple[Address, ...] | Exception
                try:
                    host = encode_host(endpoint.host)
                    found = socket.getaddrinfo(host, endpoint.port, 0, socket.SOCK_DGRAM)
                    outcome = tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
                except (OSError, ValueError) as error:
                    outcome = error
                with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
                    loop.call_soon_threadsafe(deliver, outcome)

            Thread(target=look_up, name="resolve", daemon=True).start()
            try:
                await asyncio.wait((answer,), timeout=_OVERDUE_S)
            except asyncio.CancelledError:
                answer.cancel()
                raise
        addresses, now = await answer, time.monotonic()
        return Lookup(addresses, now, now - began)


def _is_unusable(address: Address) -> bool:
    """Whether no server can have this address. DNS filters answer 0.0.0.0 or :: for names that they hide."""
    return address.is_unspecified or address.is_multicast


def is_literal(host: str) -> bool:
    """Whether a host is an address, so that nothing resolves it."""
    return parse_address(host) is not None
