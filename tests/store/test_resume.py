from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.store.engine_updates import START, answered, incident, lost, opened, server
from tests.store.recorder_harness import Desk, recording
from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.store.timestamp_ledger import TimestampLedger


def next_life(state_dir: Path, *names: str, paused: bool = False) -> tuple[Engine, Desk]:
    """Return an engine restored from the store, and a harness with its servers."""
    with TimestampLedger(state_dir) as timestamps:
        engine = Engine(Prober(timestamps=timestamps.next))
    engine.watch([replace(server(name), paused=paused) for name in names], {}, {})
    desk = Desk(state_dir)
    desk.states = dict(engine.fleet_state.states)
    desk.recorder.start()
    desk.recorder.restore(engine)
    desk.recorder.watch(engine.fleet_state.states.values())
    return engine, desk


def test_a_program_that_starts_again_shows_at_once_what_it_knew(tmp_path: Path) -> None:
    damping = Damping(Severity.DOWN, (Severity.DOWN,) * 3, (START,), START)
    with recording(Desk(tmp_path)) as desk:
        desk.run(300)
        each = desk.states["fra1"]
        each.severity, each.since, each.damping = Severity.DOWN, desk.clock.now, damping
        each.incident = incident(opened_at=desk.clock.now)
        desk.recorder(each, lost("fra1", desk.clock.now), opened(each.incident))
    engine, again = next_life(tmp_path, "fra1", "new")
    again.recorder.stop()
    found = engine.fleet_state.states["fra1"]
    assert (found.severity, found.since, found.damping) == (Severity.DOWN, START + 300, damping)
    assert found.incident == each.incident
    assert found.verdict is Verdict.SILENT
    assert len(found.samples) == 31
    assert found.samples.recent(1) == [None]
    assert engine.fleet_state.states["new"].severity is Severity.UNKNOWN


