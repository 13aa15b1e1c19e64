"""One prober: one-shot commands and the library ask the writer of their state directory for its checks."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from tests.daemon.harness import (
    CLIENT,
    IDENTITY,
    NOWHERE,
    PATIENCE_S,
    healthy,
    quick_server,
    running_writer,
    until,
    write_config,
)
from tests.forked_program import own_lines, run_program
from tests.parameters import default_run
from wgmon_tui import check_async
from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.evidence import Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.servers_file import update
from wgmon_tui.control import one_shot_rounds
from wgmon_tui.control.client import ControlConnection
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.control.protocol import GROUP_OPERATIONS, Operation
from wgmon_tui.control.round_request import target_digest
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round
from wgmon_tui.protocols.wireguard import soak
from wgmon_tui.protocols.wireguard.targets import Target, require_wireguard
from wgmon_tui.store.timestamp_ledger import TimestampLedger

RARELY_S = 3600.0
DEEP = CheckDepth(deep=True, explain=True)


@dataclass
class Site:
    """A healthy server, its writer, which checks it once and then rarely, and their directories."""

    lab: LabServer
    server: Server
    writer: Writer
    config: Path
    state: Path
    log: list[str]
    running: asyncio.Task[None]

    @property
    def target(self) -> Target:
        return require_wireguard(self.writer.loaded.targets.ready["fra1"])

    @property
    def last(self) -> Round | None:
        return self.writer.fleet_state.states["fra1"].last

    @asynccontextmanager
    async def one_shot(self) -> AsyncIterator[OneShotRounds]:
        with TimestampLedger(self.state) as ledger:
            async with OneShotRounds(self.state, ledger, self.log.append) as rounds:
                yield rounds


@asynccontextmanager
async def writing(tmp_path: Path, lab: LabServer, server: Server) -> AsyncIterator[Site]:
    """A writer for a server, whose configuration is written."""
    config, state, log = tmp_path / "config", tmp_path / "state", list[str]()
    loaded = await asyncio.to_thread(load_config, config)
    writer = build_writer(state, loaded, WriterLock.acquire(state), config_dir=config, log_request=log.append)
    async with running_writer(writer) as running:
        await until(lambda: writer.fleet_state.states["fra1"].last)
        yield Site(lab, server, writer, config, state, log, running)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with healthy("fra1") as (lab, quick):
        server = replace(quick, interval=RARELY_S, timeout=2.0)
        write_config(tmp_path / "config", server)
        async with writing(tmp_path, lab, server) as found:
            yield found


@pytest.fixture
async def tunnelled(tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose server answers echoes inside the tunnel."""
    own, inner = ip_interface("10.8.0.2/32"), ip_address("10.8.0.1")
    setup = LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public, (own.network,)),), (inner,))
    async with LabServer(setup) as lab:
        server = replace(
            quick_server("fra1", lab.endpoint, key=lab.public_key),
            interval=RARELY_S,
            timeout=2.0,
            tunnel=True,
            tunnel_ping=(inner,),
        )
        write_config(tmp_path / "config", server)
        identity = replace(IDENTITY, addresses=(own,))
        update(tmp_path / "config", lambda _: Fleet((server,), (identity,)))
        async with writing(tmp_path, lab, server) as found:
            yield found


async def command(site: Site, *words: str) -> tuple[int, str, str]:
    places = ("--config", site.config, "--state", site.state)
    ran = await asyncio.to_thread(run_program, *words, *places)
    return ran.code, ran.out.decode(errors="replace"), own_lines(ran.err.decode())


async def test_the_writer_makes_the_round_and_hands_over_all_of_it(site: Site) -> None:
    async with site.one_shot() as rounds:
        outcome = await rounds.run(site.server, site.target, DEEP)
        assert rounds._prober is None
    assert outcome == site.last
    assert outcome.check.exchange
    assert outcome.port_monitor is not None  # only a deep check has one


async def test_a_round_counts_as_a_check_of_the_writer(site: Site) -> None:
    samples = site.writer.fleet_state.states["fra1"].samples
    before = len(samples.recent(20))
    async with site.one_shot() as rounds:
        for _ in range(3):
            await rounds.run(site.server, site.target, CheckDepth())
    assert len(samples.recent(20)) == before + 3


async def test_a_round_in_flight_ends_before_the_requested_one_begins(site: Site) -> None:
    async with site.one_shot() as rounds:
        both = await asyncio.gather(
            *(rounds.run(site.server, site.target, depth) for depth in (CheckDepth(), DEEP))
        )
    first, second = (outcome.check for outcome in both)
    assert both[1].port_monitor is not None
    assert second.started_at >= first.started_at + first.exchange[-1].at
    assert [outcome.diagnosis.verdict for outcome in both] == [Verdict.HEALTHY] * 2


