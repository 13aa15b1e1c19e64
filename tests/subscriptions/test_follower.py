"""The writer follows lists: in their time, by their rule, and with the last good list after a failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.subscriptions.list_server import ListServer, list_server
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.servers_file import read
from wgmon_tui.config.subscriptions_toml import Subscription
from wgmon_tui.subscriptions import follower
from wgmon_tui.subscriptions.application import apply, compare_list
from wgmon_tui.subscriptions.follower import SubscriptionFollower
from wgmon_tui.subscriptions.quota import Quota

A, B = b"trojan://SECRET@a.example:443#a", b"trojan://SECRET@b.example:443#b"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[ListServer]:
    monkeypatch.setattr(follower, "POLL_S", 0.01)
    with list_server() as server:
        server.body = A
        yield server


class Log:
    """Lines of the writer, and an event for each."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self._changed.set()

    async def wait_for(self, words: str) -> None:
        async with asyncio.timeout(20):
            while not any(words in line for line in self.lines):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def running(
    directory: Path, subscription: Subscription, log: Log
) -> AsyncIterator[SubscriptionFollower]:
    followed = SubscriptionFollower(directory, directory, log)
    followed.watch([subscription])
    task = asyncio.create_task(followed.run())
    try:
        yield followed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def listed(provider: ListServer, rule: str = "all") -> Subscription:
    return Subscription("p", SecretSource(SecretForm.INLINE, provider.url), 3600.0, rule)  # type: ignore[arg-type]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something of which the follower tells nobody."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def names(directory: Path) -> list[str]:
    return [each.name for each in read(directory).fleet.servers]


async def test_a_list_is_applied_by_its_rule(provider: ListServer, tmp_path: Path) -> None:
    log = Log()
    async with running(tmp_path, listed(provider), log) as followed:
        await log.wait_for("1 new, applied")
        assert names(tmp_path) == ["a"]
        assert followed.notices == ()
    assert "SECRET" not in str(log.lines)


async def test_a_list_that_waits_for_an_answer_is_a_notice_until_it_is_applied(
    provider: ListServer, tmp_path: Path
) -> None:
    log, asked = Log(), listed(provider, "ask")
    async with running(tmp_path, asked, log) as followed:
        await log.wait_for("1 new")
        line = 'subscription "p": 1 new; to see and apply it, type: wgmon-tui subscriptions'
        assert followed.notices == (line,)
        assert names(tmp_path) == []
        await asyncio.to_thread(lambda: apply(asked, compare_list(asked, A, tmp_path), tmp_path))
        await until(lambda: not followed.notices)
        assert len(provider.asked) == 1


async def test_a_subscription_that_ends_soon_is_a_notice_and_one_line_of_the_log(
    provider: ListServer, tmp_path: Path
) -> None:
    provider.userinfo = f"upload=1; download=2; total=1000; expire={int(time.time() + 6.5 * 86_400)}"
    log = Log()
    async with running(tmp_path, listed(provider), log) as followed:
        await log.wait_for(", in 6 d 1")
        [line] = followed.notices
        assert line.startswith('subscription "p": ends 20')
    assert len([each for each in log.lines if "ends" in each]) == 1


async def test_after_a_failure_the_last_good_list_stays(provider: ListServer, tmp_path: Path) -> None:
    log = Log()
    async with running(tmp_path, listed(provider), log):
        await log.wait_for("applied")
    provider.status = 500
    (tmp_path / "subscriptions.json").unlink(missing_ok=True)
    async with running(tmp_path, listed(provider), log) as followed:
        await log.wait_for("HTTP 500")
        assert names(tmp_path) == ["a"]
        assert "SECRET" not in str(followed.notices)


async def test_a_restart_fetches_nothing_before_its_time(provider: ListServer, tmp_path: Path) -> None:
    log = Log()
    async with running(tmp_path, listed(provider), log):
        await log.wait_for("applied")
        async with asyncio.timeout(20):
            while not (tmp_path / "subscriptions.json").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    other = replace(listed(provider), name="other")
    async with running(tmp_path, listed(provider), log) as followed:
        followed.watch([listed(provider), other])
        await log.wait_for('"other"')
    assert len(provider.asked) == 2


DAMAGED = {
    "cut off": '{"p": "x", "q": NaN',
    "a text": '{"p": "x"}',
    "no number": '{"p": NaN}',
    "too large for a float": f'{{"p": 1{"0" * 400}}}',
    "a list": "[1]",
}


@pytest.mark.parametrize("damage", default_run(("cut off", "too large for a float"), DAMAGED))
async def test_a_damaged_file_of_times_means_never(provider: ListServer, tmp_path: Path, damage: str) -> None:
    log = Log()
    (tmp_path / "subscriptions.json").write_text(DAMAGED[damage])
    async with running(tmp_path, listed(provider), log):
        await log.wait_for("applied")


async def test_an_internal_error_is_noted_by_its_type_and_ends_nothing(
    provider: ListServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("SECRET")

    log = Log()
    monkeypatch.setattr("wgmon_tui.subscriptions.application.compare_list", fail)
    async with running(tmp_path, listed(provider), log) as followed:
        await log.wait_for("internal error: KeyError")
        monkeypatch.undo()
        monkeypatch.setattr(follower, "POLL_S", 0.01)
        followed.watch([replace(listed(provider), name="other")])
        await log.wait_for("1 new, applied")
    assert "SECRET" not in str(log.lines)


async def test_the_end_that_a_provider_sends_is_known_by_the_tag_of_its_servers(
    provider: ListServer, tmp_path: Path
) -> None:
    provider.userinfo = "upload=1; download=2; total=30; expire=4102444800"
    log = Log()
    async with running(tmp_path, listed(provider), log) as followed:
        assert followed.find_ends() is None
        await log.wait_for("1 new, applied")
        assert followed.find_ends() == {"subscription:p": Expires("subscription", "p", 4_102_444_800.0)}
        assert followed.quotas == {"p": Quota(4_102_444_800.0, 3, 30)}
