"""The size check of a deep check: which inner packets pass, measured with padded echoes.

One echo of each size is enough if it comes back. A size counts as lost only after several losses, spread
over several rounds, while small echoes of the same rounds come back. Then a ladder of sizes finds the limit.

Only an echo proves a size in both directions. The "time exceeded" of a router quotes the packet's head, so
it says nothing about the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.inner_probes import InnerProbe
from wgmon_tui.net.addresses import Address

USUAL_SIZES = (1280, 1420)
"""Bytes of an inner packet: what IPv6 needs, and the usual MTU of a WireGuard interface."""

_SMALL = 64
_SIZES_PER_ROUND = 12
_ATTEMPTS = 2
_LEAST_WAIT_S = 0.5
_WAIT_RTTS = 4

_ROUNDS = ((1, 0), (1, 1), (2, 1))
"""Per round: the echoes of each size that is not proven yet, and the small echoes beside them."""

_FURTHER_ROUNDS = ((2, 2), (2, 2))
"""Rounds for a path that also loses small echoes: there, several losses may be chance."""


@dataclass(frozen=True, slots=True)
class SizeTarget:
    """An inner address that answers echoes; `hop_limit` keeps echoes to a first hop from going further.

    `rtt` is its round trip in seconds. `lossy` is true if any small echo was lost in this check.
    """

    address: Address
    rtt: float
    lossy: bool = False
    hop_limit: int | None = None


class EchoSender(Protocol):
    """Sends echoes through a session."""

    @property
    def reported_mtu(self) -> int | None:
        """The MTU that a hop outside the tunnel reported during this check."""

    def send_sized_echo(self, target: SizeTarget, size: int) -> InnerProbe:
        """Send an echo whose inner packet has at least `size` bytes."""

    async def await_answers(self, inner_probes: Sequence[InnerProbe], timeout_s: float) -> None:
        """Wait until all probes are answered, at most `timeout_s` seconds."""


async def check_sizes(
    sender: EchoSender, target: SizeTarget, tunnel_mtu: int | None, before: PathMtu | None = None
) -> PathMtu | None:
    """Test `tunnel_mtu`, or the usual sizes. None if too many small echoes are lost to tell.

    `before` is the result of the last check: the limit is searched there first, since it seldom changes.
    """
    sizes = [tunnel_mtu] if tunnel_mtu else list(USUAL_SIZES)
    required = sizes[-1]
    lost = await _find_lost_sizes(sender, target, sizes)
    if lost is None:
        return None
    if not lost:
        return PathMtu(required, required, None, sender.reported_mtu)
    passing = max((size for size in sizes if size not in lost), default=_SMALL)
    known = (before.largest_passing, before.smallest_failing) if before else ()
    guesses = [size for size in known if size and passing < size < lost[0]]
    passing, failing = await _search_limit(sender, target, passing, lost[0], guesses)
    return PathMtu(required, passing, failing, sender.reported_mtu)


async def _find_lost_sizes(sender: EchoSender, target: SizeTarget, sizes: Sequence[int]) -> list[int] | None:
    """Find the sizes that do not come back, in rounds. None if small echoes do not come back either."""
    open_sizes, small_lost, small_received = list(sizes), int(target.lossy), 0
    for number, (copies, small_ones) in enumerate((*_ROUNDS, *_FURTHER_ROUNDS)):
        if not open_sizes or (number >= len(_ROUNDS) and not small_lost):
            break
        sized = [sender.send_sized_echo(target, size) for size in open_sizes * copies]
        small = [sender.send_sized_echo(target, 0) for _ in range(small_ones)]
        await sender.await_answers([*sized, *small], _wait_s(target))
        passing = max((len(each.packet) for each in sized if each.rtt is not None), default=0)
        open_sizes = [size for size in open_sizes if size > passing]
        small_lost += sum(each.rtt is None for each in small)
        small_received += sum(each.rtt is not None for each in small)
    return open_sizes if small_received or not open_sizes else None


async def _search_limit(
    sender: EchoSender, target: SizeTarget, passing: int, failing: int, guesses: list[int]
) -> tuple[int, int]:
    """Find the largest size that passes and the next one. Each round sends a ladder of sizes between them.

    The first round sends the `guesses`, if there are any.
    """
    while sizes := guesses or _ladder(passing, failing):
        known_before = sender.reported_mtu is not None
        inner_probes = [sender.send_sized_echo(target, size) for size in sizes * _ATTEMPTS]
        await sender.await_answers(inner_probes, _wait_s(target))
        if sender.reported_mtu and not known_before:
            continue  # large packets are lost; from now on the local kernel fragments, as a client's does
        guesses = []
        passing = max((len(each.packet) for each in inner_probes if each.rtt is not None), default=passing)
        failing = min((size for size in sizes if size > passing), default=failing)
    return passing, failing


def _ladder(passing: int, failing: int) -> list[int]:
    step = max(1, (failing - passing) // _SIZES_PER_ROUND)
    return list(range(passing + step, failing, step))


def _wait_s(target: SizeTarget) -> float:
    return max(_LEAST_WAIT_S, _WAIT_RTTS * target.rtt)