@pytest.mark.parametrize(
    "words",
    default_run(
        [("probe", "fra1", "--json")],
        [
            ("probe", "fra1", "--json"),
            ("probe", "--format", "nagios"),
            ("probe", "--format", "checkmk", "--quick"),
            ("probe", "--count", "2"),
        ],
    ),
    ids=lambda words: " ".join(words),
)
async def test_every_form_of_probe_asks_the_writer(site: Site, words: tuple[str, ...]) -> None:
    before = site.last
    code, out, err = await command(site, *words)
    assert (code, err) == (0, "")
    assert "fra1" in out
    assert site.last is not before
    if "--json" in words:
        assert json.loads(out)["exchange"][0]["hex"] == site.last.check.exchange[0].data.hex()  # type: ignore[union-attr]


async def test_the_library_asks_the_writer(site: Site) -> None:
    found = await check_async("fra1", config=site.config, state=site.state, quick=True)
    assert found == site.last


async def test_an_exchange_with_keys_is_a_check_of_the_writer(site: Site) -> None:
    output = site.state / "fra1.pcapng"
    words = ("export", "exchange", "fra1", "--format", "pcapng", "--with-keys", "--yes-show-keys")
    before = site.last
    code, _, err = await command(site, *words, "--output", str(output))
    assert code == 0, err
    assert site.last is not before
    assert site.last
    written = await asyncio.to_thread(output.read_bytes)
    initiation = next(each for each in site.last.check.exchange if each.direction is Direction.SENT)
    assert initiation.data in written
    assert f"LOCAL_STATIC_PRIVATE_KEY = {CLIENT.to_text()}\n".encode() in written


async def test_the_one_time_keys_are_those_of_the_packets_and_appear_in_no_log(site: Site) -> None:
    async with site.one_shot() as rounds:
        done = await rounds.run_with_keys(site.target)
    [secret] = done.secrets
    ephemeral = PrivateKey.from_text(secret)
    assert ephemeral.public.raw in done.outcome.check.exchange[0].data
    assert set(done.ports) >= {"4"}
    assert "root requested: probe with keys fra1" in site.log
    assert not any(secret in line for line in site.log)
    assert ephemeral.to_text() not in repr(done)


def test_the_group_of_the_directory_gets_rounds_but_no_keys() -> None:
    assert Operation.PROBE in GROUP_OPERATIONS
    assert Operation.PROBE_WITH_KEYS not in GROUP_OPERATIONS


async def test_a_server_that_the_writer_has_otherwise_is_checked_here(site: Site) -> None:
    before = site.last
    changed = replace(site.server, slow=site.server.slow + 1)
    async with site.one_shot() as rounds:
        outcome = await rounds.run(changed, replace(site.target, server=changed), CheckDepth())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert site.last is before
    assert "another entry or other keys" in site.log[-1]


async def test_a_paused_server_is_checked_here(site: Site) -> None:
    site.writer.pause(["fra1"], True)
    async with site.one_shot() as rounds:
        outcome = await rounds.run(site.server, site.target, CheckDepth())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


async def test_an_older_writer_is_told_from_its_greeting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    older = frozenset(Operation) - {Operation.PROBE, Operation.PROBE_WITH_KEYS}
    monkeypatch.setattr("wgmon_tui.control.server.allowed_operations", lambda *_: older)
    before = site.last
    async with site.one_shot() as rounds:
        outcome = await rounds.run(site.server, site.target, CheckDepth())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert site.last is before
    assert site.log == ["checking beside an older wgmon-tui: restart it, so that it makes the checks"]


async def test_a_slow_check_holds_up_no_other_request_of_its_connection(site: Site) -> None:
    connection = await ControlConnection.connect(site.state)
    try:
        other = TimestampLedger(site.state)
        async with other.identity_locks.hold(site.target):  # the check waits for this lock
            probe = asyncio.create_task(
                connection.ask(
                    Operation.PROBE, ["fra1"], digest=target_digest(site.target), timeout_s=PATIENCE_S
                )
            )
            for _ in range(10):
                await connection.ask(Operation.STATS)
            assert not probe.done()
        assert (await probe)["round"]
    finally:
        await connection.close()


async def test_a_long_wait_for_the_writer_is_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.control.one_shot_rounds._FIRST_PROGRESS_S", 0.01)
    async with TimestampLedger(site.state).identity_locks.hold(site.target), site.one_shot() as rounds:
        asking = asyncio.create_task(rounds.run(site.server, site.target, CheckDepth()))
        await until(lambda: site.log)
        asking.cancel()
    assert site.log == [f"waiting for 1 check of the running wgmon-tui (pid {os.getpid()})"]


async def test_if_the_writer_ends_during_the_check_the_command_checks_itself(site: Site) -> None:
    async with site.one_shot() as rounds:
        async with TimestampLedger(site.state).identity_locks.hold(site.target):
            asking = asyncio.create_task(rounds.run(site.server, site.target, CheckDepth()))
            await until(lambda: site.writer.engine._is_being_checked("fra1"))
            site.running.cancel()
            await asyncio.gather(site.running, return_exceptions=True)
        outcome = await asking
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert site.log[-1] == "the running wgmon-tui did not check fra1: the writer has ended"


