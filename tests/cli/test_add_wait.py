"""The wait of `add`: which results of a check end it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.output.sample_rounds import healthy, server, silent, unresolved
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.cli import add_wait
from wgmon_tui.cli.add_attempts import AttemptLog
from wgmon_tui.cli.add_wait import _Waiting
from wgmon_tui.cli.progress import Progress
from wgmon_tui.config.models import Server
from wgmon_tui.control.one_shot_rounds import OneShotRounds
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round


class ScriptedRounds(OneShotRounds):
    """Returns the rounds of a script; the last one again and again."""

    def __init__(self, script: Sequence[Round]) -> None:
        self.script = list(script)
        self.depths: list[CheckDepth] = []

    async def run_here(
        self, server: Server, target: ProtocolTarget | None, depth: CheckDepth, *, problem: str = ""
    ) -> Round:
        self.depths.append(depth)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


async def wait(script: Sequence[Round], limit_s: float = 60.0) -> tuple[str, list[CheckDepth]]:
    rounds = ScriptedRounds(script)
    waiting = _Waiting(
        rounds, Targets({}, {}), Progress("add"), log_of("fra1")[0], time.monotonic() + limit_s
    )
    found = await waiting.run([server("fra1")])
    return found["fra1"].diagnosis.verdict.slug, rounds.depths


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(add_wait, "_BETWEEN_CHECKS_S", 0.0)


async def test_silence_never_ends_the_wait_before_its_limit() -> None:
    verdict, depths = await wait([*[silent()] * 20, healthy()])
    assert (verdict, len(depths)) == ("healthy", 22)


async def test_the_result_is_that_of_a_full_check() -> None:
    _, depths = await wait([healthy()])
    assert depths == [CheckDepth(), CheckDepth(deep=True, explain=True)]


async def test_another_failure_ends_the_wait_after_three_equal_results() -> None:
    verdict, depths = await wait([silent(), unresolved()])
    assert (verdict, len(depths)) == ("dns-failure", 5)


async def test_a_failure_that_changes_does_not_end_the_wait() -> None:
    verdict, depths = await wait(
        [unresolved(), unresolved(), silent(), unresolved(), unresolved(), healthy()]
    )
    assert (verdict, len(depths)) == ("healthy", 7)


async def test_without_time_only_the_full_check_runs() -> None:
    _, depths = await wait([silent()], limit_s=0.0)
    assert depths == [CheckDepth(deep=True, explain=True)]


# What a person reads


def log_of(*names: str) -> tuple[AttemptLog, list[str]]:
    said: list[str] = []
    return AttemptLog(names, said.append), said


async def said_while_waiting(*script: Round) -> list[str]:
    attempts, said = log_of("fra1")
    deadline = time.monotonic() + 299.0
    waiting = _Waiting(ScriptedRounds(script), Targets({}, {}), Progress("add"), attempts, deadline)
    await waiting.run([server("fra1")])
    return said


async def test_each_change_is_one_line_with_verdict_causes_and_how_long_it_goes_on() -> None:
    lines = await said_while_waiting(silent(), silent(), unresolved(), unresolved(), silent(), healthy())
    silence = silent().diagnosis
    assert lines[0] == (
        f"fra1: silent. {silence.summary} Likely 1 of {len(silence.causes)}: "
        f"{'; or '.join(each.cause for each in silence.causes[:3])}; or others. Trying again for 5 min."
    )
    assert lines[1].startswith("fra1: dns-failure. ")
    assert lines[1].endswith(" Trying again up to 2 times.")
    assert lines[2:] == [lines[0], "fra1: the handshake works now. Testing the data path."]


async def test_a_server_that_is_up_at_once_says_nothing_before_its_result() -> None:
    assert await said_while_waiting(healthy()) == []


def test_of_many_servers_no_line_has_causes() -> None:
    attempts, said = log_of("a", "b", "c", "d")
    attempts.note_failure("a", silent().diagnosis, 90.0, 2)
    assert said == [f"a: silent. {silent().diagnosis.summary} Trying again for 90 s."]


def test_a_stopped_wait_says_what_was_found_last() -> None:
    attempts, _ = log_of("a")
    assert attempts.describe_stop() == 'stopped waiting; "a" stays in servers.toml'
    attempts.note_failure("a", silent().diagnosis, 90.0, 2)
    assert attempts.describe_stop() == 'stopped waiting; last result: silent; "a" stays in servers.toml'
    attempts, _ = log_of("a", "b")
    attempts.note_failure("b", unresolved().diagnosis, 90.0, 2)
    assert attempts.describe_stop() == (
        'stopped waiting; last result: dns-failure for "b"; "a" and "b" stay in servers.toml'
    )


def test_the_live_line_says_how_long_it_goes_on_and_how_to_stop_it() -> None:
    progress = Progress("add")
    progress.show("fra1: silent, trying again")
    progress.ends_at(time.monotonic() + 299.5)
    assert progress.text() == "add: fra1: silent, trying again, 0 s, 4 min left (Ctrl+C stops)"
    progress.ends_at(time.monotonic() - 1.0)
    assert progress.text() == "add: fra1: silent, trying again, 0 s"
