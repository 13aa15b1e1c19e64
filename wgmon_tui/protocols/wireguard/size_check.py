"""The size check of a deep check: which inner packets pass, measured with padded echoes.

One echo of each size is enough if it comes back. A size counts as lost only after several losses, spread
over several rounds, while small echoes of the same rounds come back. Then a ladder of sizes finds the limit.

Only an echo proves a size in both directions. The "time exceeded" of a router quotes the packet's head, so
it says nothing about the way back.

A hop may report its MTU by ICMP, which anybody can forge. So packets travel whole at first, whatever was
reported. A report counts only if it names the limit that was measured. Then the lost sizes are tested once
more in fragments, as a real client's system sends them from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.inner_probes import InnerProbe
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

USUAL_SIZES = (1280, 1420)
"""Bytes of an inner packet: what IPv6 needs, and the usual MTU of a WireGuard interface."""

MOST_REPORTS = 4
"""Different MTUs reported during a check. More of them contradict each other."""

_SMALL = 64
_PADDING = 16
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
    def reports(self) -> Mapping[int, int]:
        """By MTU that a hop reported during this check: the largest inner packet that it lets pass whole."""

    def send_sized_echo(self, target: SizeTarget, size: int, *, in_fragments: bool) -> InnerProbe:
        """Send an echo whose inner packet has at least `size` bytes, whole or as the reported MTU demands."""

    async def await_answers(self, inner_probes: Sequence[InnerProbe], timeout_s: float) -> None:
        """Wait until all probes are answered, at most `timeout_s` seconds."""


async def check_sizes(
    sender: EchoSender, target: SizeTarget, tunnel_mtu: int | None, before: PathMtu | None = None
) -> PathMtu | None:
    """Test `tunnel_mtu`, or the usual sizes. None if too many small echoes are lost to tell.

    `before` is the result of the last check: the limit is searched there first, since it seldom changes.
    """
    sizes = [tunnel_mtu] if tunnel_mtu else list(USUAL_SIZES)
    known = (before.largest_passing, before.smallest_failing) if before else ()
    whole = await _Search(sender, target).run(sizes, [size for size in known if size])
    if whole is None or whole.smallest_failing is None:
        return whole
    report = _find_true_report(sender.reports, whole.largest_passing)
    if report is None:
        return whole
    fragmented = await _Search(sender, target, in_fragments=True).run(sizes, [])
    is_better = fragmented is not None and fragmented.largest_passing > whole.largest_passing
    return replace(fragmented if fragmented and is_better else whole, reported=report)


def _find_true_report(reports: Mapping[int, int], largest_passing: int) -> int | None:
    """Find the reported MTU that agrees with the measured limit, which the server's padding may lower."""
    for mtu, largest in reports.items():
        if largest_passing in (largest, largest - largest % _PADDING):
            return mtu
    return None


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the sizes that pass, whole or in fragments."""

    sender: EchoSender
    target: SizeTarget
    in_fragments: bool = False

    async def run(self, sizes: list[int], guesses: Sequence[int]) -> PathMtu | None:
        """Find the largest of `sizes` that passes, or the limit. None if too many small echoes are lost.

        The limit is searched at the `guesses` first, and where reports have it.
        """
        lost = await self._find_lost_sizes(sizes)
        if lost is None:
            return None
        if not lost:
            return PathMtu(sizes[-1], sizes[-1], None)
        passing = max((size for size in sizes if size not in lost), default=_SMALL)
        by_report = [
            size
            for largest in self.sender.reports.values()
            for limit in (largest - largest % _PADDING, largest)
            for size in (limit, limit + 1)
        ]
        between = [size for size in (*guesses, *by_report) if passing < size < lost[0]]
        return PathMtu(sizes[-1], *await self._search_limit(passing, lost[0], between))

    async def _find_lost_sizes(self, sizes: Sequence[int]) -> list[int] | None:
        """Find the sizes that do not come back, in rounds. None if small echoes do not come back either."""
        open_sizes, small_lost, small_received = list(sizes), int(self.target.lossy), 0
        for number, (copies, small_ones) in enumerate((*_ROUNDS, *_FURTHER_ROUNDS)):
            if not open_sizes or (number >= len(_ROUNDS) and not small_lost):
                break
            sized = self._send(open_sizes * copies)
            small = self._send([0] * small_ones)
            await self.sender.await_answers([*sized, *small], _wait_s(self.target))
            passing = max((len(each.packet) for each in sized if each.rtt is not None), default=0)
            open_sizes = [size for size in open_sizes if size > passing]
            small_lost += sum(each.rtt is None for each in small)
            small_received += sum(each.rtt is not None for each in small)
        return open_sizes if small_received or not open_sizes else None

    async def _search_limit(self, passing: int, failing: int, guesses: list[int]) -> tuple[int, int]:
        """Find the largest size that passes and the next one. Each round sends a ladder of sizes between.

        The first round sends the `guesses`, if there are any.
        """
        while sizes := guesses or _ladder(passing, failing):
            inner_probes = self._send(sizes * _ATTEMPTS)
            await self.sender.await_answers(inner_probes, _wait_s(self.target))
            guesses = []
            passing = max(
                (len(each.packet) for each in inner_probes if each.rtt is not None), default=passing
            )
            failing = min((size for size in sizes if size > passing), default=failing)
        return passing, failing

    def _send(self, sizes: Sequence[int]) -> list[InnerProbe]:
        return [
            self.sender.send_sized_echo(self.target, size, in_fragments=self.in_fragments) for size in sizes
        ]


def _ladder(passing: int, failing: int) -> list[int]:
    step = max(1, (failing - passing) // _SIZES_PER_ROUND)
    return list(range(passing + step, failing, step))


def _wait_s(target: SizeTarget) -> float:
    return max(_LEAST_WAIT_S, _WAIT_RTTS * target.rtt)
