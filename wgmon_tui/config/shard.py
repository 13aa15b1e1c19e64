"""One servers.toml for several runners: each server belongs to one of them, by rendezvous hashing.

Every runner finds alone which servers are its own, from their names and the number of runners: nobody has to
be asked. Where a runner is added, the servers that move are about one in so many as there are then, and all
of them move to the new one.

The weight of a runner for a server is BLAKE2b-64 (RFC 7693, a digest of eight bytes, read as a big-endian
number) of the runner's number in four big-endian bytes and the server's name in UTF-8. The runner with the
greatest weight has the server; of two that are equal, the one with the smaller number. Whoever changes that
moves every server of everybody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import blake2b

from wgmon_tui.config.models import Fleet
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.text import quoted

MAX_SHARDS = 1000
"""So many runners share a fleet at most: each server costs each of them a hash a runner."""

_SHARD_PATTERN = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """The runner with this number, from 1, of so many."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def covers(self, name: str) -> bool:
        """Whether the server of that name is this runner's."""
        return find_owner(name, self.count) == self.number

    def filter_fleet(self, fleet: Fleet) -> Fleet:
        """The fleet with the servers of this runner alone."""
        return replace(fleet, servers=tuple(each for each in fleet.servers if self.covers(each.name)))


def find_owner(name: str, count: int) -> int:
    """The number of the runner, of so many, that has the server of that name."""
    encoded = name.encode()

    def weight(number: int) -> bytes:
        return blake2b(number.to_bytes(4, "big") + encoded, digest_size=8).digest()

    return max(range(1, count + 1), key=weight)


def parse_shard(text: str) -> Shard:
    """Raises InvalidValueError."""
    match = _SHARD_PATTERN.fullmatch(text)
    if match is None:
        raise InvalidValueError(f"expected NUMBER/COUNT, such as 1/3, got {quoted(text)}")
    number, count = int(match[1]), int(match[2])
    if not 1 <= count <= MAX_SHARDS:
        raise InvalidValueError(f"expected 1 to {MAX_SHARDS} runners after the slash, got {count}")
    if not 1 <= number <= count:
        raise InvalidValueError(f"expected 1/{count} to {count}/{count}, got {quoted(text)}")
    return Shard(number, count)