@pytest.mark.parametrize("operation", [Operation.PROBE, Operation.PROBE_WITH_KEYS])
async def test_a_client_that_hangs_up_does_not_hurt_the_writer(site: Site, operation: Operation) -> None:
    other = TimestampLedger(site.state)
    async with other.identity_locks.hold(site.target):
        connection = await ControlConnection.connect(site.state)
        asking = asyncio.create_task(
            connection.ask(operation, ["fra1"], digest=target_digest(site.target), timeout_s=PATIENCE_S)
        )
        await until(lambda: site.writer.engine._is_being_checked("fra1"))
        asking.cancel()
        await connection.close()
    before = site.last
    await until(lambda: site.last is not before)
    async with site.one_shot() as rounds:
        outcome = await rounds.run(site.server, site.target, CheckDepth())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


async def test_a_probe_of_several_servers_is_refused(site: Site) -> None:
    connection = await ControlConnection.connect(site.state)
    with pytest.raises(RequestRefusedError, match="one server"):
        await connection.ask(Operation.PROBE, ["fra1", "fra1"], digest="x")
    await connection.close()


async def test_another_process_on_the_identity_is_a_local_fault_and_no_loss(site: Site) -> None:
    site.writer._stamps.identity_locks.wait_limit_s = 0.0
    other = TimestampLedger(site.state)
    async with other.identity_locks.hold(site.target), site.one_shot() as rounds:
        outcome = await rounds.run(site.server, site.target, CheckDepth())
    assert outcome.diagnosis.verdict is Verdict.LOCAL_FAULT
    assert "same identity" in outcome.diagnosis.summary
    assert outcome.check.exchange == ()


def test_the_digest_covers_entry_and_keys() -> None:
    server = Server("fra1", NOWHERE, CLIENT.public, "bastion")
    target = Target(server, CLIENT)
    others = (
        replace(target, server=replace(server, note="changed")),
        replace(target, preshared_key=PresharedKey(b"p" * 32)),
    )
    assert len({target_digest(each) for each in (target, *others)}) == 3
    assert target_digest(target) == target_digest(Target(server, CLIENT))


# The soak


@pytest.fixture
def brief_soak(monkeypatch: pytest.MonkeyPatch) -> None:
    """A soak of the same echoes that takes three seconds, with a report every tenth of a second."""
    monkeypatch.setattr(soak, "_FAST_GAP_S", 0.01)
    monkeypatch.setattr(soak, "_SLOW_GAP_S", 0.02)
    monkeypatch.setattr(one_shot_rounds, "_SOAK_REPORT_S", 0.1)


@pytest.mark.usefixtures("brief_soak")
async def test_the_writer_runs_a_requested_soak_and_reports_how_far_it_is(tunnelled: Site) -> None:
    async with tunnelled.one_shot() as rounds:
        outcome = await rounds.run(tunnelled.server, tunnelled.target, CheckDepth(soak=True))
        assert rounds._prober is None
    found = first_of_kind(Soak, outcome.check.evidence)
    assert found is not None
    assert (found.sent, found.received) == (100, 100)
    assert any(" of 100 echoes, " in line for line in tunnelled.log)
    assert tunnelled.writer.engine.soaks == {}


@pytest.mark.thorough
@pytest.mark.usefixtures("brief_soak")
async def test_without_a_writer_the_command_reports_its_own_soak(tunnelled: Site, tmp_path: Path) -> None:
    with TimestampLedger(tmp_path / "another") as ledger:
        async with OneShotRounds(tmp_path / "another", ledger, tunnelled.log.append) as rounds:
            await rounds.run(tunnelled.server, tunnelled.target, CheckDepth(soak=True))
    assert any(line.startswith("fra1: soak: 100 of 100 echoes, ") for line in tunnelled.log)


async def test_a_round_of_a_server_that_was_added_just_now_waits_until_the_writer_knows_it(
    site: Site,
) -> None:
    added = replace(site.server, name="ams1")
    async with site.one_shot() as rounds:
        update(site.config, lambda fleet: replace(fleet, servers=(*fleet.servers, added)))
        target = (await asyncio.to_thread(load_config, site.config)).targets.ready["ams1"]
        outcome = await rounds.run_when_known(target, CheckDepth())
        assert rounds._prober is None
    assert outcome
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert site.writer.fleet_state.states["ams1"].last


async def test_without_a_writer_no_round_waits_for_one(site: Site, tmp_path: Path) -> None:
    with TimestampLedger(tmp_path / "other") as ledger:
        async with OneShotRounds(tmp_path / "other", ledger) as rounds:
            assert await rounds.run_when_known(site.target, CheckDepth()) is None
