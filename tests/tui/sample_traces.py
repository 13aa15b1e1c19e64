"""Traces of a path, and an engine that answers with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import QuietEngine
from tests.tui.server_screen_harness import NAMES
from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.path_trace import Hop, HopAnswer, PathTrace, TraceOptions, TraceRefusedError

_EXPIRED = HopAnswer.EXPIRED

CUT_OFF = PathTrace(
    IPv4Address("203.0.113.9"),
    51820,
    (
        Hop(1, _EXPIRED, ("192.168.1.1",), 3, (0.0004, 0.0005, 0.0011)),
        Hop(2, _EXPIRED, ("198.51.100.1",), 3, (0.0121,)),
        Hop(3, _EXPIRED, ("198.51.100.77", "198.51.100.78"), 3, (0.0142, 0.0139, 0.0207)),
        Hop(4, HopAnswer.NOTHING, (), 3),
    ),
    tried=11,
    round=3,
    rounds=3,
    is_finished=True,
    other_addresses=(IPv6Address("2001:db8::9"),),
)
"""Nothing answers after hop 3; hop 2 limits its reports."""

REACHED = replace(
    CUT_OFF,
    hops=(*CUT_OFF.hops[:3], Hop(4, HopAnswer.SERVER, ("203.0.113.9",), 3, (0.0151, 0.0149, 0.0163))),
    tried=4,
    other_addresses=(),
)

REFUSED = replace(
    CUT_OFF,
    hops=(
        CUT_OFF.hops[0],
        Hop(
            2,
            HopAnswer.REFUSED,
            ("198.51.100.1",),
            3,
            (0.012, 0.0125, 0.013),
            IcmpError(0.0, 4, 3, 13, "198.51.100.1", False, quotes_packet=True),
        ),
    ),
    tried=6,
)


class TracingEngine(QuietEngine):
    """An engine whose traces end as a test says. It records what was asked for."""

    def __init__(self, result: PathTrace | str = CUT_OFF) -> None:
        """`result` is a trace, or why there is none."""
        super().__init__(sample_exchanges.server(name) for name in NAMES)
        self.result = result
        self.asked: list[tuple[str, TraceOptions]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.cancelled_traces = 0

    async def trace_path(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        self.asked.append((name, options))
        if isinstance(self.result, str):
            raise TraceRefusedError(self.result)
        address = options.address or self.result.address
        hops = self.result.hops[:2]
        on_progress(replace(self.result, hops=hops, tried=4, round=1, is_finished=False))
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled_traces += 1
            raise
        return replace(self.result, address=address)
