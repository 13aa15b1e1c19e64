"""Host names of the matrix: the system's resolver answers for them in this process only."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from wgmon_tui.net.addresses import Address

NAMES: dict[str, tuple[Address, ...]] = {}
"""The addresses of each name. A change is in force at once: nothing caches here."""

_ask_the_system = socket.getaddrinfo


@contextmanager
def names() -> Iterator[None]:
    """Answer for NAMES within the block."""
    with mock.patch.object(socket, "getaddrinfo", _answer):
        yield


def _answer(host: Any, port: Any, *arguments: Any, **settings: Any) -> list[Any]:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in NAMES:
        return list(_ask_the_system(host, port, *arguments, **settings))
    return [
        each
        for address in NAMES[name]
        for each in _ask_the_system(str(address), port, *arguments, **settings)
    ]
