"""Names of addresses: reverse lookups, which show a DNS server whom somebody asks about. Only on request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Mapping
from threading import Thread

from wgmon_tui.text import printable

_TIMEOUT_S = 3.0
_LONGEST_NAME = 80


async def look_up_names(addresses: Iterable[str]) -> Mapping[str, str]:
    """The name of each address that has one; within three seconds. Control characters are escaped."""
    distinct = tuple(dict.fromkeys(addresses))
    lookups = [asyncio.ensure_future(_look_up(each)) for each in distinct]
    if not lookups:
        return {}
    done, late = await asyncio.wait(lookups, timeout=_TIMEOUT_S)
    for lookup in late:
        lookup.cancel()
    found = zip(distinct, lookups, strict=True)
    return {address: lookup.result() for address, lookup in found if lookup in done and lookup.result()}


async def _look_up(address: str) -> str:
    """Run getnameinfo in a daemon thread: a lookup that hangs ends with the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def deliver(name: str) -> None:
        if not answer.done():
            answer.set_result(name)

    def look_up() -> None:
        name = ""
        with contextlib.suppress(OSError, UnicodeError):
            name = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]
        with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
            loop.call_soon_threadsafe(deliver, printable(name)[:_LONGEST_NAME])

    Thread(target=look_up, name="names of hops", daemon=True).start()
    return await answer
