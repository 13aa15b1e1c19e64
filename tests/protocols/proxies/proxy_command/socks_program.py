"""A program as users run it: reads a configuration of mihomo, and serves SOCKS5 with its login.

It connects directly, or refuses if the configuration has the password `WRONG`. With `LATE`, it closes its
first connections, as mihomo does while it starts. `silent` never listens. A second argument is a file for
the arguments and the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import Any


async def serve(config: dict[str, Any]) -> None:
    user, password = config["authentication"][0].split(":")
    is_wrong = config["proxies"][0].get("password") == "WRONG"

    is_late = config["proxies"][0].get("password") == "LATE"
    connections = count()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        name = await reader.readexactly(length)
        word = await reader.readexactly((await reader.readexactly(1))[0])
        if (name.decode(), word.decode()) != (user, password):
            writer.close()
            return
        writer.write(b"\x01\x00")
        kind = (await reader.readexactly(4))[3]
        host = await reader.readexactly(4 if kind == 1 else (await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        if is_wrong or (is_late and next(connections) < 2):
            writer.close()
            return
        address = ".".join(map(str, host)) if kind == 1 else host.decode()
        far_reader, far_writer = await asyncio.open_connection(address, port)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(answer, "127.0.0.1", config["socks-port"])
    await server.serve_forever()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


if sys.argv[1] == "silent":
    asyncio.run(asyncio.sleep(3600))
if len(sys.argv) > 2:
    Path(sys.argv[2]).write_text(repr((sys.argv, dict(os.environ))))
asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
