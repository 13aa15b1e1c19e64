"""The soak: many echoes of mixed sizes in one flow, first fast, then slower, over half a minute.

It finds paths that cut a flow off after some packets, bytes or seconds. It ends early once a cut is clear.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.inner_probes import InnerProbe
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.protocols.wireguard.flow_cut import (
    CHECK_RULE,
    SOAK_RULE,
    CutRule,
    FlowEcho,
    find_cut,
    missing_echoes,
)
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD

ECHOES = 100
LARGEST_ECHO = 1420
"""Inner bytes: a client with the usual MTU sends no larger packets."""

_SIZES = (64, LARGEST_ECHO, 200, 1000, 400, 756)
_FAST_ECHOES = 40
_FAST_GAP_S = 0.05
_SLOW_GAP_S = 0.465
"""The last of the echoes leaves 30 s after the first."""

_LEAST_FOLLOW_UPS = 3
_MOST_FOLLOW_UPS = 12
_FOLLOW_UP_GAP_S = 0.25
_RTTS_WAITED = 4
_PADDING = 16
_PROBING_ECHOES = 3


class EchoFlow:
    """The echoes of one flow, in the order in which they were sent."""

    def __init__(
        self, send: Callable[[int], None], pause: Callable[[float], Awaitable[None]], least_wait_s: float
    ) -> None:
        """`send` sends an echo of at least so many inner bytes, and records it here.

        `pause` receives answers for so many seconds. No echo counts as lost before `least_wait_s`.
        """
        self.send = send
        self.pause = pause
        self._least_wait_s = least_wait_s
        self._started = time.monotonic()
        self._sent: list[tuple[float, InnerProbe]] = []

    def end(self) -> None:
        """Send no more. This lets go of the sender, which refers to the flow.

        Otherwise each check would leave a cycle to the garbage collector, which costs a tenth of a check.
        """
        self.send = _refuse_to_send

    def record(self, inner_probe: InnerProbe) -> None:
        """Record an echo that is sent now."""
        self._sent.append((self.clock(), inner_probe))

    @property
    def is_last_answered(self) -> bool:
        """Whether the last echo is answered, so that the flow goes on."""
        return bool(self._sent) and self._sent[-1][1].answered_ns is not None

    def clock(self) -> float:
        """Return the seconds since the handshake."""
        return time.monotonic() - self._started

    def echoes(self) -> list[FlowEcho]:
        """Return the echoes to targets that answered at least once: another target may be down."""
        alive = {each.target for _, each in self._sent if each.rtt is not None}
        return [
            FlowEcho(_datagram_size(each), at, None if each.rtt is None else at + each.rtt)
            for at, each in self._sent
            if each.target in alive
        ]

    def answer_wait_s(self) -> float:
        """Return after how many seconds an echo counts as lost, by the slowest answer so far."""
        rtts = (each.rtt for _, each in self._sent if each.rtt is not None)
        return max(self._least_wait_s, _RTTS_WAITED * max(rtts, default=0.0))

    def as_soak(self) -> Soak:
        """Return the counts of the flow as a soak that sent nothing of its own."""
        echoes = self.echoes()
        received = sum(each.answered_at is not None for each in echoes)
        return Soak(len(echoes), received, sum(each.size for each in echoes), self.clock())

    def cut(self, rule: CutRule) -> FlowCut | None:
        """Find the cut of the flow, if there is one by now."""
        return find_cut(self.echoes(), rule, self.clock() - self.answer_wait_s())


def _refuse_to_send(_: int) -> None:
    raise AssertionError("the flow has ended")


def _datagram_size(echo: InnerProbe) -> int:
    return len(echo.packet) + -len(echo.packet) % _PADDING + TRANSPORT_OVERHEAD


def plan_echoes(largest: int) -> Iterator[tuple[float, int]]:
    """Yield the pause before each echo, in seconds, and its size in inner bytes."""
    for number in range(ECHOES):
        gap_s = 0.0 if not number else _FAST_GAP_S if number < _FAST_ECHOES else _SLOW_GAP_S
        yield gap_s, min(_SIZES[number % len(_SIZES)], largest)


async def follow_up(flow: EchoFlow, rule: CutRule) -> FlowCut | None:
    """Send further echoes if the last ones are lost: an answer shows loss, silence shows a cut."""
    if flow.is_last_answered:
        return None
    await _wait_for_last(flow)
    echoes = flow.echoes()
    if echoes and echoes[-1].answered_at is not None:
        return None
    before = len(echoes)
    for number in range(_MOST_FOLLOW_UPS):
        echoes = flow.echoes()
        if not echoes or any(each.answered_at is not None for each in (*echoes[before:], echoes[-1])):
            break
        if number >= _LEAST_FOLLOW_UPS and not missing_echoes(echoes, rule, flow.clock()):
            break
        flow.send(0)
        await flow.pause(_FOLLOW_UP_GAP_S)
    await _wait_for_last(flow)
    return flow.cut(rule)


async def run_soak(
    flow: EchoFlow, largest: int, on_progress: Callable[[SoakProgress], None]
) -> tuple[Soak, FlowCut | None]:
    """Run a soak. If none of its first echoes is answered, it ends at once: `received` is then 0.

    If earlier echoes of the flow were answered, further ones show whether the flow was cut off before.
    """
    before, started = len(flow.echoes()), flow.clock()
    sent = 0
    cut: FlowCut | None = None
    for gap_s, size in plan_echoes(largest):
        await flow.pause(gap_s)
        if cut := flow.cut(SOAK_RULE):
            break
        flow.send(size)
        sent += 1
        on_progress(SoakProgress(sent, ECHOES, flow.clock() - started))
        if sent == _PROBING_ECHOES and not await _has_answer(flow, before):
            break
    is_dead = before and not any(each.answered_at is not None for each in flow.echoes()[before:])
    cut = cut or await follow_up(flow, CHECK_RULE if is_dead else SOAK_RULE)
    echoes = flow.echoes()[before:]
    received = sum(each.answered_at is not None for each in echoes)
    size = sum(each.size for each in echoes)
    return Soak(max(sent, len(echoes)), received, size, flow.clock() - started), cut


async def _has_answer(flow: EchoFlow, before: int) -> bool:
    """Wait until any echo of the soak is answered, at most as long as an answer may take."""
    deadline = flow.clock() + 2 * flow.answer_wait_s()
    while not any(each.answered_at is not None for each in flow.echoes()[before:]):
        if flow.clock() >= deadline:
            return False
        await flow.pause(_FAST_GAP_S)
    return True


async def _wait_for_last(flow: EchoFlow) -> None:
    """Wait until the last echo is answered or lost."""
    while (echoes := flow.echoes()) and echoes[-1].answered_at is None:
        left = echoes[-1].sent_at + flow.answer_wait_s() - flow.clock()
        if left <= 0:
            break
        await flow.pause(min(left, _FAST_GAP_S))
