"""Tests of traces by the prober, through its own sockets."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from tests.protocols.wireguard.harness import closed_port, make_target, opened_prober, timestamps
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError, conclusion
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.platforms import MACOS, PLATFORM
from wgmon_tui.protocols.wireguard import traced_servers
from wgmon_tui.protocols.wireguard.prober import Prober

needs_queue = pytest.mark.skipif(not PLATFORM.has_error_queue, reason="no trace without an error queue")
QUICK = TraceOptions(rounds=1, max_hops=2, timeout=0.1)
ignore: Callable[[PathTrace], None] = lambda _: None  # noqa: E731


@needs_queue
async def test_a_closed_port_is_reported_by_the_server_at_its_hop() -> None:
    with closed_port() as endpoint:
        async with opened_prober() as prober:
            found = await prober.trace_path(make_target(endpoint), QUICK, ignore)
    assert conclusion(found)[0] == "The port is closed, reports the server's own address at hop 1."


async def test_a_system_that_does_not_show_who_reported_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced_servers, "PLATFORM", MACOS)
    async with opened_prober() as prober:
        with pytest.raises(TraceRefusedError, match="macOS does not show which router"):
            await prober.trace_path(make_target(Endpoint("127.0.0.1", 9)), QUICK, ignore)


@needs_queue
async def test_nothing_is_sent_before_the_checks_have_begun() -> None:
    with pytest.raises(TraceRefusedError, match="not begun"):
        await Prober(timestamps=timestamps).trace_path(make_target(Endpoint("127.0.0.1", 9)), QUICK, ignore)


@needs_queue
async def test_a_clock_in_doubt_sends_nothing() -> None:
    prober = Prober(timestamps=timestamps, may_stamp=lambda _: False)
    await prober.open()
    try:
        with pytest.raises(TraceRefusedError, match="clock"):
            await prober.trace_path(make_target(Endpoint("127.0.0.1", 9)), QUICK, ignore)
    finally:
        await prober.close()


@needs_queue
@pytest.mark.parametrize(
    ("host", "options", "said"),
    [
        ("nosuchname.invalid", QUICK, "nosuchname.invalid does not resolve"),
        ("255.255.255.255", QUICK, "this machine refuses to send"),
        ("127.0.0.1", TraceOptions(address=ip_address("127.0.0.2")), "127.0.0.2 is not an address of"),
    ],
)
async def test_what_cannot_be_sent_is_refused_in_one_line(
    host: str, options: TraceOptions, said: str
) -> None:
    async with opened_prober() as prober:
        with pytest.raises(TraceRefusedError, match=said) as refused:
            await prober.trace_path(make_target(Endpoint(host, 9)), options, ignore)
    assert "\n" not in str(refused.value)
    assert not prober._demultiplexer._by_index
