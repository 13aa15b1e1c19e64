"""The child process of boringtun.py: boringtun as mitmproxy embeds it, once for each host.

Reads one JSON object from stdin, {"hosts": [addresses], "private_key": …, "peers": [public keys]}, prints the
ports, and runs until stdin is closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress

from mitmproxy_rs import Stream
from mitmproxy_rs.wireguard import start_wireguard_server

from tests.real.fetching import BODY, HEADER, REQUEST


async def _ignore(stream: Stream) -> None:
    await stream.wait_closed()


async def _serve(stream: Stream) -> None:
    """Serve a client as tests/real/fetching.py does, at each inner address and port."""
    with suppress(OSError):
        stream.write(bytes(HEADER))
        wanted = REQUEST
        while wanted > 0 and (read := await stream.read(65536)):
            wanted -= len(read)
        stream.write(bytes(BODY))
        await stream.drain()
        stream.write_eof()  # type: ignore[no-untyped-call]
        while await stream.read(65536):
            pass
    stream.close()  # type: ignore[no-untyped-call]


async def main() -> None:
    setup = json.loads(sys.stdin.readline())
    servers = [
        await start_wireguard_server(host, 0, setup["private_key"], setup["peers"], _serve, _ignore)
        for host in setup["hosts"]
    ]
    print(json.dumps([server.getsockname()[1] for server in servers]), flush=True)
    # From here on it complains of nothing but packets that are not WireGuard.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    await asyncio.to_thread(sys.stdin.read)
    for server in servers:
        server.close()
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
