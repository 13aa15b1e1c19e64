"""The wait of `add`: which results of a check end it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.output.sample_rounds import healthy, server, silent, unresolved
from wgmon_tui.checks.protocol import ProtocolTarget, Targets
from wgmon_tui.cli import add_wait
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
    waiting = _Waiting(rounds, Targets({}, {}), Progress("add"), time.monotonic() + limit_s)
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
