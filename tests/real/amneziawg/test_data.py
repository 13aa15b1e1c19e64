"""Data through AmneziaWG servers: wrong parameters of data, the soak, and fetches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.protocols.amneziawg.profiles import VERSION_1, VERSION_2, header_range
from tests.real.amneziawg.framing_relay import FramedWireguardGo
from tests.real.amneziawg.mihomo import INNER_ADDRESS
from tests.real.amneziawg.test_mihomo import KEY, Start, start, target_of
from tests.real.http_services import LARGE, PORT, http_service
from tests.real.server import RealServer, prober_at, target
from tests.real.test_export import tunnel_addresses
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.amneziawg.trials import ParameterSet, ParameterTrials, distinct_sets
from wgmon_tui.protocols.wireguard.targets import Target

pytestmark = pytest.mark.repeated_if_starved

__all__ = ["start"]

INNER = ip_address("10.7.0.1")


async def checked(
    server: RealServer, aim: Target, *, deep: bool = False, explain: bool = False, soak: bool = False
) -> tuple[Check, Diagnosis]:
    aim = replace(aim, server=replace(aim.server, protocol=AMNEZIAWG))
    async with prober_at(server) as prober:
        result = await prober.check(aim, server.endpoint(4)[0], deep=deep, explain=explain, soak=soak)
    return result, find_protocol(AMNEZIAWG).diagnose(result, aim.server)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("own", "named"),
    [
        (replace(VERSION_2, s4=17), "only with s4 = 16 of"),
        (replace(VERSION_2, h4=header_range("9000-9001")), "only with h4 = 7000-8000 of"),
        (
            replace(VERSION_2, s4=17, h4=header_range("9000")),
            "only with s4 = 16 and h4 = 7000-8000 of",
        ),
        (replace(VERSION_2, s2=33), "s2. The server has 32"),
        (replace(VERSION_2, s1=63), "s1. The server has 64"),
        (replace(VERSION_2, h1=header_range("9000")), "h1. The server has 1000-2000"),
    ],
    ids=["s4", "h4", "s4-h4", "s2", "s1", "h1"],
)
async def test_a_wrong_parameter_is_named_by_experiment(start: Start, own: Parameters, named: str) -> None:
    server = start(VERSION_2, protection_key=KEY)
    sister = replace(VERSION_2, s2=40, s3=41)
    others = distinct_sets({"sister": ParameterSet(sister, KEY.raw)})
    aim = target_of(server, own, KEY, timeout_s=0.5)
    trials = ParameterTrials(ParameterSet(own, KEY.raw), others, aim.private_key.public)
    _, diagnosis = await checked(server, replace(aim, trials=trials), explain=True)
    assert diagnosis.verdict is Verdict.WRONG_PARAMETERS
    assert named in diagnosis.summary
    assert diagnosis.causes[0].proven


@pytest.mark.thorough
async def test_a_soak_passes_through_mihomo(start: Start) -> None:
    server = start(VERSION_2, protection_key=KEY)
    result, diagnosis = await checked(server, target_of(server, VERSION_2, KEY), soak=True)
    soak = first_of_kind(Soak, result.evidence)
    assert soak
    assert soak.received == soak.sent > 20
    assert diagnosis.verdict is Verdict.HEALTHY


async def test_tcp_passes_both_ways_through_mihomo_which_refuses_the_connection(start: Start) -> None:
    server = start(VERSION_1)
    aim = target_of(server, VERSION_1)
    urls = (parse_http_target(f"http://{INNER_ADDRESS}/"),)
    aim = replace(aim, server=replace(aim.server, tunnel_http=urls, tunnel_mtu=0))
    result, _ = await checked(server, aim, deep=True)
    [fetch] = all_of_kind(InnerFetch, result.evidence)
    assert fetch.fault == "refused"


@pytest.fixture
def framed(wireguard_go: WireguardGo) -> Iterator[FramedWireguardGo]:
    server = FramedWireguardGo(wireguard_go, VERSION_2, KEY)
    yield server
    server.stop()


@pytest.mark.thorough
async def test_urls_are_fetched_through_the_framing(
    framed: FramedWireguardGo, wireguard_go: WireguardGo
) -> None:
    identity = framed.new_peer()
    aim = target(framed, identity)
    urls = tuple(
        parse_http_target(each)
        for each in (
            f"http://{INNER}:{PORT}/health status=200 text=systems ready",
            f"http://{INNER}:{PORT}/large",
        )
    )
    aim = replace(
        aim,
        server=replace(aim.server, tunnel=True, tunnel_ping=(INNER,), tunnel_http=urls),
        tunnel_addresses=tunnel_addresses(wireguard_go, identity.public),
        framing=AmneziaFraming(VERSION_2, identity.public, KEY.raw, lambda: 1e9),
    )
    with http_service(wireguard_go.path.server, INNER):
        result, diagnosis = await checked(framed, aim, deep=True)
    small, large = all_of_kind(InnerFetch, result.evidence)
    assert (small.status, small.fault) == (200, None)
    assert (large.size, large.fault) == (LARGE, None)
    assert diagnosis.verdict is Verdict.HEALTHY
