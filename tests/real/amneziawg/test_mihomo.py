"""Checks of AmneziaWG servers that we did not write: mihomo, in each version and with wrong parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest

from tests.protocols.amneziawg.profiles import (
    VERSION_1,
    VERSION_1_5,
    VERSION_2,
    VERSION_3_TRAILERS,
    header_range,
)
from tests.real.amneziawg.mihomo import INNER_ADDRESS, Mihomo, mihomo_program
from tests.real.flood import send_all
from tests.real.server import SHORT_S, prober_at, run_check, target
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import CookieDemanded
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import INITIATION_LENGTH, MessageType

pytestmark = pytest.mark.repeated_if_starved

KEY = PresharedKey(bytes(range(1, 33)))
OTHER_KEY = PresharedKey(bytes(range(2, 34)))

_BURST = 400
_BURSTS = 20

Start = Callable[..., Mihomo]


@pytest.fixture
def start(isolated_namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Start a mihomo with some parameters."""
    mihomo_program()
    with ExitStack() as stack:

        def started(parameters: Parameters, **options: object) -> Mihomo:
            home = tmp_path / f"home{len(list(tmp_path.iterdir()))}"
            home.mkdir()
            server = Mihomo(isolated_namespace, home, parameters, **options)  # type: ignore[arg-type]
            stack.callback(server.stop)
            return server

        yield started


def target_of(
    server: Mihomo, parameters: Parameters, key: PresharedKey | None = None, *, timeout_s: float = 5.0
) -> Target:
    private_key = server.new_peer()
    made = target(server, private_key, timeout_s=timeout_s)
    return replace(
        made,
        server=replace(made.server, tunnel=True, tunnel_ping=(INNER_ADDRESS,), tunnel_count=1),
        tunnel_addresses=(ip_interface("10.0.0.1/32"),),
        framing=AmneziaFraming(parameters, private_key.public, key.raw if key else None, lambda: 1e9),
    )


async def check(
    server: Mihomo, parameters: Parameters, key: PresharedKey | None = None, *, timeout_s: float = 5.0
) -> tuple[Check, Diagnosis]:
    return await run_check(server, target_of(server, parameters, key, timeout_s=timeout_s))


async def test_a_server_with_header_protection_and_trailers_is_healthy(start: Start) -> None:
    server = start(VERSION_3_TRAILERS, protection_key=KEY)
    result, diagnosis = await check(server, VERSION_3_TRAILERS, KEY)
    assert result.tunnel
    assert result.tunnel.received == 1
    assert diagnosis.verdict is Verdict.HEALTHY


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("parameters", "key"), [(VERSION_1, None), (VERSION_1_5, None), (VERSION_2, None), (VERSION_2, KEY)]
)
async def test_a_server_of_each_version_is_healthy(
    start: Start, parameters: Parameters, key: PresharedKey | None
) -> None:
    server = start(parameters, protection_key=key)
    result, diagnosis = await check(server, parameters, key)
    assert result.tunnel
    assert result.tunnel.received == 1
    assert diagnosis.verdict is Verdict.HEALTHY


@pytest.mark.thorough
async def test_parameters_that_need_not_match_do_not_matter(start: Start) -> None:
    server = start(VERSION_1_5)
    for parameters in (VERSION_1_5.without_decoys(), replace(VERSION_1, jc=9, jmin=500, jmax=900)):
        result, _ = await check(server, parameters)
        assert result.handshake


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (Parameters(), None),
        (replace(VERSION_2, s1=63), KEY),
        (replace(VERSION_2, s2=33), KEY),
        (replace(VERSION_2, h1=header_range("2001-2500")), KEY),
        (replace(VERSION_2, h2=header_range("9000-9500")), KEY),
        (VERSION_2, None),
        (VERSION_2, OTHER_KEY),
    ],
    ids=["plain", "s1", "s2", "h1", "h2", "no-key", "other-key"],
)
async def test_a_wrong_parameter_is_a_failed_handshake(
    start: Start, wrong: Parameters, key: PresharedKey | None
) -> None:
    server = start(VERSION_2, protection_key=KEY)
    result, _ = await check(server, wrong, key, timeout_s=SHORT_S)
    assert result.handshake is None
    healthy, _ = await check(server, VERSION_2, KEY)
    assert healthy.handshake


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", [replace(VERSION_2, s4=17), replace(VERSION_2, h4=header_range("1-5"))])
async def test_a_wrong_s4_or_h4_is_a_tunnel_without_data(start: Start, wrong: Parameters) -> None:
    server = start(VERSION_2, protection_key=KEY)
    result, diagnosis = await check(server, wrong, KEY)
    assert result.handshake
    assert diagnosis.verdict is Verdict.DATA_DEAD


def junk_initiation(server: Mihomo, parameters: Parameters) -> bytes:
    """A framed initiation with a valid MAC1 and random content, which costs a server CPU."""
    framing = AmneziaFraming(parameters, server.public_key, KEY.raw, lambda: 0.0)
    message = framing.initiation_header() + os.urandom(INITIATION_LENGTH - 36)
    message += Mac1(server.public_key).compute(message) + NO_MAC
    return framing.frame(MessageType.INITIATION, message)


async def check_under_load(server: Mihomo, parameters: Parameters) -> list[Check]:
    """Checks right after bursts of initiations, until one meets the demand for a cookie."""
    aim = target_of(server, parameters, KEY)
    checks: list[Check] = []
    async with prober_at(server) as prober:
        for _ in range(_BURSTS):
            with server.frozen(), server.vantage():
                send_all(server, [junk_initiation(server, parameters) for _ in range(_BURST)])
            checks.append(await prober.check(aim, server.endpoint(4)[0]))
            if any(isinstance(each, CookieDemanded) for each in checks[-1].evidence):
                break
    return checks


@pytest.mark.thorough
async def test_a_server_under_load_gets_its_cookie_in_its_framing(start: Start) -> None:
    server = start(VERSION_2, protection_key=KEY)
    checks = await check_under_load(server, VERSION_2)
    assert checks[-1].handshake
    assert checks[-1].handshake.cookie, "mihomo cannot be brought to ask for cookies"
