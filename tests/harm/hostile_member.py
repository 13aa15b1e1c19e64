"""A hostile member of the state directory's group.

`python -m tests.harm.hostile_member UID GID STATE SECONDS INCIDENT` becomes that account.
It holds as many connections as it gets, connects again and again, and floods the writer with notes, changes,
questions and garbage. It prints what the writer accepted, as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path

_LIMIT = 16 * 2**20


class HostileMember:
    """One account with many connections. `counts` has what was tried and what was accepted."""

    def __init__(self, socket: Path, incident: str) -> None:
        self._socket, self._incident = str(socket), incident
        self._held: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Do all of it for so long, and on a busy machine until each was tried once."""
        floods = [
            self._flood("notes on unknown incidents", op="note", incident="unknown", text="x" * 1000),
            self._flood("notes", op="note", incident=self._incident, text="y" * 1000),
            self._flood("pauses", op="pause", names=["down"]),
            self._flood("tests of a sink", op="test sink", names=["desk"] * 5000),
            self._flood("questions", op="stats"),
            self._flood("packets", op="round", names=["s0"]),
            self._flood("garbage", op="nonsense", text="z" * 500_000),
        ]
        doing = asyncio.gather(*floods, self._hold(), self._reconnect())
        await asyncio.wait({doing}, timeout=seconds)
        while not (
            self.counts["idle connections held"] and self.counts["notes on unknown incidents refused"]
        ):
            await asyncio.wait({doing}, timeout=0.1)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect. Returns None if the writer refuses."""
        try:
            reader, stream = await asyncio.open_unix_connection(self._socket, limit=_LIMIT)
        except OSError:
            return None
        with suppress(OSError):
            if b'"may"' in await reader.readline():
                return reader, stream
        stream.transport.abort()
        return None

    async def _hold(self) -> None:
        """Open connections and say nothing."""
        await asyncio.sleep(0.5)
        while True:
            self.counts["connections tried"] += 1
            if opened := await self._connect():
                held = asyncio.create_task(_wait_for_end(*opened))
                self._held.add(held)
                held.add_done_callback(self._held.discard)
                most = max(self.counts["idle connections held"], len(self._held))
                self.counts["idle connections held"] = most
            else:
                await asyncio.sleep(0.01)

    async def _reconnect(self) -> None:
        """Connect and hang up in a loop."""
        while True:
            self.counts["connections tried"] += 1
            if opened := await self._connect():
                opened[1].transport.abort()
            await asyncio.sleep(0)

    async def _flood(self, what: str, **request: object) -> None:
        while True:
            opened = await self._connect()
            if opened is None:
                await asyncio.sleep(0.05)
                continue
            with suppress(OSError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
                for number in count():
                    opened[1].write(json.dumps({"v": 1, "id": number, **request}).encode() + b"\n")
                    answer = await opened[0].readuntil()
                    outcome = "accepted" if b'"ok":' in answer else "refused"
                    self.counts[f"{what} {outcome}"] += 1
            opened[1].transport.abort()


async def _wait_for_end(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
    """Say nothing until the writer closes the connection."""
    with suppress(OSError):
        await reader.read()
    stream.transport.abort()


def main(uid: int, gid: int, state: Path, seconds: float, incident: str) -> None:
    """Become the member, and print the counts at the end."""
    member = HostileMember(state / "control.sock", incident)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    asyncio.run(member.run(seconds))
    print(json.dumps(member.counts))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
