"""The screen of subscriptions: what differs, its application after a question, and its empty states."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.subscriptions.list_server import ListServer, list_server
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import NOW, QuietEngine
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.config.servers_file import read
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.lists.subscriptions_screen import SubscriptionsScreen
from wgmon_tui.tui.server.screen import ServerScreen

LIST = b"trojan://SECRET@a.example:444#a\ntrojan://SECRET@c.example:443#c\nssr://x\n"
BEFORE = "".join(
    f'[[server]]\nname = "{name}"\nendpoint = "{name}.example:443"\nprotocol = "trojan"\n'
    f'tags = ["subscription:p"]\n[server.trojan]\nlink_file = "{name}.link"\n'
    for name in ("a", "b")
)
DIFFERENCE = [
    "+ c trojan c.example:443",
    "~ a trojan a.example:443 -> a.example:444 (endpoint changed)",
    "- b trojan b.example:443",
    '? "link 3": wgmon-tui cannot check a link of ssr://',
]


@pytest.fixture
def provider() -> Iterator[ListServer]:
    with list_server() as server:
        server.body = LIST
        server.userinfo = f"upload=0; download=60000000000; total=100000000000; expire={NOW + 12 * DAY_S:.0f}"
        yield server


def private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)


@asynccontextmanager
async def opened(
    directory: Path,
    provider: ListServer | None,
    *,
    size: tuple[int, int] = (80, 24),
    read_only: bool = False,
) -> AsyncIterator[Face]:
    config = directory / "config"
    config.mkdir()
    private(config / "servers.toml", BEFORE)
    for name in ("a", "b"):
        private(config / f"{name}.link", f"trojan://SECRET@{name}.example:443")
    if provider:
        private(config / "p.url", provider.url)
        private(config / "config.toml", '[[subscription]]\nname = "p"\nurl_file = "p.url"\n')
    engine = QuietEngine(read(config).fleet.servers)
    async with face(engine, config_dir=config, state_dir=directory, size=size, read_only=read_only) as it:
        await it.press("U")
        assert isinstance(it.app.screen, SubscriptionsScreen)
        await it.read()
        yield it


async def until(it: Face, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await it.pilot.pause(0.02)


def listed(it: Face) -> list[str]:
    """The lines of the list, without blanks."""
    return [" ".join(each.split()) for each in it.lines()[1:12] if each.strip()]


def differences(it: Face) -> list[str]:
    return [" ".join(each.split()) for each in it.lines()[1:12] if each.startswith(" " * 5) and each.strip()]


async def fetch(it: Face) -> None:
    await it.press("r")
    await until(it, lambda: bool(differences(it)))


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_a_fetched_list_shows_what_differs(
    tmp_path: Path, provider: ListServer, size: tuple[int, int]
) -> None:
    async with opened(tmp_path, provider, size=size) as it:
        assert "not fetched yet" in listed(it)[0]
        await fetch(it)
        assert differences(it) == DIFFERENCE
        assert "1 new, 1 changed, 1 removed" in listed(it)[0]
        assert "ends in 12 d" in listed(it)[0]
        detail = " ".join(str(it.app.screen.query_one("#detail", Static).content).split())
        assert re.search(
            r"The provider says: it ends .*, 37\.3 GiB of 93\.1 GiB left\. It was fetched", detail
        )
        assert "SECRET" not in "\n".join(it.lines())


async def test_what_a_writer_found_is_shown_without_a_fetch_to_those_who_only_look(
    tmp_path: Path, provider: ListServer
) -> None:
    async with opened(tmp_path, provider) as it:
        await fetch(it)
    asked = len(provider.asked)
    (tmp_path / "config" / "servers.toml").unlink()
    for each in (tmp_path / "config").iterdir():
        each.unlink()
    (tmp_path / "config").rmdir()
    async with opened(tmp_path, provider, read_only=True) as it:
        assert differences(it) == DIFFERENCE
        for key, what in (("r", "fetch"), ("a", "apply")):
            await it.press(key)
            assert it.notices() == [f"Read only: {what} is off. Start without --read-only."]
    assert len(provider.asked) == asked


async def test_it_is_applied_after_a_question_only(tmp_path: Path, provider: ListServer) -> None:
    async with opened(tmp_path, provider) as it:
        await fetch(it)
        await it.press("a")
        assert isinstance(it.app.screen, ConfirmDialog)
        await it.press("escape")
        assert [each.name for each in read(tmp_path / "config").fleet.servers] == ["a", "b"]
        await it.press("a")
        await it.press("y")
        await until(it, lambda: any("applied" in line for line in it.notices()))
        found = read(tmp_path / "config").fleet.servers
        assert [(each.name, str(each.endpoint)) for each in found] == [
            ("a", "a.example:444"),
            ("c", "c.example:443"),
        ]
        assert differences(it) == DIFFERENCE[3:]


@pytest.mark.thorough
async def test_a_list_that_changed_after_it_was_shown_is_not_applied(
    tmp_path: Path, provider: ListServer
) -> None:
    async with opened(tmp_path, provider) as it:
        await fetch(it)
        provider.body = LIST.replace(b"c.example", b"evil.example")
        await it.press("a")
        await it.press("y")
        await until(it, lambda: it.notices() != [])
        assert it.notices() == ["p has changed since it was shown. Nothing was applied."]
        assert "+ c trojan evil.example:443" in differences(it)
        assert [each.name for each in read(tmp_path / "config").fleet.servers] == ["a", "b"]


async def test_a_failed_fetch_keeps_what_is_known_and_names_no_token(
    tmp_path: Path, provider: ListServer
) -> None:
    async with opened(tmp_path, provider) as it:
        await fetch(it)
        provider.status = 403
        await it.press("r")
        await until(it, lambda: it.notices() != [])
        assert it.notices() == ['subscription "p": HTTP 403; check the token in the address']
        assert differences(it) == DIFFERENCE


@pytest.mark.thorough
async def test_enter_opens_a_server_that_the_list_changes(tmp_path: Path, provider: ListServer) -> None:
    async with opened(tmp_path, provider) as it:
        await fetch(it)
        await it.press("j", "enter")
        (notice,) = it.notices()
        assert notice.startswith("Nothing to open here: move to a server that is changed")
        await it.press("j", "enter")
        assert isinstance(it.app.screen, ServerScreen)
        await it.press("escape", "escape")
        assert it.at_home


async def test_without_a_subscription_the_lines_to_add_are_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as it:
        text = str(it.app.screen.query_one("#nothing", Static).content)
        assert 'url_file = "provider.url"' in text
        await it.press("r")
        assert it.notices() == ["There is no list here yet"]


async def test_the_demo_has_no_subscriptions() -> None:
    async with face() as it:
        await it.press("U")
        assert "The demo follows no list" in str(it.app.screen.query_one("#nothing", Static).content)
