"""An attacker who makes datagrams from those that he has seen."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[random.Random, bytearray], bytes]
"""A change that only one protocol has, such as another type of message."""


class DatagramAttacker:
    """`seen` are the packets that he knows; at least one."""

    def __init__(self, seed: int, first: bytes, change: Change) -> None:
        self._random, self._change = random.Random(seed), change
        self.seen: list[bytes] = [first]

    def make(self) -> bytes:
        """One datagram: random, or a packet that was repeated, cut, extended, changed or joined."""
        chosen = bytearray(self._random.choice(self.seen))
        match self._random.randrange(7):
            case 0:
                return self._random.randbytes(self._random.randrange(200))
            case 1:
                return bytes(chosen)
            case 2:
                return bytes(chosen[: self._random.randrange(len(chosen) + 1)])
            case 3:
                return bytes(chosen) + self._random.randbytes(self._random.randrange(64))
            case 4:
                other = self._random.choice(self.seen)
                return bytes(chosen[: len(chosen) // 2]) + other[len(other) // 2 :]
            case 5:
                return self._change(self._random, chosen)
        for _ in range(self._random.randrange(1, 6)):
            if chosen:
                chosen[self._random.randrange(len(chosen))] = self._random.randrange(256)
        return bytes(chosen)