def test_an_incident_goes_on_as_the_same_one_with_the_failures_that_it_kept(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
        each = desk.states["fra1"]
        each.incident = incident()
        desk.recorder(each, lost("fra1", START + 10), opened(each.incident))
        for number in range(2, 40):
            desk.recorder(each, lost("fra1", START + 10 * number), ())
    engine, again = next_life(tmp_path, "fra1")
    for number in range(40, 80):
        again.recorder(engine.fleet_state.states["fra1"], lost("fra1", START + 10 * number), ())
    again.written()
    again.recorder.stop()
    kinds = again.query("SELECT kind, count(*) FROM exchanges GROUP BY kind ORDER BY kind")
    # Ten, and at the 20th and the 40th; after the start it continues from the 20th.
    assert kinds == [("change", 1), ("failure", 12), ("good", 1)]
    assert again.query("SELECT id, closed_at FROM incidents") == [(incident().id, None)]


def test_the_last_good_exchange_of_an_earlier_run_is_there(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
    engine, again = next_life(tmp_path, "fra1")
    again.recorder(engine.fleet_state.states["fra1"], lost("fra1", START + 10), ())
    again.written()
    again.recorder.stop()
    assert again.query("SELECT kind, at FROM exchanges ORDER BY at") == [
        ("good", START),
        ("change", START + 10),
    ]


def test_a_pause_lasts_over_a_start_and_is_still_of_whom_it_was(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
        each = desk.states["fra1"]
        each.paused, each.paused_by, each.severity, each.since = True, "ana", Severity.PAUSED, START + 5
        each.paused_until = START + 60
        desk.recorder(each, None, ())
    engine, again = next_life(tmp_path, "fra1")
    again.written()
    again.recorder.stop()
    found = engine.fleet_state.states["fra1"]
    assert (found.paused, found.paused_by, found.severity) == (True, "ana", Severity.PAUSED)
    assert found.paused_until == START + 60
    assert again.query("SELECT since, who FROM pauses") == [(START + 5, "ana")]


def test_what_servers_toml_no_longer_pauses_is_not_paused_after_a_start(tmp_path: Path) -> None:
    _, first = next_life(tmp_path, "fra1", paused=True)
    first.written()
    first.recorder.stop()
    engine, again = next_life(tmp_path, "fra1")
    again.recorder.stop()
    assert not engine.fleet_state.states["fra1"].paused
    assert engine.fleet_state.states["fra1"].severity is Severity.UNKNOWN


def test_without_a_readable_store_the_engine_starts_fresh_with_a_notice(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no directory")
    engine, again = next_life_without(tmp_path)
    assert engine.fleet_state.states["fra1"].severity is Severity.UNKNOWN
    assert again.recorder.notice is not None
    assert "earlier results are not shown" in again.recorder.notice
    again.recorder(engine.fleet_state.states["fra1"], answered("fra1", START), ())
    again.recorder.stop()


def next_life_without(tmp_path: Path) -> tuple[Engine, Desk]:
    with TimestampLedger(tmp_path) as timestamps:
        engine = Engine(Prober(timestamps=timestamps.next))
    engine.watch([server("fra1")], {}, {})
    desk = Desk(tmp_path / "state")
    desk.recorder.start()
    desk.recorder.restore(engine)
    return engine, desk


def down_at_the_end(state_dir: Path) -> None:
    """Leave a store in which fra1 is down when the program ends."""
    with recording(Desk(state_dir, ("fra1", "ams1"))) as desk:
        each = desk.states["fra1"]
        each.incident = incident()
        desk.recorder(each, lost("fra1", START + 10), opened(each.incident))


def test_an_incident_of_a_server_that_was_removed_meanwhile_is_closed_and_sent(
    tmp_path: Path,
) -> None:
    down_at_the_end(tmp_path)
    _, again = next_life(tmp_path, "ams1")
    again.written()
    again.recorder.stop()
    assert again.value("SELECT closed_at FROM incidents") == again.clock.now
    assert again.query("SELECT what FROM outbox ORDER BY id") == [("opened",), ("closed",)]
    assert again.query("SELECT text FROM notes") == [("left servers.toml",)]


def test_an_incident_of_a_server_that_was_paused_in_its_file_meanwhile_is_over(tmp_path: Path) -> None:
    down_at_the_end(tmp_path)
    engine, again = next_life(tmp_path, "fra1", "ams1", paused=True)
    again.written()
    again.recorder.stop()
    assert engine.fleet_state.states["fra1"].incident is None
    assert again.query("SELECT what FROM outbox ORDER BY id") == [("opened",), ("closed",)]
    assert again.query("SELECT text FROM notes") == [("paused",)]


def restart(state_dir: Path, target: Target) -> Engine:
    """Return an engine restored from the store that checks this target."""
    engine = Engine(Prober(timestamps=lambda _: b""))
    engine.watch([target.server], {target.server.name: target}, {})
    desk = Desk(state_dir)
    desk.recorder.start()
    desk.recorder.restore(engine)
    desk.recorder.stop()
    return engine


def record_failure(state_dir: Path, target: Target) -> None:
    """Record an answer at START to this target's keys, and a failure after it."""
    with recording(Desk(state_dir)) as desk:
        good = answered("fra1", START)
        probed_as = ProbedAs(target.private_key.public)
        good = replace(good, checks=(replace(good.check, probed_as=probed_as),))
        desk.recorder(desk.states["fra1"], good, ())
        desk.states["fra1"].damping = Damping(Severity.DOWN, (Severity.DOWN,) * 3, (START,), START)
        desk.recorder(desk.states["fra1"], lost("fra1", START + 10), ())


def test_until_when_the_keys_worked_is_known_after_a_start(tmp_path: Path) -> None:
    target = Target(server("fra1"), PrivateKey(bytes(range(32))))
    record_failure(tmp_path, target)
    last_answer = restart(tmp_path, target).fleet_state.states["fra1"].last_answer
    assert last_answer is not None
    assert last_answer.at == START


def test_an_answer_to_another_identity_is_not_restored(tmp_path: Path) -> None:
    target = Target(server("fra1"), PrivateKey(bytes(range(32))))
    record_failure(tmp_path, target)
    other = replace(target, private_key=PrivateKey(bytes(32)))
    assert restart(tmp_path, other).fleet_state.states["fra1"].last_answer is None


def test_an_answer_of_another_server_key_is_not_restored(tmp_path: Path) -> None:
    target = Target(server("fra1"), PrivateKey(bytes(range(32))))
    record_failure(tmp_path, target)
    rotated = replace(target, server=replace(target.server, public_key=PrivateKey(bytes(32)).public))
    assert restart(tmp_path, rotated).fleet_state.states["fra1"].last_answer is None
