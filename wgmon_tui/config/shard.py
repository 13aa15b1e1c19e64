"""Sharding of one servers.toml over several runners, by rendezvous hashing.

Each runner computes its servers from their names and the number of runners. Runners need no coordination.
With a new runner, about one server in n moves, where n is the new number of runners. All of these move to
the new runner.

The weight of a runner for a server is BLAKE2b-64 (RFC 7693, a digest of eight bytes, read as a big-endian
number). Its input is the runner's number in four big-endian bytes, then the server's name in UTF-8. The
runner with the greatest weight gets the server; on a tie, the runner with the smaller number. A change to
this formula moves servers in every installation.
"""

from __future__ import annotations

import re
from dataclasses import replace

from wgmon_tui.config.models import Fleet
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

MAX_SHARDS = 1000
"""The maximum number of runners. Each runner computes one hash per server and runner."""

_SHARD_PATTERN = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """One runner: its number, from 1, and the number of runners."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def covers(self, name: str) -> bool:
        """Whether this runner checks the server."""
        return find_owner(name, self.count) == self.number

    def filter_fleet(self, fleet: Fleet) -> Fleet:
        """The fleet with only the servers of this runner."""
        return replace(fleet, servers=tuple(each for each in fleet.servers if self.covers(each.name)))


def find_owner(name: str, count: int) -> int:
    """The number of the runner, from 1 to `count`, that checks the server."""
    encoded = name.encode()

    def weight(number: int) -> bytes:
        from hashlib import blake2b

        return blake2b(number.to_bytes(4, "big") + encoded, digest_size=8).digest()

    return max(range(1, count + 1), key=weight)


def parse_shard(text: str) -> Shard:
    """Parse NUMBER/COUNT. Raises InvalidValueError."""
    match = _SHARD_PATTERN.fullmatch(text)
    if match is None:
        raise InvalidValueError(f"expected NUMBER/COUNT, such as 1/3, got {quoted(text)}")
    number, count = int(match[1]), int(match[2])
    if not 1 <= count <= MAX_SHARDS:
        raise InvalidValueError(f"expected 1 to {MAX_SHARDS} runners after the slash, got {count}")
    if not 1 <= number <= count:
        raise InvalidValueError(f"expected 1/{count} to {count}/{count}, got {quoted(text)}")
    return Shard(number, count)
