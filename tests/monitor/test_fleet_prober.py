"""The probers of a fleet: one for each protocol, made and opened when a server needs it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.toy_protocol import Echo, EchoProber
from wgmon_tui.checks.evidence import SocketError
from wgmon_tui.checks.path_trace import TraceOptions, TraceRefusedError
from wgmon_tui.checks.protocol import ProbeServices, ProtocolProber, TracingProber
from wgmon_tui.checks.registry import find_protocol, protocol_names, register, unregister
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.store.timestamp_ledger import TimestampLedger

FILE = '[[server]]\nname = "echo1"\nendpoint = "127.0.0.1:9"\nprotocol = "echo"\ntimeout = "0.2s"\n'


def echo() -> Server:
    return parse(FILE).servers[0]


class ShutEcho(Echo):
    """An echo whose prober cannot open its sockets."""

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        class ShutProber(EchoProber):
            async def open(self) -> None:
                raise OSError(errno.EMFILE, "too many open files")

        return ShutProber(services.vantage)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[ProbeServices]:
    with TimestampLedger(tmp_path) as ledger:
        yield ledger.services()


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register(ShutEcho())
    yield
    unregister("echo")


async def test_without_sockets_an_expected_protocol_ends_the_start(services: ProbeServices) -> None:
    prober = FleetProber(services)
    prober.expect([echo()])
    with pytest.raises(OSError, match="too many open files"):
        await prober.open()


async def test_a_protocol_that_comes_later_without_sockets_is_a_fault_of_this_machine(
    services: ProbeServices,
) -> None:
    prober = FleetProber(services)
    await prober.open()
    (check,) = await prober.check_all(ServerTarget(echo()))
    assert (check.protocol, check.evidence) == ("echo", (SocketError(0.0, "EMFILE"),))
    assert Echo().diagnose(check, echo()).verdict is Verdict.LOCAL_FAULT


async def test_a_one_shot_check_without_sockets_raises(services: ProbeServices) -> None:
    with pytest.raises(OSError, match="too many open files"):
        await FleetProber(services).check_all(ServerTarget(echo()))


def test_a_server_of_an_unknown_protocol_needs_no_prober(services: ProbeServices) -> None:
    FleetProber(services).expect([Server("x", Endpoint("127.0.0.1", 9), protocol="of the future")])


async def test_a_protocol_that_cannot_trace_says_so(services: ProbeServices) -> None:
    register(Echo())
    with pytest.raises(TraceRefusedError, match="Echo servers cannot be traced"):
        await FleetProber(services).trace_path(ServerTarget(echo()), TraceOptions(), lambda _: None)


@pytest.mark.parametrize("name", protocol_names())
def test_a_protocol_says_whether_its_prober_traces(name: str, services: ProbeServices) -> None:
    protocol = find_protocol(name)
    prober = find_protocol(protocol.prober_of or name).make_prober(services)
    assert isinstance(prober, TracingProber) == protocol.traces_paths


async def test_a_protocol_can_share_the_prober_of_another(services: ProbeServices) -> None:
    made: list[str] = []

    class CountedEcho(Echo):
        def make_prober(self, services: ProbeServices) -> ProtocolProber:
            made.append(self.name)
            return super().make_prober(services)

    class FramedEcho(CountedEcho):
        name, prober_of = "framed-echo", "echo"

    register(CountedEcho())
    register(FramedEcho())
    try:
        prober = FleetProber(services)
        prober.expect([echo(), replace(echo(), protocol="framed-echo")])
        assert made == ["echo"]
    finally:
        unregister("framed-echo")
