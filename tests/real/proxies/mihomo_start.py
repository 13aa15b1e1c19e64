"""When mihomo has started: some time after it listens. Until then it closes every connection that comes."""

from __future__ import annotations

import http.client
import time
from contextlib import closing

_READY_WITHIN_S = 20.0


def http_listener(port: int) -> dict[str, object]:
    """A listener through which `await_forwarding` looks."""
    return {"name": "http", "type": "http", "listen": "127.0.0.1", "port": port}


def await_forwarding(port: int, page: str) -> None:
    """Wait until a page comes through the listener."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_WITHIN_S)) as connection:
            try:
                connection.request("GET", page)
                if connection.getresponse().status < 500:
                    return
            except (OSError, http.client.HTTPException):
                pass
        assert time.monotonic() < deadline, f"{page} does not come through mihomo"
        time.sleep(0.02)
