"""Tests of check depth: quick at first, deep now and then, with experiments when needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.monitor.sample_rounds import rounds
from tests.monitor.test_engine import Desk, at_work, watched
from tests.output.sample_rounds import healthy as healthy_round
from tests.protocols.wireguard.harness import IDENTITY, SERVER, ScriptedServer, healthy, silence, timestamps
from tests.protocols.wireguard.inner_servers import ALLOWED, INNER_V4, TUNNEL_V4
from wgmon_tui.checks.evidence import PassiveKeepalive
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS, DemoFleet
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.deep_check_policy import DeepCheckPolicy
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import Lookup
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

pytestmark = pytest.mark.repeated_if_starved(0.05)
"""Half the shortest timeout of these checks."""

ONE = ("fra1",)
NEXT_KEY = PrivateKey.generate()
SETUP = LabSetup(SERVER, (LabPeer(IDENTITY.public, ALLOWED),), (INNER_V4,), rotated_to=NEXT_KEY)


def server_at(endpoint: Endpoint, **changes: object) -> Server:
    settled = Server(
        "fra1",
        endpoint,
        SERVER.public,
        "bastion",
        interval=3600.0,
        timeout=0.1,
        tunnel_over=0.01,
        fail_after=1,
        recover_after=1,
    )
    return replace(settled, **changes)  # type: ignore[arg-type]


def pinged_at(endpoint: Endpoint, **changes: object) -> Server:
    return server_at(endpoint, tunnel_ping=(INNER_V4,), **changes)


def watching(server: Server) -> Desk:
    desk = Desk()
    target = Target(server, IDENTITY, tunnel_addresses=(TUNNEL_V4,))
    desk.engine.watch([server], {"fra1": target}, {})
    return desk


async def outcome_of(desk: Desk) -> Round:
    """Run one more round, and return its result."""
    await rounds(desk, ONE)
    last = desk.server_state().last
    assert last is not None
    return last


# Deep checks


async def test_the_first_check_is_quick_the_second_deep_the_third_on_schedule() -> None:
    async with LabServer(SETUP) as lab, at_work(watching(pinged_at(lab.endpoint))) as desk:
        said = [(await outcome_of(desk)).port_monitor for _ in range(3)]
        assert desk.server_state().port_monitor == "open|filtered"
    assert said == [None, "open|filtered", None]


async def test_a_deep_check_runs_again_after_its_interval() -> None:
    async with LabServer(SETUP) as lab, at_work(watching(pinged_at(lab.endpoint, tunnel_every=0.0))) as desk:
        said = [(await outcome_of(desk)).port_monitor for _ in range(3)]
    assert said == [None, "open|filtered", "open|filtered"]


async def test_a_dead_data_path_gets_a_deep_check_and_its_result_is_carried() -> None:
    dropping = LabBehaviour(LabMode.DATA_DROPPED, keepalive_after=0.05)
    async with (
        LabServer(SETUP, dropping) as lab,
        at_work(watching(pinged_at(lab.endpoint))) as desk,
    ):
        first, second, third = [await outcome_of(desk) for _ in range(3)]
        assert desk.server_state().status_word == "data-dead"
        assert "receives data" not in first.diagnosis.summary
        assert "receives data" in second.diagnosis.summary == third.diagnosis.summary
        assert not any(isinstance(each, PassiveKeepalive) for each in third.check.evidence)
        lab.set_mode(LabMode.HEALTHY)
        assert "data passes both ways" in (await outcome_of(desk)).diagnosis.summary
        assert desk.server_state().status_word == "healthy"


async def test_a_server_that_recovers_gets_another_deep_check() -> None:
    async with LabServer(SETUP) as lab, at_work(watching(pinged_at(lab.endpoint, explain=False))) as desk:
        said = []
        for mode in (
            LabMode.HEALTHY,
            LabMode.HEALTHY,
            LabMode.SILENT,
            LabMode.HEALTHY,
            LabMode.HEALTHY,
            LabMode.HEALTHY,
        ):
            lab.set_mode(mode)
            said.append((await outcome_of(desk)).port_monitor)
    assert said == [None, "open|filtered", None, None, "open|filtered", None]


# Without an inner address


async def test_from_the_first_look_on_only_an_answer_out_of_the_tunnel_is_green() -> None:
    dropping = LabBehaviour(LabMode.DATA_DROPPED, keepalive_after=0.15)
    async with LabServer(SETUP, dropping) as lab, at_work(watching(server_at(lab.endpoint))) as desk:
        summaries = []
        for _ in range(3):
            summaries.append((await outcome_of(desk)).diagnosis.summary)
            assert (desk.server_state().status_word, desk.server_state().severity) == (
                "unproven",
                Severity.DEGRADED,
            )
        assert ["receives data" in each for each in summaries] == [False, True, True]
        lab.set_mode(LabMode.HEALTHY)
        assert "data passes both ways (10.8.0.1 answers)" in (await outcome_of(desk)).diagnosis.summary
        assert desk.server_state().status_word == "healthy"
        lab.set_mode(LabMode.DATA_DROPPED)
        await rounds(desk, ONE)
        assert desk.server_state().status_word == "unproven"


async def test_a_server_that_comes_back_with_its_data_path_dead_is_not_green_for_a_moment() -> None:
    async with LabServer(SETUP, LabBehaviour(keepalive_after=0.15)) as lab:
        desk = watching(server_at(lab.endpoint, explain=False))
        async with at_work(desk):
            words = []
            for mode in (
                LabMode.HEALTHY,
                LabMode.HEALTHY,
                LabMode.SILENT,
                LabMode.DATA_DROPPED,
                LabMode.DATA_DROPPED,
            ):
                lab.set_mode(mode)
                await rounds(desk, ONE)
                words.append(desk.server_state().status_word)
            last = desk.server_state().last
            assert last is not None
            assert "receives data" in last.diagnosis.summary
    assert words == ["healthy", "healthy", "silent", "unproven", "unproven"]


# Experiments


async def test_silence_is_explained_after_one_failure_and_the_proof_is_carried() -> None:
    asked = 0

    def counted(key: object) -> bytes:
        nonlocal asked
        asked += 1
        return timestamps(IDENTITY.public)

    async with LabServer(SETUP, LabBehaviour(LabMode.ROTATED_KEY)) as lab:
        desk = watching(server_at(lab.endpoint, known_keys=(NEXT_KEY.public,)))
        desk.prober._timestamps = counted
        async with at_work(desk):
            seen = [((await outcome_of(desk)).diagnosis.verdict.slug, asked) for _ in range(3)]
    # Two initiations per silent check; the second round adds the one that the other key answered.
    assert seen == [("silent", 2), ("wrong-server-key", 5), ("wrong-server-key", 7)]


async def test_an_experiment_that_is_made_again_and_finds_nothing_takes_its_proof_back() -> None:
    async with LabServer(SETUP, LabBehaviour(LabMode.ROTATED_KEY)) as lab:
        known = server_at(lab.endpoint, known_keys=(NEXT_KEY.public,), explain_every=0.0)
        async with at_work(watching(known)) as desk:
            await rounds(desk, ONE * 2)
            assert desk.server_state().status_word == "wrong-server-key"
            lab.set_mode(LabMode.SILENT)
            await rounds(desk, ONE)
            assert desk.server_state().status_word == "silent"


async def test_silence_stays_unexplained_if_the_file_forbids_experiments() -> None:
    async with LabServer(SETUP, LabBehaviour(LabMode.ROTATED_KEY)) as lab:
        unasked = server_at(lab.endpoint, known_keys=(NEXT_KEY.public,), explain=False)
        async with at_work(watching(unasked)) as desk:
            await rounds(desk, ONE * 2)
            assert desk.server_state().status_word == "silent"


async def test_a_stuck_flow_is_degraded_only_as_long_as_a_fresh_port_is_answered() -> None:
    def hears_nothing_from_the_first_port(packet: bytes) -> Iterable[bytes]:
        return healthy(packet) if server.sources[-1] != server.sources[0] else ()

    async with ScriptedServer(hears_nothing_from_the_first_port) as server:
        quick = replace(watched(server), interval=3600.0, timeout=0.1, explain=True)
        async with at_work(Desk().watch(quick)) as desk:
            await rounds(desk, ONE * 3)
            assert (desk.server_state().status_word, desk.server_state().severity) == (
                "stuck-flow",
                Severity.DEGRADED,
            )
            server.script = silence  # gone completely
            await rounds(desk, ONE)
            assert (desk.server_state().status_word, desk.server_state().severity) == (
                "silent",
                Severity.DOWN,
            )


# One round


async def test_of_two_addresses_the_worse_decides_and_a_local_fault_never_does() -> None:
    async with ScriptedServer(healthy) as server:
        prober = Prober(timestamps=timestamps)
        await prober.open()
        both = watched(server)
        both = replace(both, endpoint=Endpoint("localhost", both.endpoint.port), timeout=1.0)
        v4, v6 = ip_address("127.0.0.1"), ip_address("::1")
        prober._resolver._cache["localhost"] = Lookup((v6, v4), float("inf"))
        refused = await run_check_round(prober, both, Target(both, IDENTITY), CheckDepth())
        without_v6 = prober._demultiplexer._sockets.popitem()[1]
        unspoken = await run_check_round(prober, both, Target(both, IDENTITY), CheckDepth())
        prober._demultiplexer._sockets[without_v6.family] = without_v6
        await prober.close()
    assert [each.verdict.slug for each in refused.diagnoses] == ["address-dead", "healthy"]
    assert [each.address for each in refused.checks] == [v6, v4]
    assert [each.verdict.slug for each in unspoken.diagnoses] == ["healthy", "local-fault"]


async def test_the_demo_proves_that_its_removed_peer_is_missing() -> None:
    [character] = [each for each in DEMO_SERVERS if each.knows_old_identity]
    demo = DemoFleet((character,))
    [server] = demo.fleet.servers
    fleet = replace(demo.fleet, servers=(replace(server, timeout=0.2),))
    target = join(fleet, open_keyring(fleet, Path())).ready[server.name]
    prober = Prober(timestamps=timestamps)
    await demo.start()
    await prober.open()
    outcome = await run_check_round(prober, target.server, target, CheckDepth(explain=True))
    await prober.close()
    await demo.stop()
    assert outcome.diagnosis.verdict.slug == "peer-missing"
    assert '"nagios-old"' in outcome.diagnosis.summary


# Fetches

URL = parse_http_target("http://10.8.0.1/health")
FETCHED = InnerFetch(str(URL), INNER_V4, None, status=200)


def state_after(*carried: InnerFetch) -> ServerState:
    """The state of a server with a URL, whose last deep check was a moment ago."""
    server = server_at(Endpoint("192.0.2.1", 51820), tunnel_http=(URL,), tunnel_every=60.0)
    return ServerState(server, last=healthy_round(), carried_evidence={ip_address("192.0.2.1"): carried})


def test_the_first_check_fetches_already_where_urls_prove_a_server() -> None:
    server = server_at(Endpoint("192.0.2.1", 51820), tunnel_http=(URL,))
    assert DeepCheckPolicy().choose_depth(ServerState(server)).deep


@pytest.mark.parametrize(
    ("carried", "is_deep"),
    [((), True), ((FETCHED,), False), ((replace(FETCHED, fault="status", status=500),), True)],
    ids=["not fetched", "fetched", "failed"],
)
def test_a_url_is_fetched_by_every_check_until_that_succeeds(
    carried: tuple[InnerFetch, ...], is_deep: bool
) -> None:
    policy = DeepCheckPolicy()
    policy.record_requested("fra1", CheckDepth(deep=True))
    assert policy.choose_depth(state_after(*carried)).deep == is_deep
